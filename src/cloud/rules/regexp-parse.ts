import {
  CLASS_ESCAPES,
  complement,
  foldedRanges,
  isWordCharacter,
  POSIX_CLASSES,
  type Range,
} from "./regexp-classes.ts";

/** What a pattern says. */
export type PatternNode =
  | { readonly kind: "empty" }
  /** One character out of ranges of code points, both ends within. */
  | { readonly kind: "set"; readonly ranges: readonly Range[] }
  | { readonly kind: "assert"; readonly what: Assertion }
  | { readonly kind: "sequence" | "choice"; readonly of: readonly PatternNode[] }
  /** `group` is its number, counted from 1, or undefined where nothing is kept. */
  | { readonly kind: "group"; readonly of: PatternNode; readonly group: number | undefined }
  | {
      readonly kind: "repeat";
      readonly of: PatternNode;
      readonly min: number;
      /** Infinity where there is no end. */
      readonly max: number;
      readonly isLazy: boolean;
    };

export type Assertion = "begin" | "end" | "line-begin" | "line-end" | "word" | "no-word";

/** A pattern that is none, or asks for what cannot be matched in linear time; `at` is the offset in it. */
export type PatternProblem = { readonly problem: string; readonly at: number };

/** A pattern that was read. */
export type Pattern = { readonly root: PatternNode; readonly groups: number };

const MAX_DEPTH = 64;
const MAX_REPEAT = 1000;
const MAX_GROUPS = 32;
const ANY_BUT_NEWLINES = complement([
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x85, 0x85],
  [0x2028, 0x2029],
]);
const ANY: readonly Range[] = [[0, 0x10ffff]];

/** A pattern, or why it is none. The syntax of Java's that a machine without backtracking can run: no look-around, no references. */
export function parsePattern(text: string): Pattern | PatternProblem {
  const reader = new PatternReader(text);
  try {
    return reader.pattern();
  } catch (error) {
    if (error instanceof Fault) return { problem: error.problem, at: error.at };
    throw error;
  }
}

/** Ends the reading; never leaves this file. */
class Fault {
  readonly problem: string;
  readonly at: number;

  constructor(problem: string, at: number) {
    this.problem = problem;
    this.at = at;
  }
}

/** `(?i)`, `(?s)` and `(?m)`. */
type Flags = { readonly i: boolean; readonly s: boolean; readonly m: boolean };

class PatternReader {
  readonly #characters: readonly string[];
  #at = 0;
  #depth = 0;
  #groups = 0;
  #flags: Flags = { i: false, s: false, m: false };

  constructor(text: string) {
    this.#characters = Array.from(text);
  }

