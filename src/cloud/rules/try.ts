import { toBase64 } from "../../codec/index.ts";
import type { Entropy, Hash } from "../../crypto/index.ts";
import type { Json } from "../api/shape.ts";
import { filterMatches } from "../broker/topics.ts";
import type { Account } from "../registry/index.ts";
import { documentOf, Evaluation, ingestOf } from "./evaluation.ts";
import { outcomeOf, type PlannedAction, type Unplanned } from "./plan.ts";
import type { Rule } from "./rule.ts";
import { Patterns } from "./sql-regexp.ts";

/** A message to try a rule on. */
export type TriedMessage = { readonly topic: string; readonly payload: Uint8Array; readonly clientId?: string };

/** What would come of it: nothing is done. `lookUps` says that the rule asks elsewhere, which is not asked here. */
export type Trial =
  | { readonly result: "no-match" | "condition-false" }
  | {
      readonly result: "fires";
      readonly lookUps: boolean;
      /** JSON where it is JSON, else base64. */
      readonly payload: Json;
      readonly actions: readonly Json[];
    };

export type TrialPorts = {
  readonly account: Account;
  readonly entropy: Entropy;
  readonly hash: Hash;
  /** Milliseconds since 1970. */
  readonly now: number;
};

/** Evaluates a rule on one message without doing anything. */
export function tryRule(rule: Rule, { topic, payload, clientId = "" }: TriedMessage, ports: TrialPorts): Trial {
  const ingest = ingestOf(topic);
  const { filter } = rule.query;
  const hears = ingest ? ingest.ruleName === rule.name : filter !== undefined && filterMatches(filter, topic, false);
  if (!hears) return { result: "no-match" };
  const about = { qos: 0, retain: false, properties: {}, origin: "client", principalId: "" } as const;
  const message = { topic: ingest?.topic ?? topic, payload, clientId, ...about };
  const subject = { message, document: documentOf(payload), now: ports.now, traceId: "trial" };
  const evaluation = new Evaluation(rule, subject, { ...ports, patterns: new Patterns() });
  const outcome = outcomeOf(rule, evaluation.context());
  if (!outcome) return { result: "condition-false" };
  return {
    result: "fires",
    lookUps: !evaluation.lookUps.isComplete,
    payload: shown(outcome.payload),
    actions: outcome.steps.map(({ action, plan }) => planShown(action.kind, plan)),
  };
}

function planShown(kind: string, plan: PlannedAction | Unplanned): Json {
  if ("problem" in plan) return { action: kind, problem: plan.problem };
  const text = JSON.stringify({ ...plan, kind: undefined, action: kind }, (_, value: unknown) =>
    value instanceof Uint8Array ? shown(value) : value,
  );
  return JSON.parse(text) as Json;
}

function shown(bytes: Uint8Array): Json {
  const document = documentOf(bytes);
  return document === undefined ? toBase64(bytes) : document;
}
