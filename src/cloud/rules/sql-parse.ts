import { AWS_PROFILE } from "../broker/index.ts";
import { topicFilterProblem } from "../broker/topics.ts";
import { SqlError } from "./errors.ts";
import type { Expression, RuleQuery, Selection } from "./sql-ast.ts";
import { ExpressionReader } from "./sql-expression.ts";
import { isKeyword, TokenReader } from "./sql-token.ts";

/** The versions of the language that a rule may ask for. */
export type SqlVersion = "2015-10-08" | "2016-03-23";

/**
 * Reads a rule's SQL: `SELECT * | [VALUE] expressions FROM 'topic filter' [WHERE condition]`. Throws `SqlError` with the
 * place for everything else, and says so where the language has it and this version does not. AWS IoT SQL reference
 */
export function parseSql(sql: string, version: SqlVersion = "2016-03-23"): RuleQuery {
  const tokens = new TokenReader(sql);
  tokens.expectWord("SELECT");
  const select = selection(tokens, version);
  if (tokens.peek().kind === "end") throw tokens.absent("SELECT without FROM (basic ingest)");
  tokens.expectWord("FROM");
  const filter = topicFilter(tokens);
  const where = tokens.takeWord("WHERE") ? new ExpressionReader(tokens).read() : undefined;
  if (tokens.peek().kind !== "end") throw tokens.expected(where ? "the end" : "WHERE or the end");
  return { select, filter, where };
}

/** Reads one expression that stands alone, as between `${` and `}`. Throws `SqlError`. */
export function parseExpression(sql: string): Expression {
  const tokens = new TokenReader(sql);
  const expression = new ExpressionReader(tokens).read();
  if (tokens.peek().kind !== "end") throw tokens.expected("the end");
  return expression;
}

const MAX_FIELDS = 100;

function selection(tokens: TokenReader, version: SqlVersion): Selection {
  const { at } = tokens.peek();
  if (isValueClause(tokens)) {
    tokens.next();
    if (version === "2015-10-08") throw new SqlError("SELECT VALUE needs awsIotSqlVersion 2016-03-23,", at);
    return { kind: "value", expression: new ExpressionReader(tokens).read() };
  }
  const withPayload = tokens.takeSymbol("*");
  if (withPayload && tokens.peek().text !== ",") return { kind: "payload" };
  const fields: { name: string; expression: Expression }[] = [];
  if (!withPayload) fields.push(field(tokens));
  while (tokens.takeSymbol(",")) {
    if (fields.length >= MAX_FIELDS) throw new SqlError(`more than ${MAX_FIELDS} fields`, tokens.peek().at);
    if (tokens.peek().text === "*") throw tokens.expected("an expression; * comes first");
    fields.push(field(tokens));
  }
  return { kind: "fields", withPayload, fields };
}

/** VALUE is a keyword only where an expression follows it: many messages have a member of that name. */
function isValueClause(tokens: TokenReader): boolean {
  const [word, next] = [tokens.peek(), tokens.peek(1)];
  if (word.kind !== "word" || word.text.toUpperCase() !== "VALUE") return false;
  if (next.kind === "word")
    return !isKeyword(next) || ["CASE", "NOT", "TRUE", "FALSE", "NULL"].includes(next.text.toUpperCase());
  return next.kind === "number" || next.kind === "single" || next.kind === "double" || next.text === "(";
}

function field(tokens: TokenReader): { name: string; expression: Expression } {
  const { at } = tokens.peek();
  const expression = new ExpressionReader(tokens).read();
  if (tokens.takeWord("AS")) return { name: tokens.expectName("a name after AS", { anyWord: false }), expression };
  if (expression.kind === "name" || expression.kind === "member") return { name: expression.name, expression };
  throw new SqlError("an expression that is no path needs AS and a name,", at);
}

function topicFilter(tokens: TokenReader): string {
  const token = tokens.peek();
  if (token.text === "(") throw tokens.absent("a nested SELECT");
  if (token.kind !== "single") throw tokens.expected("a topic filter in single quotes");
  tokens.next();
  const problem = topicFilterProblem(token.value, AWS_PROFILE.limits);
  if (problem !== undefined) throw new SqlError(`the topic filter is not valid, ${problem},`, token.at);
  return token.value;
}
