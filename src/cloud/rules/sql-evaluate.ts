import { toBase64 } from "../../codec/index.ts";
import type {
  BinaryOperator,
  Expression,
  LookupName,
  NamedExpression,
  NestedQuery,
  RuleQuery,
  Selection,
} from "./sql-ast.ts";
import { element, SQL_FUNCTIONS, type FunctionContext } from "./sql-functions.ts";
import { decimal, isInt, type SqlJson, type Value } from "./sql-number.ts";
import { castTo, finite, isEqual, isObject, jsonOf, MAX_TEXT, numberOf, order, textOf, truthOf } from "./sql-value.ts";

/** What expressions are evaluated over. `document` is the payload as JSON, undefined where it is none. */
export type EvaluationContext = FunctionContext & {
  readonly document: Value;
  /** What was asked elsewhere, and undefined for what is not answered yet. */
  readonly lookUp: (name: LookupName, args: readonly Value[]) => Value;
  /** Elements that nested queries may still look at. */
  readonly elements: { left: number };
};

/** How many elements the nested queries of one message may look at, in all. */
export const MAX_ELEMENTS_SEEN = 100_000;

/**
 * What a rule makes of a message: the bytes for its actions, or undefined where its condition does not hold.
 * The payload as it came stays as it came; everything else is JSON.
 */
export function applyQuery({ select, where }: RuleQuery, context: EvaluationContext): Uint8Array | undefined {
  if (where && truthOf(evaluate(where, context)) !== true) return undefined;
  if (select.kind === "payload") return context.message.payload;
  const value = selected(select, context);
  const json = value === undefined ? undefined : jsonOf(value);
  return json === undefined ? new Uint8Array() : new TextEncoder().encode(json);
}

function selected(select: Selection, context: EvaluationContext): Value {
  if (select.kind === "payload") return context.document;
  if (select.kind === "value") return evaluate(select.expression, context);
  const { withPayload, fields } = select;
  const { document } = context;
  const own = withPayload && isObject(document) ? Object.entries(document) : [];
  return objectOf(own, fields, context);
}

/** Fields without a value are left out. */
function objectOf(
  own: readonly (readonly [string, Value])[],
  fields: readonly NamedExpression[],
  context: EvaluationContext,
): SqlJson {
  const more = fields.flatMap(({ name, expression, spreads }): (readonly [string, Value])[] => {
    const value = evaluate(expression, context);
    if (!spreads) return [[name, value]];
    return isObject(value) ? Object.entries(value) : [];
  });
  return Object.fromEntries([...own, ...more].filter(([, value]) => value !== undefined)) as SqlJson;
}

/** A list over a list; over anything else one result, or nothing where the condition does not hold. */
function evaluateNested({ select, from, where }: NestedQuery, context: EvaluationContext): Value {
  const over = evaluate(from, context);
  if (over === undefined) return undefined;
  const of = (document: Value): Value => {
    if (context.elements.left-- <= 0) return undefined;
    const inner = { ...context, document };
    return where && truthOf(evaluate(where, inner)) !== true ? undefined : selected(select, inner);
  };
  return Array.isArray(over) ? over.map(of).filter((value) => value !== undefined) : of(over);
}

/** The value of an expression. Never throws: what cannot be computed is undefined. */
export function evaluate(expression: Expression, context: EvaluationContext): Value {
  switch (expression.kind) {
    case "literal":
      return expression.value;
    case "payload":
      return context.document;
    case "object":
      return objectOf([], expression.fields, context);
    case "select":
      return evaluateNested(expression.query, context);
    case "exists":
      return exists(evaluateNested(expression.query, context));
    case "lookup":
      return context.lookUp(
        expression.name,
        expression.args.map((arg) => evaluate(arg, context)),
      );
    case "name":
      return element(context.document, expression.name);
    case "member":
      return memberOf(evaluate(expression.of, context), expression.name);
    case "index":
      return element(evaluate(expression.of, context), evaluate(expression.index, context));
    case "negative": {
      const value = evaluate(expression.of, context);
      const number = numberOf(value);
      if (number === undefined) return undefined;
      return isInt(value) ? 0 - number : decimal(-number);
    }
    case "not": {
      const truth = truthOf(evaluate(expression.of, context));
      return truth === undefined ? undefined : !truth;
    }
    case "binary":
      return binary(expression, context);
    case "case":
      return evaluateCase(expression, context);
    case "list":
      return expression.items.map((item) => evaluate(item, context) ?? null);
    case "call":
      return call(expression, context);
    default:
      return castTo(evaluate(expression.of, context), expression.to);
  }
}

