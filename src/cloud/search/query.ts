import { UsageError } from "../../codec/index.ts";
import type { CloudErrorCode } from "../errors.ts";
import { matchesPattern } from "../policy/pattern.ts";

/** A thing or group as the index knows it: each field's values, all texts, numbers as they are written. */
export type IndexedDocument = ReadonlyMap<string, readonly string[]>;

/** Whether a document is what a query asks for. */
export type Predicate = (document: IndexedDocument) => boolean;

type Token =
  | { readonly kind: "word" | "quoted"; readonly text: string }
  | { readonly kind: "range"; readonly text: string; readonly close: string }
  | { readonly kind: "(" | ")" | "AND" | "OR" | "NOT" };

/** How deep parentheses and NOT may nest. */
const MAX_DEPTH = 16;
/** AWS IoT Device Management quotas: terms in a query. */
const MAX_TERMS = 12;

/**
 * The predicate of a query in AWS IoT's query syntax: terms `field:value`, `field>5`, `field:[a TO b]`, `field:(a OR b)` or a
 * bare value that any field may have; `*` and `?` in values; AND, OR, NOT, `-` before what must not be, and parentheses,
 * terms side by side joined by AND.
 *
 * Throws `UsageError` `invalid-query`. AWS IoT Device Management, "Query syntax"
 */
export function parseQuery(text: string): Predicate {
  const parser = new QueryParser(tokensOf(text));
  return parser.whole();
}

/** The refusal of a query. */
function invalidQuery(message: string): UsageError<CloudErrorCode> {
  return new UsageError("invalid-query", message);
}

class QueryParser {
  readonly #tokens: Token[];
  #at = 0;
  #terms = 0;
  /** The field whose parentheses the parser is inside. */
  #field: string | undefined;

  constructor(tokens: Token[]) {
    this.#tokens = tokens;
  }

  whole(): Predicate {
    if (this.#tokens.length === 0) throw invalidQuery("the query is empty; * finds everything");
    const found = this.#or(0);
    if (this.#at < this.#tokens.length) throw invalidQuery(`the query has ${this.#shown()} where it should end`);
    return found;
  }

  #or(depth: number): Predicate {
    if (depth > MAX_DEPTH) throw invalidQuery(`the query nests deeper than ${MAX_DEPTH}`);
    const some = [this.#and(depth)];
    while (this.#take("OR")) some.push(this.#and(depth));
    return some.length === 1 ? (some[0] ?? never) : (document) => some.some((each) => each(document));
  }

  #and(depth: number): Predicate {
    const all = [this.#not(depth)];
    while (this.#take("AND") || this.#startsTerm()) all.push(this.#not(depth));
    return all.length === 1 ? (all[0] ?? never) : (document) => all.every((each) => each(document));
  }

  #not(depth: number): Predicate {
    if (depth > MAX_DEPTH) throw invalidQuery(`the query nests deeper than ${MAX_DEPTH}`);
    if (!this.#take("NOT") && !this.#takeMinus()) return this.#primary(depth);
    const inner = this.#not(depth + 1);
    return (document) => !inner(document);
  }

  #primary(depth: number): Predicate {
    if (this.#take("(")) return this.#group(depth);
    const token = this.#tokens[this.#at];
    if (token?.kind !== "word" && token?.kind !== "quoted")
      throw invalidQuery(`the query has ${this.#shown()} where a term should be`);
    this.#at += 1;
    this.#terms += 1;
    if (this.#terms > MAX_TERMS) throw invalidQuery(`a query has at most ${MAX_TERMS} terms`);
    if (token.kind === "quoted") return this.#here(exactly(token.text));
    return this.#field === undefined ? this.#term(token.text, depth) : this.#here(valued(token.text));
  }

  /** What follows an opening parenthesis. */
  #group(depth: number): Predicate {
    const inner = this.#or(depth + 1);
    if (!this.#take(")")) throw invalidQuery("the query lacks a closing parenthesis");
    return inner;
  }

  /** A value of the field whose parentheses these are, else of any. */
  #here(test: Test): Predicate {
    return this.#field === undefined ? anyField(test) : oneField(this.#field, test);
  }

  /** `field:value`, `field:` before a quoted text, a range or parentheses, `field>5`, or a value. */
  #term(word: string, depth: number): Predicate {
    const match = /^([^:<>=]+?)(:(?:[<>]=?)?|[<>]=?|=)(.*)$/s.exec(word);
    if (!match) return anyField(matching(word));
    const [, field = "", operator = "", rest = ""] = match;
    const compare = operator.replace(":", "");
    if (rest !== "")
      return oneField(field, compare === "" || compare === "=" ? matching(rest) : comparing(compare, rest));
    if (compare === "" && this.#take("(")) {
      this.#field = field;
      const inner = this.#group(depth);
      this.#field = undefined;
      return inner;
    }
    const next = this.#tokens[this.#at];
    if (next?.kind === "quoted") {
      this.#at += 1;
      return oneField(field, exactly(next.text));
    }
    if (next?.kind === "range") {
      this.#at += 1;
      return oneField(field, within(next.text, next.close));
    }
    throw invalidQuery(`the query's term ${JSON.stringify(word.slice(0, 64))} lacks a value`);
  }

  #startsTerm(): boolean {
    const kind = this.#tokens[this.#at]?.kind;
    return kind === "word" || kind === "quoted" || kind === "(" || kind === "NOT";
  }

  #take(kind: Token["kind"]): boolean {
    if (this.#tokens[this.#at]?.kind !== kind) return false;
    this.#at += 1;
    return true;
  }

  /** A minus that stands before a term: the rest of its word, if any, is the term. */
  #takeMinus(): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== "word" || !token.text.startsWith("-")) return false;
    if (token.text === "-") this.#at += 1;
    else this.#tokens[this.#at] = { kind: "word", text: token.text.slice(1) };
    return true;
  }

  #shown(): string {
    const token = this.#tokens[this.#at];
    return token ? JSON.stringify("text" in token ? token.text.slice(0, 64) : token.kind) : "its end";
  }
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  const pattern = /\s+|\(|\)|"((?:[^"\\]|\\.)*)"|([[{])([^\]}]*)([\]}])|((?:\\.|[^\s()"[\]{}])+)/gsy;
  while (pattern.lastIndex < text.length) {
    const at = pattern.lastIndex;
    const match = pattern.exec(text);
    if (!match) throw invalidQuery(`the query cannot be read at ${at}: ${JSON.stringify(text.slice(at, at + 20))}`);
    const [whole, quoted, open, range, close, word] = match;
    if (whole === "(" || whole === ")") tokens.push({ kind: whole });
    else if (quoted !== undefined) tokens.push({ kind: "quoted", text: unescaped(quoted) });
    else if (range !== undefined) tokens.push({ kind: "range", text: range, close: `${open}${close}` });
    else if (word === "AND" || word === "OR" || word === "NOT") tokens.push({ kind: word });
    else if (word !== undefined) tokens.push({ kind: "word", text: word });
  }
  return tokens;
}

