import { SqlError } from "./errors.ts";
import { compilePattern } from "./regexp.ts";
import type {
  BinaryOperator,
  CastType,
  Expression,
  LookupName,
  NamedExpression,
  NestedQuery,
  Selection,
  SqlVersion,
} from "./sql-ast.ts";
import { ABSENT_FUNCTIONS, SQL_FUNCTIONS } from "./sql-functions.ts";
import { decimal } from "./sql-number.ts";
import { isKeyword, type TokenReader } from "./sql-token.ts";

/** How deep expressions may be nested: far beyond any rule, well before the stack ends. */
const MAX_DEPTH = 64;
/** How many operators and members one expression may chain, for chains nest to the left. */
const MAX_CHAIN = 1000;

/** Operators that bind alike, loosest first. NOT stands between AND and the comparisons. */
const LEVELS: readonly (readonly BinaryOperator[])[] = [
  ["OR"],
  ["AND"],
  ["=", "<>", "<", "<=", ">", ">=", "IN"],
  ["+", "-"],
  ["*", "/", "%"],
];
const NOT_LEVEL = 2;

/** How many members a selection or an object may name. */
const MAX_FIELDS = 100;

/** The fewest and the most arguments of functions that ask elsewhere. */
const LOOKUPS: Readonly<Record<LookupName, readonly [min: number, max: number]>> = {
  aws_lambda: [2, 2],
  get_registry_data: [3, 3],
  get_thing_shadow: [2, 3],
};

const CAST_TYPES: readonly CastType[] = ["String", "Int", "Decimal", "Boolean"];

/** Reads expressions and selections by recursive descent. Throws `SqlError`. */
export class ExpressionReader {
  readonly #tokens: TokenReader;
  readonly #version: SqlVersion;
  #depth = 0;
  #chained = 0;

  constructor(tokens: TokenReader, version: SqlVersion) {
    this.#tokens = tokens;
    this.#version = version;
  }

  read(): Expression {
    if (this.#depth >= MAX_DEPTH) throw new SqlError(`nested deeper than ${MAX_DEPTH}`, this.#tokens.peek().at);
    this.#depth++;
    const expression = this.#level(0);
    this.#depth--;
    return expression;
  }

  /** What stands between SELECT and FROM. */
  selection(): Selection {
    const tokens = this.#tokens;
    if (isValueClause(tokens)) {
      this.#needs2016("SELECT VALUE");
      tokens.next();
      return tokens.takeSymbol("*") ? { kind: "payload" } : { kind: "value", expression: this.read() };
    }
    const withPayload = tokens.takeSymbol("*");
    if (withPayload && tokens.peek().text !== ",") return { kind: "payload" };
    const fields: NamedExpression[] = [];
    if (!withPayload) fields.push(this.#field());
    while (tokens.takeSymbol(",")) {
      this.#checkFields(fields);
      if (tokens.peek().text === "*") throw tokens.expected("an expression; * comes first");
      fields.push(this.#field());
    }
    return { kind: "fields", withPayload, fields };
  }

  #field(): NamedExpression {
    const tokens = this.#tokens;
    const { at } = tokens.peek();
    const expression = this.read();
    const isPath = expression.kind === "name" || expression.kind === "member";
    const spreads = isPath && this.#takesAllMembers();
    if (tokens.takeWord("AS")) return { name: tokens.expectName("a name after AS", { anyWord: false }), expression };
    if (isPath) return { name: expression.name, expression, ...(spreads && { spreads }) };
    throw new SqlError("an expression that is no path needs AS and a name,", at);
  }

  /** The `.*` behind a path. */
  #takesAllMembers(): boolean {
    if (!this.#isAllMembers()) return false;
    this.#tokens.next();
    this.#tokens.next();
    return true;
  }

  #isAllMembers(): boolean {
    return this.#tokens.peek().text === "." && this.#tokens.peek(1).text === "*";
  }

  #checkFields(fields: readonly unknown[]): void {
    if (fields.length >= MAX_FIELDS) throw new SqlError(`more than ${MAX_FIELDS} fields`, this.#tokens.peek().at);
  }

  #needs2016(what: string): void {
    if (this.#version !== "2015-10-08") return;
    throw new SqlError(`${what} needs awsIotSqlVersion 2016-03-23,`, this.#tokens.peek().at);
  }

  /** `(SELECT … FROM expression WHERE …)`, with the parenthesis read already. */
  #nestedQuery(): NestedQuery {
    const tokens = this.#tokens;
    this.#needs2016("a nested SELECT");
    tokens.expectWord("SELECT");
    const select = this.#nested(() => this.selection());
    tokens.expectWord("FROM");
    const from = this.read();
    const where = tokens.takeWord("WHERE") ? this.read() : undefined;
    tokens.expectSymbol(")");
    return { select, from, where };
  }

  #isQuery(): boolean {
    const { kind, text } = this.#tokens.peek();
    return kind === "word" && text.toUpperCase() === "SELECT";
  }

