import { AWS_PROFILE } from "../broker/index.ts";
import { topicFilterProblem } from "../broker/topics.ts";
import { SqlError } from "./errors.ts";
import type { Expression, RuleQuery, SqlVersion } from "./sql-ast.ts";
import { ExpressionReader } from "./sql-expression.ts";
import { TokenReader } from "./sql-token.ts";

/**
 * Reads a rule's SQL: `SELECT * | [VALUE] expressions [FROM 'topic filter'] [WHERE condition]`. Throws `SqlError` with
 * the place for everything else, and says so where the language has it and this version does not. AWS IoT SQL reference
 */
export function parseSql(sql: string, version: SqlVersion = "2016-03-23"): RuleQuery {
  const tokens = new TokenReader(sql);
  const reader = new ExpressionReader(tokens, version);
  tokens.expectWord("SELECT");
  const select = reader.selection();
  const next = tokens.peek();
  const isIngestOnly = next.kind === "end" || (next.kind === "word" && next.text.toUpperCase() === "WHERE");
  if (!isIngestOnly) tokens.expectWord("FROM");
  const filter = isIngestOnly ? undefined : topicFilter(tokens);
  const where = tokens.takeWord("WHERE") ? reader.read() : undefined;
  if (tokens.peek().kind !== "end") throw tokens.expected(where ? "the end" : "WHERE or the end");
  return { version, select, filter, where };
}

/** Reads one expression that stands alone, as between `${` and `}`. Throws `SqlError`. */
export function parseExpression(sql: string, version: SqlVersion = "2016-03-23"): Expression {
  const tokens = new TokenReader(sql);
  const expression = new ExpressionReader(tokens, version).read();
  if (tokens.peek().kind !== "end") throw tokens.expected("the end");
  return expression;
}

function topicFilter(tokens: TokenReader): string {
  const token = tokens.peek();
  if (token.kind !== "single") throw tokens.expected("a topic filter in single quotes");
  tokens.next();
  const problem = topicFilterProblem(token.value, AWS_PROFILE.limits);
  if (problem !== undefined) throw new SqlError(`the topic filter is not valid, ${problem},`, token.at);
  if (token.value.startsWith("$aws/rules/") || token.value.startsWith("$share/")) {
    throw new SqlError("rules cannot hear Basic Ingest topics or shared subscriptions,", token.at);
  }
  return token.value;
}
