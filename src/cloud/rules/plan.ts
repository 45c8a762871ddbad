import type { SystemMessage } from "../broker/index.ts";
import { republished } from "./republish.ts";
import type { Rule, RuleAction } from "./rule.ts";
import { applyQuery, type EvaluationContext } from "./sql-evaluate.ts";

/** What one action is to do for one message: everything is filled in, nothing is done. */
export type PlannedAction =
  /** `event` is JSON text. */
  | { readonly kind: "lambda"; readonly functionArn: string; readonly event: string }
  | { readonly kind: "republish"; readonly message: SystemMessage };

/** An action that cannot be planned, and why. */
export type Unplanned = { readonly problem: string };

/** What a rule makes of a message: the selected payload, and a plan for each action. */
export type Outcome = {
  readonly payload: Uint8Array;
  readonly steps: readonly { readonly action: RuleAction; readonly plan: PlannedAction | Unplanned }[];
};

/** Undefined where the rule's condition does not hold. Does nothing and never throws. */
export function outcomeOf(rule: Rule, context: EvaluationContext): Outcome | undefined {
  const payload = applyQuery(rule.query, context);
  if (!payload) return undefined;
  return { payload, steps: rule.actions.map((action) => ({ action, plan: planOf(action, payload, context) })) };
}

/** What an action is to do with a payload. The plan holds no view of the message's bytes. */
export function planOf(action: RuleAction, payload: Uint8Array, context: EvaluationContext): PlannedAction | Unplanned {
  if (action.kind === "lambda") {
    const event = jsonText(payload);
    if (event === undefined) return { problem: "the payload is not JSON, and a function takes nothing else" };
    return { kind: "lambda", functionArn: action.functionArn, event };
  }
  const message = republished(action, payload, context);
  return "problem" in message ? message : { kind: "republish", message };
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

/** The bytes as the JSON text that they are, or undefined. */
export function jsonText(bytes: Uint8Array): string | undefined {
  try {
    const text = strictUtf8.decode(bytes);
    JSON.parse(text);
    return text;
  } catch {
    return undefined;
  }
}