type Test = (value: string) => boolean;

const never: Predicate = () => false;

function anyField(test: Test): Predicate {
  return (document) => {
    for (const values of document.values()) if (values.some(test)) return true;
    return false;
  };
}

function oneField(field: string, test: Test): Predicate {
  return (document) => document.get(field)?.some(test) ?? false;
}

function exactly(text: string): Test {
  return (value) => value.toLowerCase() === text.toLowerCase();
}

/** A value among a field's parentheses: `>5`, or a text. */
function valued(word: string): Test {
  const [, operator = "", rest = ""] = /^([<>]=?)?(.*)$/s.exec(word) ?? [];
  return operator === "" ? matching(rest) : comparing(operator, rest);
}

/** The whole value, whatever its case; `*` stands for any text and `?` for one character. */
function matching(pattern: string): Test {
  if (!/[*?]/.test(pattern)) return exactly(unescaped(pattern));
  // Not a regular expression: many stars would make one try for ever.
  const lower = pattern.toLowerCase();
  return (value) => matchesPattern(lower, value.toLowerCase());
}

function comparing(operator: string, text: string): Test {
  const wanted = Number(text);
  if (text.trim() === "" || Number.isNaN(wanted))
    throw invalidQuery(`${operator} compares numbers, not ${JSON.stringify(text.slice(0, 64))}`);
  return (value) => {
    const number = numberOf(value);
    if (number === undefined) return false;
    if (operator === ">") return number > wanted;
    if (operator === ">=") return number >= wanted;
    return operator === "<" ? number < wanted : number <= wanted;
  };
}

/** `[a TO b]` with both ends, `{a TO b}` without; numbers where both are numbers, else texts. */
function within(text: string, brackets: string): Test {
  const ends = /^\s*(\S+)\s+TO\s+(\S+)\s*$/.exec(text);
  if (!ends) throw invalidQuery(`a range is [a TO b], not ${JSON.stringify(text.slice(0, 64))}`);
  const [, low = "", high = ""] = ends;
  const [from, to] = [numberOf(low), numberOf(high)];
  const asNumbers = (from !== undefined || low === "*") && (to !== undefined || high === "*");
  return (value) => {
    const here = asNumbers ? numberOf(value) : value;
    if (here === undefined) return false;
    const bottom = low === "*" || between(asNumbers ? (from ?? 0) : low, here, brackets.startsWith("["));
    return bottom && (high === "*" || between(here, asNumbers ? (to ?? 0) : high, brackets.endsWith("]")));
  };
}

function between(low: number | string, high: number | string, inclusive: boolean): boolean {
  return low < high || (inclusive && low === high);
}

/** The number that a text writes, if it does. */
export function numberOf(text: string): number | undefined {
  const number = text.trim() === "" ? Number.NaN : Number(text);
  return Number.isFinite(number) ? number : undefined;
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/gs, "$1");
}
