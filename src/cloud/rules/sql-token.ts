import { SqlError } from "./errors.ts";

/**
 * A piece of SQL. `at` is its offset in the text, `text` its letters as written; a string's `value` is what it says.
 * `'…'` is a string and `"…"` is a name or a string, as the grammar around it says.
 */
export type Token =
  | { readonly kind: "word" | "symbol" | "number" | "end"; readonly text: string; readonly at: number }
  | { readonly kind: "single" | "double"; readonly text: string; readonly value: string; readonly at: number };

const PATTERN =
  /(?<space>\s+)|(?<word>[A-Za-z_][A-Za-z0-9_]*)|(?<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?<single>'(?:[^']|'')*')|(?<double>"(?:[^"]|"")*")|(?<symbol><>|!=|<=|>=|[*,.()[\]=<>+\-/%{}:])/y;

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
