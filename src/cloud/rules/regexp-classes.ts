/** Code points from the first to the second, both within. */
export type Range = readonly [from: number, to: number];

const LAST = 0x10ffff;
const DIGIT: readonly Range[] = [[0x30, 0x39]];
const UPPER: readonly Range[] = [[0x41, 0x5a]];
const LOWER: readonly Range[] = [[0x61, 0x7a]];
const WORD: readonly Range[] = [...DIGIT, ...UPPER, [0x5f, 0x5f], ...LOWER];
const SPACE: readonly Range[] = [
  [0x09, 0x0d],
  [0x20, 0x20],
];

/** @table `\d` and its like: ASCII, as in Java without further flags. */
export const CLASS_ESCAPES: Readonly<Record<string, readonly Range[]>> = {
  d: DIGIT,
  D: complement(DIGIT),
  w: WORD,
  W: complement(WORD),
  s: SPACE,
  S: complement(SPACE),
};

/** @table `\p{…}`: the POSIX classes of Java, US-ASCII. */
export const POSIX_CLASSES: Readonly<Record<string, readonly Range[]>> = {
  Alpha: [...UPPER, ...LOWER],
  Digit: DIGIT,
  Alnum: [...DIGIT, ...UPPER, ...LOWER],
  Upper: UPPER,
  Lower: LOWER,
  Space: SPACE,
  Punct: [
    [0x21, 0x2f],
    [0x3a, 0x40],
    [0x5b, 0x60],
    [0x7b, 0x7e],
  ],
  XDigit: [...DIGIT, [0x41, 0x46], [0x61, 0x66]],
};

/** All that is in none of the ranges. */
export function complement(ranges: readonly Range[]): readonly Range[] {
  const left: Range[] = [];
  let from = 0;
  for (const [first, last] of [...ranges].sort(([a], [b]) => a - b)) {
    if (first > from) left.push([from, first - 1]);
    from = Math.max(from, last + 1);
  }
  if (from <= LAST) left.push([from, LAST]);
  return left;
}

/** The ranges and the other case of their ASCII letters. */
export function foldedRanges(ranges: readonly Range[]): readonly Range[] {
  const more: Range[] = [];
  for (const [from, to] of ranges) {
    for (const [[first, last], shift] of [[UPPER[0] as Range, 32] as const, [LOWER[0] as Range, -32] as const]) {
      const [low, high] = [Math.max(from, first), Math.min(to, last)];
      if (low <= high) more.push([low + shift, high + shift]);
    }
  }
  return [...ranges, ...more];
}

/** Whether a code point is in one of the ranges. */
export function isWithin(code: number, ranges: readonly Range[]): boolean {
  for (const [from, to] of ranges) if (code >= from && code <= to) return true;
  return false;
}

/** As `\w` has it; not for -1, which stands for no character. */
export function isWordCharacter(code: number): boolean {
  return isWithin(code, WORD);
}