function exists(found: Value): boolean {
  return Array.isArray(found) ? found.length > 0 : found !== undefined;
}

/** A dot reaches into objects only: a name is no index. */
function memberOf(of: Value, name: string): Value {
  return isObject(of) ? element(of, name) : undefined;
}

function call({ name, args }: Extract<Expression, { kind: "call" }>, context: EvaluationContext): Value {
  if (args[0]?.kind === "payload") {
    const scheme = args[1] && evaluate(args[1], context);
    return scheme === "base64" ? toBase64(context.message.payload) : undefined;
  }
  const values = args.map((arg) => evaluate(arg, context));
  return SQL_FUNCTIONS[name]?.call(values, context);
}

function evaluateCase(expression: Extract<Expression, { kind: "case" }>, context: EvaluationContext): Value {
  const { subject, branches, otherwise } = expression;
  const value = subject && evaluate(subject, context);
  for (const { when, result } of branches) {
    const wanted = evaluate(when, context);
    const holds = subject ? isEqual(value, wanted) : truthOf(wanted);
    if (holds === true) return evaluate(result, context);
  }
  return otherwise && evaluate(otherwise, context);
}

type Binary = Extract<Expression, { kind: "binary" }>;

function binary({ operator, left, right }: Binary, context: EvaluationContext): Value {
  const a = evaluate(left, context);
  if (operator === "AND" || operator === "OR") return connected(operator, a, () => evaluate(right, context));
  const b = evaluate(right, context);
  switch (operator) {
    case "=":
      return isEqual(a, b);
    case "<>": {
      const equal = isEqual(a, b);
      return equal === undefined ? undefined : !equal;
    }
    case "IN":
      return Array.isArray(b) && a !== undefined ? b.some((each) => isEqual(a, each as SqlJson) === true) : undefined;
    case "+":
      return typeof a === "string" || typeof b === "string" ? together(a, b) : arithmetic(operator, a, b);
    case "-":
    case "*":
    case "/":
    case "%":
      return arithmetic(operator, a, b);
    default: {
      const sign = order(a, b);
      return sign === undefined ? undefined : COMPARES[operator](sign);
    }
  }
}

/** Three-valued: what is unknown decides nothing where the other side decides. */
function connected(operator: "AND" | "OR", left: Value, right: () => Value): Value {
  const decides = operator === "OR";
  const a = truthOf(left);
  if (a === decides) return decides;
  const b = truthOf(right());
  if (b === decides) return decides;
  return a === undefined || b === undefined ? undefined : !decides;
}

function together(a: Value, b: Value): Value {
  const [left, right] = [textOf(a), textOf(b)];
  if (left === undefined || right === undefined || left.length + right.length > MAX_TEXT) return undefined;
  return left + right;
}

const COMPARES: Readonly<Record<"<" | "<=" | ">" | ">=", (sign: number) => boolean>> = {
  "<": (sign) => sign < 0,
  "<=": (sign) => sign <= 0,
  ">": (sign) => sign > 0,
  ">=": (sign) => sign >= 0,
};

const COMPUTES: Readonly<Record<string, (a: number, b: number) => number>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "%": (a, b) => a % b,
};

/** Two Ints give an Int, division included; a Decimal or a text on either side gives a Decimal. */
function arithmetic(operator: BinaryOperator, left: Value, right: Value): Value {
  const [a, b] = [numberOf(left), numberOf(right)];
  const number = a === undefined || b === undefined ? undefined : finite(COMPUTES[operator]?.(a, b) ?? NaN);
  if (number === undefined) return undefined;
  return isInt(left) && isInt(right) ? Math.trunc(number) + 0 : decimal(number);
}
