import { AWS_PROFILE } from "../broker/index.ts";
import { topicFilterProblem } from "../broker/topics.ts";
import { SqlError } from "./errors.ts";
import { tokensOf, type Token } from "./sql-token.ts";

/** A rule's SQL, read: the messages whose topics match `filter`, whole. */
export type RuleQuery = { readonly select: "*"; readonly filter: string };

/**
 * Reads a rule's SQL. Built so far: `SELECT * FROM 'topic filter'`. Throws `SqlError` with the place for everything
 * else, and says so where the language has it and this version does not. AWS IoT SQL reference
 */
export function parseSql(sql: string): RuleQuery {
  const reader = new SqlReader(tokensOf(sql));
  reader.keyword("SELECT");
  const star = reader.next();
  if (star.text !== "*") throw absent("SELECT with anything but *", star);
  const after = reader.peek();
  if (after.text === ",") throw absent("SELECT with more than *", after);
  if (after.kind === "end") throw absent("SELECT without FROM (basic ingest)", after);
  reader.keyword("FROM");
  const filter = reader.next();
  if (filter.kind === "double") throw expected("the topic filter in single quotes", filter);
  if (filter.kind !== "single") throw expected("'topic filter'", filter);
  const problem = topicFilterProblem(filter.value, AWS_PROFILE.limits);
  if (problem !== undefined) throw new SqlError(`the topic filter is not valid, ${problem},`, filter.at);
  const rest = reader.next();
  if (rest.text.toUpperCase() === "WHERE") throw absent("WHERE", rest);
  if (rest.kind !== "end") throw expected("the end", rest);
  return { select: "*", filter: filter.value };
}

class SqlReader {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  peek(): Token {
    return this.#tokens[this.#at] as Token;
  }

  /** The next token; the end again and again. */
  next(): Token {
    const token = this.peek();
    if (token.kind !== "end") this.#at++;
    return token;
  }

  keyword(word: string): void {
    const token = this.next();
    if (token.kind !== "word" || token.text.toUpperCase() !== word) throw expected(word, token);
  }
}

function expected(what: string, { text, kind, at }: Token): SqlError {
  return new SqlError(`expected ${what}, not ${kind === "end" ? "the end" : shown(text)},`, at);
}

function absent(what: string, { at }: Token): SqlError {
  return new SqlError(`${what} is not available in this version:`, at);
}

function shown(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
