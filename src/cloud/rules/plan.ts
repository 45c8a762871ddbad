import type { SystemMessage } from "../broker/index.ts";
import { jsonText, planHttp, type HttpPlan } from "./http-plan.ts";
import { republished } from "./republish.ts";
import type { RuleAction } from "./rule-actions.ts";
import type { Rule } from "./rule.ts";
import { applyQuery, type EvaluationContext } from "./sql-evaluate.ts";
import { Filling, type Template } from "./template.ts";

/** What one action is to do for one message: everything is filled in, nothing is done. */
export type PlannedAction =
  /** `event` is JSON text. */
  | { readonly kind: "lambda"; readonly functionArn: string; readonly event: string }
  | { readonly kind: "republish"; readonly message: SystemMessage }
  | HttpPlan
  | { readonly kind: "s3"; readonly bucket: string; readonly key: string; readonly body: Uint8Array }
  | { readonly kind: "cloudwatchLogs"; readonly logGroup: string; readonly text: string }
  /** `time` in milliseconds since 1970. */
  | {
      readonly kind: "cloudwatchMetric";
      readonly namespace: string;
      readonly name: string;
      readonly value: number;
      readonly unit: string;
      readonly time: number;
    };

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
  switch (action.kind) {
    case "lambda": {
      const event = jsonText(payload);
      if (event === undefined) return { problem: "the payload is not JSON, and a function takes nothing else" };
      return { kind: "lambda", functionArn: action.functionArn, event };
    }
    case "republish": {
      const message = republished(action, payload, context);
      return "problem" in message ? message : { kind: "republish", message };
    }
    case "http":
      return planHttp(action, payload, context);
    case "s3": {
      const fill = new Filling(context);
      const [bucket, key] = [fill.text(action.bucket, "bucketName"), fill.text(action.key, "key")];
      return fill.problem ?? { kind: "s3", bucket, key, body: payload.slice() };
    }
    case "cloudwatchLogs": {
      const fill = new Filling(context);
      const logGroup = fill.text(action.logGroup, "logGroupName");
      return fill.problem ?? { kind: "cloudwatchLogs", logGroup, text: looseUtf8.decode(payload) };
    }
    case "unperformed":
      return { problem: `${action.name} actions are kept, and this cloud does not perform them` };
    default:
      return planMetric(action, context);
  }
}

const looseUtf8 = new TextDecoder();

function planMetric(
  action: Extract<RuleAction, { kind: "cloudwatchMetric" }>,
  context: EvaluationContext,
): PlannedAction | Unplanned {
  const fill = new Filling(context);
  const text = (template: Template, what: string) => fill.text(template, what);
  const [namespace, name, unit] = [
    text(action.namespace, "metricNamespace"),
    text(action.name, "metricName"),
    text(action.unit, "metricUnit"),
  ];
  const value = fill.number(action.value, "metricValue");
  const seconds = action.timestamp && fill.number(action.timestamp, "metricTimestamp");
  const time = seconds === undefined ? context.now : seconds * 1000;
  return fill.problem ?? { kind: "cloudwatchMetric", namespace, name, value, unit, time };
}
