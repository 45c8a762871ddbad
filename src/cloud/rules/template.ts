import { SqlError } from "./errors.ts";
import type { Expression } from "./sql-ast.ts";
import { evaluate, type EvaluationContext } from "./sql-evaluate.ts";
import { parseExpression } from "./sql-parse.ts";
import { numberOf, textOf } from "./sql-value.ts";

/** A text with expressions in it: literal pieces and expressions in turn. */
export type Template = readonly (string | Expression)[];

/**
 * Reads a text with substitution templates, `${expression}`. Throws `SqlError` with the place in the text, which `at`
 * names. AWS IoT Core, "Substitution templates"
 */
export function parseTemplate(text: string, at?: string): Template {
  const what = at === undefined ? "the template" : `the template in ${at}`;
  const pieces: (string | Expression)[] = [];
  let from = 0;
  for (let open = text.indexOf("${"); open >= 0; open = text.indexOf("${", from)) {
    const close = endOf(text, open + 2, what);
    if (open > from) pieces.push(text.slice(from, open));
    pieces.push(expressionIn(text, [open + 2, close], what));
    from = close + 1;
  }
  if (from < text.length || pieces.length === 0) pieces.push(text.slice(from));
  return pieces;
}

/** The text for one message, or undefined where an expression has no value. */
export function fillTemplate(template: Template, context: EvaluationContext): string | undefined {
  let filled = "";
  for (const piece of template) {
    const text = typeof piece === "string" ? piece : textOf(evaluate(piece, context));
    if (text === undefined) return undefined;
    filled += text;
  }
  return filled;
}

/** Fills in several templates for one message, and keeps the first thing that went wrong. */
export class Filling {
  readonly #context: EvaluationContext;
  #problem: { readonly problem: string } | undefined;

  constructor(context: EvaluationContext) {
    this.#context = context;
  }

  get problem(): { readonly problem: string } | undefined {
    return this.#problem;
  }

  /** Empty where there is no value; `what` names the template in the problem. */
  text(template: Template, what: string): string {
    const text = fillTemplate(template, this.#context);
    if (text === undefined) this.#problem ??= { problem: `the template in ${what} has no value for this message` };
    return text ?? "";
  }

  number(template: Template, what: string): number {
    const number = numberOf(this.text(template, what));
    if (number === undefined) this.#problem ??= { problem: `${what} is no number for this message` };
    return number ?? 0;
  }
}

function expressionIn(text: string, [from, to]: readonly [number, number], what: string): Expression {
  try {
    return parseExpression(text.slice(from, to));
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    throw new SqlError(error.problem, from + error.character - 1, what);
  }
}

/** Where the expression ends: at the first brace outside of quotes. */
function endOf(text: string, from: number, what: string): number {
  let quote = "";
  for (let at = from; at < text.length; at++) {
    const character = text[at] ?? "";
    if (quote !== "") quote = character === quote ? "" : quote;
    else if (character === "'" || character === '"') quote = character;
    else if (character === "}") return at;
  }
  throw new SqlError("the template that begins with ${ does not end:", from - 2, what);
}
