import { type Json, toBase64 } from "../../codec/index.ts";
import type { Entropy, Hash } from "../../crypto/index.ts";
import type { Published } from "../broker/index.ts";
import { filterMatches } from "../broker/topics.ts";
import { iotArn, type Account } from "../registry/index.ts";
import { documentOf, Evaluation, ingestOf } from "./evaluation.ts";
import type { LookUpDoors } from "./lookups.ts";
import type { RuleCaller } from "./perform.ts";
import { outcomeOf, type Outcome, type PlannedAction, type Unplanned } from "./plan.ts";
import type { Rule } from "./rule.ts";
import type { LookupName } from "./sql-ast.ts";
import type { Value } from "./sql-number.ts";
import { Patterns } from "./sql-regexp.ts";
import { jsonOf } from "./sql-value.ts";

/** A message to try a rule on: topic and payload, and what else is known of it. `time` in milliseconds since 1970. */
export type TriedMessage = Pick<Published, "topic" | "payload"> &
  Partial<Omit<Published, "topic" | "payload">> & { readonly time?: number };

/** What a rule asked elsewhere, and what came of it: its answer, null where there is none, or why it was not asked. */
export type Asked = {
  readonly function: LookupName;
  readonly of: readonly Json[];
  readonly answer?: Json;
  readonly problem?: string;
};

/** What would come of it: no action is done. */
export type Trial =
  | { readonly result: "no-match" }
  | { readonly result: "condition-false"; readonly asked: readonly Asked[] }
  | {
      readonly result: "fires";
      readonly asked: readonly Asked[];
      /** JSON where it is JSON, else base64. */
      readonly payload: Json;
      readonly actions: readonly Json[];
    };

export type TrialPorts = {
  readonly account: Account;
  readonly entropy: Entropy;
  readonly hash: Hash;
  /** Milliseconds since 1970, for messages that do not say when they came. */
  readonly now: number;
  /** Where functions of SQL that ask elsewhere are answered; what they reject with has no value. */
  readonly lookUps: LookUpDoors;
};

/** Evaluates a rule on one message and does nothing else but ask what the SQL asks. */
export async function tryRule(rule: Rule, tried: TriedMessage, ports: TrialPorts): Promise<Trial> {
  const { topic, time = ports.now } = tried;
  const ingest = ingestOf(topic);
  const { filter } = rule.query;
  const hears = ingest ? ingest.ruleName === rule.name : filter !== undefined && filterMatches(filter, topic, false);
  if (!hears) return { result: "no-match" };
  const message: Published = { ...UNKNOWN, ...tried, topic: ingest?.topic ?? topic };
  const subject = { message, document: documentOf(tried.payload), now: time, traceId: "trial" };
  const { account, entropy, hash } = ports;
  const evaluation = new Evaluation(rule, subject, { account, entropy, hash, patterns: new Patterns() });
  const asked: Asked[] = [];
  const outcome = await answered(rule, evaluation, listening(ports, asked));
  if (!outcome) return { result: "condition-false", asked };
  return {
    result: "fires",
    asked,
    payload: shown(outcome.payload),
    actions: outcome.steps.map(({ action, plan }) => planShown(action.kind, plan)),
  };
}

const UNKNOWN = { clientId: "", principalId: "", qos: 0, retain: false, properties: {}, origin: "client" } as const;

type Listening = { readonly doors: LookUpDoors; readonly caller: RuleCaller };

/** Evaluates until nothing new is asked. */
async function answered(
  rule: Rule,
  evaluation: Evaluation,
  { doors, caller }: Listening,
): Promise<Outcome | undefined> {
  for (;;) {
    const outcome = outcomeOf(rule, evaluation.context());
    if (evaluation.lookUps.isComplete) return outcome;
    const { sourceArn } = caller;
    const own = { ...caller, sourceArn: `${sourceArn}${rule.name}` };
    await evaluation.lookUps.answer(doors, own, () => undefined);
  }
}

/** The doors of the ports, whose questions and answers are noted. */
function listening({ account, lookUps }: TrialPorts, asked: Asked[]): Listening {
  const note = async (name: LookupName, of: readonly Value[], answer: Promise<Value>): Promise<Value> => {
    const question = { function: name, of: of.map(plain) };
    try {
      const value = await answer;
      asked.push({ ...question, answer: plain(value) });
      return value;
    } catch (error) {
      asked.push({ ...question, problem: error instanceof Error ? error.message : String(error) });
      throw error;
    }
  };
  return {
    caller: { service: "iot.amazonaws.com", sourceArn: iotArn(account, "rule", ""), sourceAccount: account.id },
    doors: {
      askFunction: (caller, arn, event) => note("aws_lambda", [arn, event], lookUps.askFunction(caller, arn, event)),
      registryData: (operation, thing) =>
        note("get_registry_data", [operation, thing], lookUps.registryData(operation, thing)),
      thingShadow: (thing, name) =>
        note("get_thing_shadow", name === undefined ? [thing] : [thing, name], lookUps.thingShadow(thing, name)),
    },
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
  return document === undefined ? toBase64(bytes) : plain(document);
}

/** A value as everybody else reads it; null where there is none, or none that can be written. */
function plain(value: Value): Json {
  return JSON.parse((value === undefined ? undefined : jsonOf(value)) ?? "null") as Json;
}
