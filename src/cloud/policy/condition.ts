import { addressIsIn, parseAddressRange, type AddressRange } from "./address-range.ts";
import { bindTemplate, literalText, matchesPattern, type PolicyContext, type Template } from "./pattern.ts";

/** How the values of a key with several values count: `ForAllValues:`, `ForAnyValue:`, or no prefix. */
type Quantifier = "all" | "any" | "plain";

/** One key of one operator of a Condition, ready to be tested. All conditions of a statement must hold. */
export type Condition = {
  readonly operator: OperatorName;
  readonly quantifier: Quantifier;
  readonly ifExists: boolean;
  readonly key: string;
  readonly values: readonly Template[];
};

type Operator = {
  readonly negated: boolean;
  /** Whether a value of the context agrees with one value of the policy. */
  readonly agrees: (actual: string, wanted: string) => boolean;
  /** Whether a value may stand in a policy. */
  readonly accepts: (wanted: string) => boolean;
};

const anything = () => true;
const inRange = (actual: string, wanted: string) => {
  const range: AddressRange | undefined = parseAddressRange(wanted);
  return range !== undefined && addressIsIn(actual, range);
};
const isRange = (wanted: string) => parseAddressRange(wanted) !== undefined;
const isBoolean = (wanted: string) => wanted === "true" || wanted === "false";
const same = (actual: string, wanted: string) => actual === literalText(wanted);
const sameLetters = (actual: string, wanted: string) => actual.toLowerCase() === literalText(wanted).toLowerCase();
const like = (actual: string, wanted: string) => matchesPattern(wanted, actual);
/** Part by part, so that a star in one part of an ARN covers nothing of the next. IAM, "ARN condition operators" */
const sameArn = (actual: string, wanted: string) => {
  const [parts, patterns] = [arnParts(actual), arnParts(wanted)];
  return parts.length === patterns.length && patterns.every((pattern, i) => matchesPattern(pattern, parts[i] ?? ""));
};

/** The operators of the policy language that are built; a policy with any other is malformed. */
const OPERATORS = {
  StringEquals: { negated: false, agrees: same, accepts: anything },
  StringNotEquals: { negated: true, agrees: same, accepts: anything },
  StringEqualsIgnoreCase: { negated: false, agrees: sameLetters, accepts: anything },
  StringNotEqualsIgnoreCase: { negated: true, agrees: sameLetters, accepts: anything },
  StringLike: { negated: false, agrees: like, accepts: anything },
  StringNotLike: { negated: true, agrees: like, accepts: anything },
  ArnEquals: { negated: false, agrees: sameArn, accepts: anything },
  ArnLike: { negated: false, agrees: sameArn, accepts: anything },
  ArnNotEquals: { negated: true, agrees: sameArn, accepts: anything },
  ArnNotLike: { negated: true, agrees: sameArn, accepts: anything },
  Bool: { negated: false, agrees: same, accepts: isBoolean },
  IpAddress: { negated: false, agrees: inRange, accepts: isRange },
  NotIpAddress: { negated: true, agrees: inRange, accepts: isRange },
  /** `true`: the key must be absent; `false`: it must be there. */
  Null: { negated: false, agrees: same, accepts: isBoolean },
} as const satisfies Record<string, Operator>;

export type OperatorName = keyof typeof OPERATORS;

const QUANTIFIERS: ReadonlyMap<string | undefined, Quantifier> = new Map([
  ["ForAllValues", "all"],
  ["ForAnyValue", "any"],
]);

/** Reads an operator with its prefix and suffix, such as `ForAnyValue:StringLikeIfExists`; undefined if unknown. */
export function parseOperator(text: string): Pick<Condition, "operator" | "quantifier" | "ifExists"> | undefined {
  const parts = text.split(":");
  const quantifier = parts.length === 1 ? "plain" : QUANTIFIERS.get(parts[0]);
  const name = parts.at(-1) ?? "";
  const ifExists = name.endsWith("IfExists");
  const operator = ifExists ? name.slice(0, -"IfExists".length) : name;
  if (!quantifier || parts.length > 2 || !Object.hasOwn(OPERATORS, operator)) return undefined;
  if (operator === "Null" && (ifExists || quantifier !== "plain")) return undefined;
  return { operator: operator as OperatorName, quantifier, ifExists };
}

/** Whether an operator can use a value; one with variables is judged when they are filled in, by never agreeing. */
export function acceptsValue(operator: OperatorName, template: Template): boolean {
  const texts = template.map((piece) => ("text" in piece ? piece.text : undefined));
  return texts.includes(undefined) || OPERATORS[operator].accepts(texts.join(""));
}

/** Whether a condition holds for a connection. */
export function conditionHolds(condition: Condition, context: PolicyContext): boolean {
  const { negated, agrees }: Operator = OPERATORS[condition.operator];
  const wanted = condition.values
    .map((value) => bindTemplate(value, context))
    .filter((value): value is string => value !== undefined);
  const actual = context.get(condition.key) ?? [];
  if (condition.operator === "Null") return wanted.includes(String(actual.length === 0));
  if (actual.length === 0) return condition.ifExists || condition.quantifier === "all" || absenceSatisfies(condition);
  const passes = (value: string) => wanted.some((each) => agrees(value, each)) !== negated;
  // Without a prefix a negated operator must hold for every value: "is none of these" must not be escaped by adding one.
  const every = condition.quantifier === "all" || (condition.quantifier === "plain" && negated);
  return every ? actual.every(passes) : actual.some(passes);
}

/** The six parts of an ARN; the last may hold colons. */
function arnParts(arn: string): string[] {
  const parts = arn.split(":");
  return [...parts.slice(0, 5), ...(parts.length > 5 ? [parts.slice(5).join(":")] : [])];
}

/** A key that is not there differs from everything; but `ForAnyValue` asks for at least one value. */
function absenceSatisfies({ operator, quantifier }: Condition): boolean {
  return quantifier === "plain" && OPERATORS[operator].negated;
}