  #level(level: number): Expression {
    const operators = LEVELS[level];
    if (!operators) return this.#signed();
    if (level === NOT_LEVEL && this.#tokens.takeWord("NOT")) {
      return { kind: "not", of: this.#nested(() => this.#level(level)) };
    }
    let left = this.#level(level + 1);
    for (let operator = this.#operator(operators); operator; operator = this.#operator(operators)) {
      this.#chain();
      const right = operator === "IN" ? this.#choices() : this.#level(level + 1);
      left = { kind: "binary", operator, left, right };
    }
    return left;
  }

  #operator(operators: readonly BinaryOperator[]): BinaryOperator | undefined {
    const { kind, text } = this.#tokens.peek();
    if (kind !== "word" && kind !== "symbol") return undefined;
    const written = text === "!=" ? "<>" : text.toUpperCase();
    const found = operators.find((operator) => operator === written);
    if (found) this.#tokens.next();
    return found;
  }

  /** `IN (1, 2)`, `IN [1, 2]`, or `IN` any expression whose value is a list. */
  #choices(): Expression {
    if (this.#tokens.peek().text !== "(") return this.#level(NOT_LEVEL + 1);
    this.#tokens.next();
    if (this.#isQuery()) return { kind: "select", query: this.#nestedQuery() };
    const items = this.#items(")");
    const [only] = items;
    return items.length === 1 && only && only.kind !== "literal" ? only : { kind: "list", items };
  }

  #signed(): Expression {
    if (this.#tokens.takeSymbol("-")) return { kind: "negative", of: this.#nested(() => this.#signed()) };
    return this.#postfix();
  }

  #postfix(): Expression {
    let expression = this.#primary();
    for (;;) {
      this.#chain();
      if (this.#isAllMembers()) return expression;
      if (this.#tokens.takeSymbol(".")) {
        expression = {
          kind: "member",
          of: expression,
          name: this.#tokens.expectName("the name of a member", { anyWord: true }),
        };
      } else if (this.#tokens.takeSymbol("[")) {
        expression = { kind: "index", of: expression, index: this.read() };
        this.#tokens.expectSymbol("]");
      } else return expression;
    }
  }

  #primary(): Expression {
    const tokens = this.#tokens;
    const token = tokens.peek();
    if (token.kind === "number") return this.#number(token.text);
    if (token.kind === "single" || token.kind === "double") return this.#literal(token.value);
    if (tokens.takeSymbol("(")) return this.#parenthesis();
    if (tokens.takeSymbol("[")) return { kind: "list", items: this.#items("]") };
    if (tokens.takeSymbol("{")) return this.#object();
    if (token.kind !== "word") throw tokens.expected("an expression");
    switch (token.text.toUpperCase()) {
      case "TRUE":
        return this.#literal(true);
      case "FALSE":
        return this.#literal(false);
      case "NULL":
        return this.#literal(null);
      case "CASE":
        tokens.next();
        return this.#case();
      case "EXISTS":
        tokens.next();
        tokens.expectSymbol("(");
        return { kind: "exists", query: this.#nestedQuery() };
    }
    if (isKeyword(token)) throw tokens.expected("an expression");
    if (tokens.peek(1).text === "(") return this.#call();
    tokens.next();
    return { kind: "name", name: token.text };
  }

  /** A number with a point or an exponent is a Decimal. */
  #number(text: string): Expression {
    this.#tokens.next();
    const value = Number(text);
    return { kind: "literal", value: /[.eE]/.test(text) ? decimal(value) : value };
  }

  #literal(value: string | number | boolean | null): Expression {
    this.#tokens.next();
    return { kind: "literal", value };
  }

  #parenthesis(): Expression {
    if (this.#isQuery()) return { kind: "select", query: this.#nestedQuery() };
    const expression = this.read();
    this.#tokens.expectSymbol(")");
    return expression;
  }

  /** `{"name": expression, …}`, with the first brace read already. */
  #object(): Expression {
    const tokens = this.#tokens;
    const fields: NamedExpression[] = [];
    if (tokens.takeSymbol("}")) return { kind: "object", fields };
    do {
      this.#checkFields(fields);
      const name = tokens.expectText("a name in quotes");
      tokens.expectSymbol(":");
      fields.push({ name, expression: this.read() });
    } while (tokens.takeSymbol(","));
    tokens.expectSymbol("}");
    return { kind: "object", fields };
  }

  #items(end: ")" | "]"): Expression[] {
    const items: Expression[] = [];
    if (this.#tokens.takeSymbol(end)) return items;
    do items.push(this.read());
    while (this.#tokens.takeSymbol(","));
    this.#tokens.expectSymbol(end);
    return items;
  }

  #case(): Expression {
    const tokens = this.#tokens;
    const isWhen = tokens.peek().text.toUpperCase() === "WHEN";
    const subject = isWhen ? undefined : this.read();
    const branches: { when: Expression; result: Expression }[] = [];
    if (tokens.peek().text.toUpperCase() !== "WHEN") throw tokens.expected("WHEN");
    while (tokens.takeWord("WHEN")) {
      const when = this.read();
      tokens.expectWord("THEN");
      branches.push({ when, result: this.read() });
    }
    const otherwise = tokens.takeWord("ELSE") ? this.read() : undefined;
    tokens.expectWord("END");
    return { kind: "case", subject, branches, otherwise };
  }

  #call(): Expression {
    const tokens = this.#tokens;
    const { text, at } = tokens.peek();
    const name = text.toLowerCase();
    if (name === "cast") return this.#cast();
    const lookup = Object.hasOwn(LOOKUPS, name) ? (name as LookupName) : undefined;
    const [min, max] = lookup ? LOOKUPS[lookup] : this.#argumentsOf(name);
    tokens.next();
    tokens.next();
    const { args, starts } = this.#arguments(name === "encode" ? 0 : lookup === "aws_lambda" ? 1 : -1);
    if (args.length < min || args.length > max) {
      const wanted = min === max ? String(min) : `${min} to ${max === Infinity ? "any number of" : max}`;
      throw new SqlError(`${name} takes ${wanted} arguments, not ${args.length},`, at);
    }
    if (lookup) return { kind: "lookup", name: lookup, args };
    if (name.startsWith("regexp_")) checkPattern(args[1], starts[1] ?? at);
    return { kind: "call", name, args };
  }

  #argumentsOf(name: string): readonly [min: number, max: number] {
    const row = Object.hasOwn(SQL_FUNCTIONS, name) ? SQL_FUNCTIONS[name] : undefined;
    if (row) return row.arguments;
    if (ABSENT_FUNCTIONS.includes(name)) throw this.#tokens.absent(`the function ${name}`);
    throw new SqlError(`there is no function ${this.#tokens.peek().text},`, this.#tokens.peek().at);
  }

  /** The arguments of a call and where each begins; `*` stands for the payload where `payloadAt` allows it. */
  #arguments(payloadAt: number): { readonly args: Expression[]; readonly starts: number[] } {
    const tokens = this.#tokens;
    const args: Expression[] = [];
    const starts: number[] = [];
    if (tokens.takeSymbol(")")) return { args, starts };
    do {
      starts.push(tokens.peek().at);
      args.push(args.length === payloadAt && tokens.takeSymbol("*") ? PAYLOAD : this.read());
    } while (tokens.takeSymbol(","));
    tokens.expectSymbol(")");
    return { args, starts };
  }

  #cast(): Expression {
    const tokens = this.#tokens;
    tokens.next();
    tokens.next();
    const of = this.read();
    tokens.expectWord("AS");
    const word = tokens.peek().text.toLowerCase();
    const to = CAST_TYPES.find((type) => type.toLowerCase() === word);
    if (!to) throw tokens.expected(CAST_TYPES.join(", "));
    tokens.next();
    tokens.expectSymbol(")");
    return { kind: "cast", of, to };
  }

  #chain(): void {
    if (++this.#chained > MAX_CHAIN) throw new SqlError(`more than ${MAX_CHAIN} parts`, this.#tokens.peek().at);
  }

  #nested<T>(read: () => T): T {
    if (this.#depth >= MAX_DEPTH) throw new SqlError(`nested deeper than ${MAX_DEPTH}`, this.#tokens.peek().at);
    this.#depth++;
    const result = read();
    this.#depth--;
    return result;
  }
}

const PAYLOAD: Expression = { kind: "payload" };

/** A pattern that is written out is looked at when the rule is made: nobody waits for a message to hear of a slip. */
function checkPattern(pattern: Expression | undefined, at: number): void {
  if (pattern?.kind !== "literal" || typeof pattern.value !== "string") return;
  const made = compilePattern(pattern.value);
  if ("problem" in made) throw new SqlError(`the regular expression: ${made.problem},`, at + 1 + made.at);
}

/** VALUE is a keyword only where an expression follows it: many messages have a member of that name. */
function isValueClause(tokens: TokenReader): boolean {
  const [word, next] = [tokens.peek(), tokens.peek(1)];
  if (word.kind !== "word" || word.text.toUpperCase() !== "VALUE") return false;
  if (next.kind === "word") return !isKeyword(next) || VALUE_STARTS.has(next.text.toUpperCase());
  if (next.kind === "number" || next.kind === "single" || next.kind === "double") return true;
  // A star after a member of that name would multiply something.
  if (next.text === "*") return tokens.peek(2).text.toUpperCase() === "FROM";
  return next.text === "(" || next.text === "{";
}

const VALUE_STARTS = new Set(["CASE", "NOT", "TRUE", "FALSE", "NULL", "EXISTS"]);
