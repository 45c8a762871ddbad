import type { Json } from "../api/shape.ts";

/** What an expression has for a value: JSON, or undefined where the message has nothing to say. */
export type Value = Json | undefined;

/** Operators with two operands, as SQL writes them; `!=` is read as `<>`. */
export type BinaryOperator = "OR" | "AND" | "=" | "<>" | "<" | "<=" | ">" | ">=" | "+" | "-" | "*" | "/" | "%" | "IN";

/** An expression. `at` is its offset in the SQL. */
export type Expression =
  | { readonly kind: "literal"; readonly value: Json }
  /** The whole payload, as it came: only `encode` takes it. */
  | { readonly kind: "payload" }
  /** A member of the payload. */
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "member"; readonly of: Expression; readonly name: string }
  | { readonly kind: "index"; readonly of: Expression; readonly index: Expression }
  | { readonly kind: "negative" | "not"; readonly of: Expression }
  | {
      readonly kind: "binary";
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  /** `subject` is absent where each WHEN is a condition of its own. */
  | {
      readonly kind: "case";
      readonly subject: Expression | undefined;
      readonly branches: readonly { readonly when: Expression; readonly result: Expression }[];
      readonly otherwise: Expression | undefined;
    }
  | { readonly kind: "list"; readonly items: readonly Expression[] }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly Expression[] }
  | { readonly kind: "cast"; readonly of: Expression; readonly to: CastType };

/** What `CAST` makes. */
export type CastType = "String" | "Int" | "Decimal" | "Boolean";

/** What a rule selects: the payload as it came, one value, or an object of fields, on the payload's own or alone. */
export type Selection =
  | { readonly kind: "payload" }
  | { readonly kind: "value"; readonly expression: Expression }
  | {
      readonly kind: "fields";
      readonly withPayload: boolean;
      readonly fields: readonly { readonly name: string; readonly expression: Expression }[];
    };

/** A rule's SQL, read. */
export type RuleQuery = {
  readonly select: Selection;
  /** The MQTT topic filter. */
  readonly filter: string;
  readonly where: Expression | undefined;
};
