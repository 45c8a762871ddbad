import { SqlError } from "./errors.ts";
import type { BinaryOperator, CastType, Expression } from "./sql-ast.ts";
import { ABSENT_FUNCTIONS, SQL_FUNCTIONS } from "./sql-functions.ts";
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

const CAST_TYPES: readonly CastType[] = ["String", "Int", "Decimal", "Boolean"];

/** Reads expressions by recursive descent. Throws `SqlError`. */
export class ExpressionReader {
  readonly #tokens: TokenReader;
  #depth = 0;
  #chained = 0;

  constructor(tokens: TokenReader) {
    this.#tokens = tokens;
  }

  read(): Expression {
    if (this.#depth >= MAX_DEPTH) throw new SqlError(`nested deeper than ${MAX_DEPTH}`, this.#tokens.peek().at);
    this.#depth++;
    const expression = this.#level(0);
    this.#depth--;
    return expression;
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
    if (token.kind === "number") return this.#literal(Number(token.text));
    if (token.kind === "single" || token.kind === "double") return this.#literal(token.value);
    if (tokens.takeSymbol("(")) return this.#parenthesis();
    if (tokens.takeSymbol("[")) return { kind: "list", items: this.#items("]") };
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
        throw tokens.absent("EXISTS");
    }
    if (isKeyword(token)) throw tokens.expected("an expression");
    if (tokens.peek(1).text === "(") return this.#call();
    tokens.next();
    return { kind: "name", name: token.text };
  }

  #literal(value: string | number | boolean | null): Expression {
    this.#tokens.next();
    return { kind: "literal", value };
  }

  #parenthesis(): Expression {
    const first = this.#tokens.peek();
    if (first.kind === "word" && first.text.toUpperCase() === "SELECT") throw this.#tokens.absent("a nested SELECT");
    const expression = this.read();
    this.#tokens.expectSymbol(")");
    return expression;
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
    const row = Object.hasOwn(SQL_FUNCTIONS, name) ? SQL_FUNCTIONS[name] : undefined;
    if (!row) {
      if (ABSENT_FUNCTIONS.includes(name)) throw tokens.absent(`the function ${name}`);
      throw new SqlError(`there is no function ${text},`, at);
    }
    tokens.next();
    tokens.next();
    const args = name === "encode" && tokens.takeSymbol("*") ? [PAYLOAD, ...this.#rest()] : this.#items(")");
    const [min, max] = row.arguments;
    if (args.length < min || args.length > max) {
      const wanted = min === max ? String(min) : `${min} to ${max === Infinity ? "any number of" : max}`;
      throw new SqlError(`${name} takes ${wanted} arguments, not ${args.length},`, at);
    }
    return { kind: "call", name, args };
  }

  #rest(): Expression[] {
    if (this.#tokens.takeSymbol(",")) return this.#items(")");
    this.#tokens.expectSymbol(")");
    return [];
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
