import { SqlError } from "./errors.ts";

/**
 * A piece of SQL. `at` is its offset in the text, `text` its letters as written; a string's `value` is what it says.
 * `'…'` is a string and `"…"` is a name or a string, as the grammar around it says.
 */
export type Token =
  | { readonly kind: "word" | "symbol" | "number" | "end"; readonly text: string; readonly at: number }
  | { readonly kind: "single" | "double"; readonly text: string; readonly value: string; readonly at: number };

/** Words that are no names; in any case. */
const KEYWORDS = new Set(
  "SELECT FROM WHERE AS AND OR NOT IN CASE WHEN THEN ELSE END TRUE FALSE NULL EXISTS".split(" "),
);

const PATTERN =
  /(?<space>\s+)|(?<word>[A-Za-z_][A-Za-z0-9_]*)|(?<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?<single>'(?:[^']|'')*')|(?<double>"(?:[^"]|"")*")|(?<symbol><>|!=|<=|>=|[*,.:(){}[\]=<>+\-/%])/y;

/** The tokens of a text, the last one `end`. Throws `SqlError` where none begins. */
export function tokensOf(sql: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < sql.length) {
    PATTERN.lastIndex = at;
    const match = PATTERN.exec(sql);
    if (!match) throw unreadable(sql, at);
    const [text] = match;
    const kind = Object.entries(match.groups ?? {}).find(([, value]) => value !== undefined)?.[0] as
      | Token["kind"]
      | "space";
    if (kind === "single" || kind === "double") tokens.push({ kind, text, value: unquoted(text), at });
    else if (kind !== "space") tokens.push({ kind, text, at });
    at += text.length;
  }
  tokens.push({ kind: "end", text: "", at });
  return tokens;
}

/** Goes through the tokens of a text, and knows how to say what is wrong with the next one. */
export class TokenReader {
  readonly #tokens: readonly Token[];
  #at = 0;

  /** Throws `SqlError` for a text that is not made of tokens. */
  constructor(sql: string) {
    this.#tokens = tokensOf(sql);
  }

  /** The next token, or one that many further; the end again and again. */
  peek(further = 0): Token {
    return this.#tokens[Math.min(this.#at + further, this.#tokens.length - 1)] as Token;
  }

  next(): Token {
    const token = this.peek();
    if (token.kind !== "end") this.#at++;
    return token;
  }

  /** Whether the next token is this keyword, in any case; then it is taken. */
  takeWord(word: string): boolean {
    const token = this.peek();
    const isIt = token.kind === "word" && token.text.toUpperCase() === word;
    if (isIt) this.#at++;
    return isIt;
  }

  takeSymbol(symbol: string): boolean {
    const token = this.peek();
    const isIt = token.kind === "symbol" && token.text === symbol;
    if (isIt) this.#at++;
    return isIt;
  }

  expectWord(word: string): void {
    if (!this.takeWord(word)) throw this.expected(word);
  }

  expectSymbol(symbol: string): void {
    if (!this.takeSymbol(symbol)) throw this.expected(symbol);
  }

  /** A name, plain or in double quotes; `anyWord` where even a keyword can be nothing else. */
  expectName(what: string, { anyWord }: { readonly anyWord: boolean }): string {
    const token = this.peek();
    if (token.kind === "double") {
      this.#at++;
      return token.value;
    }
    if (isKeyword(token) && !anyWord) throw this.expected(`${what} (a word of the language only in double quotes)`);
    if (token.kind !== "word") throw this.expected(what);
    this.#at++;
    return token.text;
  }

  /** A text in either quotes. */
  expectText(what: string): string {
    const token = this.peek();
    if (token.kind !== "single" && token.kind !== "double") throw this.expected(what);
    this.#at++;
    return token.value;
  }

  expected(what: string): SqlError {
    const { kind, text, at } = this.peek();
    const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
    return new SqlError(`expected ${what}, not ${kind === "end" ? "the end" : shown},`, at);
  }

  absent(what: string): SqlError {
    return new SqlError(`${what} is not available in this version:`, this.peek().at);
  }
}

/** Whether a word means something to the grammar and can be no name. */
export function isKeyword({ kind, text }: Token): boolean {
  return kind === "word" && KEYWORDS.has(text.toUpperCase());
}

/** Quotes inside a text are written twice. */
function unquoted(text: string): string {
  const quote = text.slice(0, 1);
  return text.slice(1, -1).replaceAll(quote + quote, quote);
}

function unreadable(sql: string, at: number): SqlError {
  const character = String.fromCodePoint(sql.codePointAt(at) ?? 0);
  if (character === "'" || character === '"')
    return new SqlError(`the text that begins with ${character} does not end:`, at);
  return new SqlError(`${JSON.stringify(character)} cannot stand`, at);
}
