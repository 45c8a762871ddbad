import { compilePattern, MAX_STEPS, search, type CompiledPattern, type Match } from "./regexp.ts";
import type { Value } from "./sql-number.ts";
import { MAX_TEXT, textOf } from "./sql-value.ts";

/** Compiled patterns by their text: most are the same from message to message. */
export class Patterns {
  readonly #known = new Map<string, CompiledPattern | undefined>();

  /** Undefined where the text is no pattern. */
  compiled(text: string): CompiledPattern | undefined {
    if (this.#known.has(text)) return this.#known.get(text);
    const made = compilePattern(text);
    const pattern = "problem" in made ? undefined : made;
    // A message may be the pattern: what is kept must end.
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    if (text.length <= MAX_KNOWN_LENGTH) this.#known.set(text, pattern);
    return pattern;
  }
}

const MAX_KNOWN = 256;
const MAX_KNOWN_LENGTH = 1024;

/** Whether a text contains a match. AWS IoT SQL reference, regexp_matches */
export function regexpMatches(args: readonly Value[], patterns: Patterns): Value {
  const given = givenIn(args, patterns);
  if (!given) return undefined;
  const budget = { left: MAX_STEPS };
  const match = search(given.pattern, given.text, 0, budget);
  return budget.left < 0 ? undefined : match !== undefined;
}

/** The first match. AWS IoT SQL reference, regexp_substr */
export function regexpSubstr(args: readonly Value[], patterns: Patterns): Value {
  const given = givenIn(args, patterns);
  if (!given) return undefined;
  const match = search(given.pattern, given.text, 0, { left: MAX_STEPS });
  return match && given.text.slice(match[0], match[1]);
}

/** The text with every match replaced; `$1` is what the first group matched. AWS IoT SQL reference, regexp_replace */
export function regexpReplace(args: readonly Value[], patterns: Patterns): Value {
  const given = givenIn(args, patterns);
  const by = args[2] === null ? undefined : textOf(args[2]);
  if (!given || by === undefined) return undefined;
  const pieces = replacementOf(by, given.pattern.groups);
  if (!pieces) return undefined;
  const { text, pattern } = given;
  const budget = { left: MAX_STEPS };
  let made = "";
  let from = 0;
  let at = 0;
  while (at <= text.length) {
    const match = search(pattern, text, at, budget);
    if (budget.left < 0) return undefined;
    if (!match) break;
    const [begin = 0, end = 0] = match;
    made += text.slice(from, begin) + filled(pieces, text, match);
    if (made.length > MAX_TEXT) return undefined;
    from = end;
    // An empty match stands between two characters: the next one is looked for behind the second.
    at = end > begin ? end : end + ((text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1);
  }
  made += text.slice(from);
  return made.length > MAX_TEXT ? undefined : made;
}

function givenIn([value, pattern]: readonly Value[], patterns: Patterns) {
  const text = value === null ? undefined : textOf(value);
  const written = pattern === null ? undefined : textOf(pattern);
  const compiled = written === undefined ? undefined : patterns.compiled(written);
  return text === undefined || !compiled ? undefined : { text, pattern: compiled };
}

/** Literal pieces and group numbers, or undefined for a replacement that names no group of the pattern. */
function replacementOf(text: string, groups: number): readonly (string | number)[] | undefined {
  const pieces: (string | number)[] = [];
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? "";
    if (character === "\\") {
      const next = text[++at];
      if (next === undefined) return undefined;
      pieces.push(next);
    } else if (character === "$") {
      let group = digitAt(text, at + 1);
      if (group === undefined || group > groups) return undefined;
      at++;
      // As many digits as still name a group.
      for (let more = digitAt(text, at + 1); more !== undefined && group * 10 + more <= groups; at++) {
        group = group * 10 + more;
        more = digitAt(text, at + 2);
      }
      pieces.push(group);
    } else pieces.push(character);
  }
  return pieces;
}

function digitAt(text: string, at: number): number | undefined {
  const code = text.charCodeAt(at) - 0x30;
  return code >= 0 && code <= 9 ? code : undefined;
}

function filled(pieces: readonly (string | number)[], text: string, match: Match): string {
  return pieces
    .map((piece) => (typeof piece === "string" ? piece : text.slice(match[2 * piece], match[2 * piece + 1])))
    .join("");
}
