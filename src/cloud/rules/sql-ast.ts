import type { SqlJson } from "./sql-number.ts";

/** Operators with two operands, as SQL writes them; `!=` is read as `<>`. */
export type BinaryOperator = "OR" | "AND" | "=" | "<>" | "<" | "<=" | ">" | ">=" | "+" | "-" | "*" | "/" | "%" | "IN";

/** An expression. `at` is its offset in the SQL. */
export type Expression =
  | { readonly kind: "literal"; readonly value: SqlJson }
  /** The whole payload: for `encode` as it came, elsewhere as JSON. */
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
  | { readonly kind: "object"; readonly fields: readonly NamedExpression[] }
  /** A query over a member of the message: a list where that is one. */
  | { readonly kind: "select"; readonly query: NestedQuery }
  /** Whether such a query gives anything. */
  | { readonly kind: "exists"; readonly query: NestedQuery }
  /** A call whose answer comes from elsewhere. */
  | { readonly kind: "lookup"; readonly name: LookupName; readonly args: readonly Expression[] }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly Expression[] }
  | { readonly kind: "cast"; readonly of: Expression; readonly to: CastType };

/** What `CAST` makes. */
export type CastType = "String" | "Int" | "Decimal" | "Boolean";

/** A value under a name; where it `spreads` (`state.reported.*`), its members under theirs. */
export type NamedExpression = { readonly name: string; readonly expression: Expression; readonly spreads?: true };

/** `SELECT … FROM expression WHERE …`: names mean members of what `from` gives, or of each of its elements. */
export type NestedQuery = {
  readonly select: Selection;
  readonly from: Expression;
  readonly where: Expression | undefined;
};

/** Functions that ask other parts of the cloud. */
export type LookupName = "aws_lambda" | "get_registry_data" | "get_thing_shadow";

/** What a rule selects: the payload as it came, one value, or an object of fields, on the payload's own or alone. */
export type Selection =
  | { readonly kind: "payload" }
  | { readonly kind: "value"; readonly expression: Expression }
  | {
      readonly kind: "fields";
      readonly withPayload: boolean;
      readonly fields: readonly NamedExpression[];
    };

/** The versions of the language that a rule may ask for. */
export type SqlVersion = "2015-10-08" | "2016-03-23" | "beta";

/** A rule's SQL, read. */
export type RuleQuery = {
  readonly version: SqlVersion;
  readonly select: Selection;
  /** The MQTT topic filter; without one only Basic Ingest reaches the rule. */
  readonly filter: string | undefined;
  readonly where: Expression | undefined;
};