  pattern(): Pattern {
    const root = this.#choice();
    if (this.#peek() !== undefined) throw this.#fault("a ) that nothing opened");
    return { root, groups: this.#groups };
  }

  #choice(): PatternNode {
    if (++this.#depth > MAX_DEPTH) throw this.#fault(`groups nested deeper than ${MAX_DEPTH}`);
    const flags = this.#flags;
    const branches = [this.#sequence()];
    while (this.#take("|")) branches.push(this.#sequence());
    this.#flags = flags;
    this.#depth--;
    return branches.length === 1 ? (branches[0] as PatternNode) : { kind: "choice", of: branches };
  }

  #sequence(): PatternNode {
    const of: PatternNode[] = [];
    for (let next = this.#peek(); next !== undefined && next !== "|" && next !== ")"; next = this.#peek()) {
      const atom = this.#atom();
      of.push(this.#quantified(atom));
    }
    return of.length === 0 ? { kind: "empty" } : of.length === 1 ? (of[0] as PatternNode) : { kind: "sequence", of };
  }

  #quantified(atom: PatternNode): PatternNode {
    const at = this.#at;
    const bounds = this.#bounds();
    if (!bounds) return atom;
    if (atom.kind === "assert") throw new Fault("a quantifier after an anchor", at);
    const isLazy = this.#take("?");
    if (!isLazy && this.#peek() === "+") throw this.#fault("possessive quantifiers are not available");
    const again = this.#peek();
    if (again === "*" || again === "?" || again === "+") throw this.#fault("a quantifier after a quantifier");
    return { kind: "repeat", of: atom, ...bounds, isLazy };
  }

  #bounds(): { min: number; max: number } | undefined {
    if (this.#take("*")) return { min: 0, max: Infinity };
    if (this.#take("+")) return { min: 1, max: Infinity };
    if (this.#take("?")) return { min: 0, max: 1 };
    if (this.#peek() !== "{") return undefined;
    const at = this.#at++;
    const min = this.#number();
    const hasMax = this.#take(",");
    const max = hasMax ? (this.#number() ?? Infinity) : min;
    if (min === undefined || max === undefined || !this.#take("}")) throw new Fault("expected {n}, {n,} or {n,m}", at);
    if (min > max || min > MAX_REPEAT || (max !== Infinity && max > MAX_REPEAT)) {
      throw new Fault(`repetitions go from 0 to ${MAX_REPEAT}, the smaller first`, at);
    }
    return { min, max };
  }

  #number(): number | undefined {
    let digits = "";
    for (let next = this.#peek() ?? ""; /^[0-9]$/.test(next) && digits.length < 6; next = this.#peek() ?? "") {
      digits += next;
      this.#at++;
    }
    return digits === "" ? undefined : Number(digits);
  }

  #atom(): PatternNode {
    const at = this.#at;
    const character = this.#next();
    switch (character) {
      case "(":
        return this.#group(at);
      case "[":
        return this.#set(this.#class(at));
      case ".":
        return { kind: "set", ranges: this.#flags.s ? ANY : ANY_BUT_NEWLINES };
      case "^":
        return { kind: "assert", what: this.#flags.m ? "line-begin" : "begin" };
      case "$":
        return { kind: "assert", what: this.#flags.m ? "line-end" : "end" };
      case "\\":
        return this.#escape(at);
      case "*":
      case "+":
      case "?":
      case "{":
        throw new Fault("a quantifier with nothing before it", at);
      default:
        return this.#set([codeOf(character)]);
    }
  }

  #group(at: number): PatternNode {
    let group: number | undefined;
    const outer = this.#flags;
    if (this.#take("?")) {
      if (this.#flagsOnly(at)) return { kind: "empty" };
    } else {
      group = ++this.#groups;
      if (group > MAX_GROUPS) throw new Fault(`more than ${MAX_GROUPS} groups`, at);
    }
    const of = this.#choice();
    this.#flags = outer;
    if (!this.#take(")")) throw new Fault("a ( that is not closed", at);
    return { kind: "group", of, group };
  }

  /** What follows `(?`: gives whether it was flags alone, which hold to the end of the group around. */
  #flagsOnly(at: number): boolean {
    const flags = { ...this.#flags };
    for (let character = this.#next(); ; character = this.#next()) {
      if (character === ":" || character === ")") {
        this.#flags = flags;
        return character === ")";
      }
      if (character !== "i" && character !== "s" && character !== "m") {
        throw new Fault("look-around, named groups and other (? are not available", at);
      }
      flags[character] = true;
    }
  }

  #escape(at: number): PatternNode {
    const letter = this.#peek();
    const anchor = letter === undefined ? undefined : ANCHORS[letter];
    if (anchor) {
      this.#at++;
      return { kind: "assert", what: anchor };
    }
    if (letter !== undefined && /^[1-9k]$/.test(letter)) throw new Fault("back-references are not available", at);
    return this.#set(this.#escaped(at));
  }

  /** What an escape stands for, inside of brackets and outside. */
  #escaped(at: number): readonly Range[] {
    const letter = this.#next("an escape");
    const known = CLASS_ESCAPES[letter];
    if (known) return known;
    const control = CONTROLS[letter];
    if (control !== undefined) return [[control, control]];
    if (letter === "x") return [this.#hex(2, at)];
    if (letter === "u") return [this.#hex(4, at)];
    if (letter === "p" || letter === "P") return this.#property(letter, at);
    if (/^[A-Za-z0-9]$/.test(letter)) throw new Fault(`\\${letter} is not available`, at);
    return [codeOf(letter)];
  }

  #property(letter: "p" | "P", at: number): readonly Range[] {
    const name = /^\{([A-Za-z]+)\}/.exec(this.#characters.slice(this.#at, this.#at + 12).join(""))?.[1];
    const ranges = name === undefined ? undefined : POSIX_CLASSES[name];
    if (!ranges || name === undefined) {
      throw new Fault(`\\${letter} takes ${Object.keys(POSIX_CLASSES).join(", ")} in braces`, at);
    }
    this.#at += name.length + 2;
    return letter === "p" ? ranges : complement(ranges);
  }

  #hex(digits: number, at: number): Range {
    const text = this.#characters.slice(this.#at, this.#at + digits).join("");
    if (text.length !== digits || !/^[0-9A-Fa-f]+$/.test(text)) throw new Fault(`expected ${digits} hex digits`, at);
    this.#at += digits;
    const code = Number.parseInt(text, 16);
    return [code, code];
  }

  /** `[…]`, without the first bracket. */
  #class(at: number): readonly Range[] {
    const isNegative = this.#take("^");
    const ranges: Range[] = [];
    do {
      const here = this.#at;
      const from = this.#member(at);
      const first = from[0];
      const isRange = this.#peek() === "-" && this.#characters[this.#at + 1] !== "]" && from.length === 1;
      if (!isRange || !first) {
        ranges.push(...from);
        continue;
      }
      this.#at++;
      const to = this.#member(at)[0];
      if (!to || to[1] < first[0]) throw new Fault("a range that ends before it begins", here);
      ranges.push([first[0], to[1]]);
    } while (!this.#take("]"));
    const folded = this.#flags.i ? foldedRanges(ranges) : ranges;
    return isNegative ? complement(folded) : folded;
  }

  #member(at: number): readonly Range[] {
    const character = this.#characters[this.#at++];
    if (character === undefined) throw new Fault("a [ that is not closed", at);
    if (character === "[" || (character === "&" && this.#peek() === "&")) {
      throw new Fault("classes inside of classes are not available", this.#at - 1);
    }
    return character === "\\" ? this.#escaped(this.#at - 1) : [codeOf(character)];
  }

  #set(ranges: readonly Range[]): PatternNode {
    return { kind: "set", ranges: this.#flags.i ? foldedRanges(ranges) : ranges };
  }

  #peek(): string | undefined {
    return this.#characters[this.#at];
  }

  #take(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at++;
    return true;
  }

  #next(what = "more"): string {
    const character = this.#characters[this.#at];
    if (character === undefined) throw this.#fault(`expected ${what}, not the end`);
    this.#at++;
    return character;
  }

  #fault(problem: string): Fault {
    return new Fault(problem, this.#at);
  }
}

const ANCHORS: Readonly<Record<string, Assertion>> = { b: "word", B: "no-word", A: "begin", z: "end", Z: "end" };
const CONTROLS: Readonly<Record<string, number>> = { t: 9, n: 10, r: 13, f: 12, a: 7, e: 27, "0": 0 };

function codeOf(character: string): Range {
  const code = character.codePointAt(0) ?? 0;
  return [code, code];
}

/** Whether an assertion holds between two code points; -1 stands for the text's end or beginning. */
export function holds(what: Assertion, before: number, after: number): boolean {
  switch (what) {
    case "begin":
      return before === -1;
    case "end":
      return after === -1;
    case "line-begin":
      return before === -1 || isLineEnd(before);
    case "line-end":
      return after === -1 || isLineEnd(after);
    default: {
      const isBoundary = isWordCharacter(before) !== isWordCharacter(after);
      return what === "word" ? isBoundary : !isBoundary;
    }
  }
}

function isLineEnd(code: number): boolean {
  return code === 0x0a || code === 0x0d;
}
