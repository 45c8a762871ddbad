import { HawserError } from "../../codec/index.ts";
import type { Clock } from "../../crypto/index.ts";
import type { Trace } from "../../trace/index.ts";
import type { SystemMessage } from "../broker/index.ts";
import { ACCOUNT_LIMITS } from "../registry/index.ts";
import { deliver, type HttpRequest, type HttpSender } from "./http-delivery.ts";
import type { HttpPlan } from "./http-plan.ts";
import type { PlannedAction } from "./plan.ts";
import type { RuleAction } from "./rule-actions.ts";
import { UNPERFORMED_FACTS } from "./unperformed-actions.ts";

/** Who wants a function to be run: AWS IoT, on behalf of a rule. */
export type RuleCaller = { readonly service: string; readonly sourceArn: string; readonly sourceAccount: string };

/** The door to functions: gives undefined where the event (JSON text) was accepted, else why not; may throw. */
export type FunctionDoor = { invokeFor(caller: RuleCaller, functionArn: string, event: string): string | undefined };

/** What HTTP actions go through. */
export type HttpDoor = {
  readonly sender: HttpSender;
  /** Whether the destination with this confirmation URL was confirmed and is enabled. */
  readonly isEnabled: (confirmationUrl: string) => boolean;
  /** Time for all attempts together; AWS's three seconds where none is given. */
  readonly timeoutMs?: number;
  /** The request's headers with a signature (AWS Signature Version 4); absent where no credentials were given. */
  readonly sign?: (
    request: HttpRequest,
    scope: { readonly region: string; readonly service: string },
  ) => Promise<Readonly<Record<string, string>>>;
};

/** Keeps objects: gives where; rejects with a `HawserError` for a bucket and key that name no object. */
export type ObjectWriter = { write(bucket: string, key: string, bytes: Uint8Array): Promise<string> };

/** What actions are carried out by. */
export type ActionDoors = {
  readonly clock: Clock;
  readonly trace: Trace;
  readonly functions: FunctionDoor;
  /** The broker's door for the cloud's own messages; may throw. */
  readonly publish: (message: SystemMessage, origin: string) => void;
  readonly http: HttpDoor;
  readonly objects: ObjectWriter;
};

/** How often a message may be republished: rules that republish to each other end here. */
export const MAX_HOPS = 5;

/** How an attempt ended: undefined where it succeeded, else why not. */
export type Attempt = string | undefined;

/** On whose behalf an action is carried out. `hops` is how often the message was republished. */
export type Occasion = { readonly ruleName: string; readonly caller: RuleCaller; readonly hops: number };

/** Carries out one planned action; at once where nothing has to be waited for. Never throws, never rejects. */
export function perform(plan: PlannedAction, doors: ActionDoors, occasion: Occasion): Attempt | Promise<Attempt> {
  try {
    const attempt = attemptOf(plan, doors, occasion);
    return attempt instanceof Promise ? attempt.catch(problemOf) : attempt;
  } catch (error) {
    return problemOf(error);
  }
}

function attemptOf(plan: PlannedAction, doors: ActionDoors, occasion: Occasion): Attempt | Promise<Attempt> {
  const { ruleName: rule, caller, hops } = occasion;
  switch (plan.kind) {
    case "lambda": {
      const refusal = doors.functions.invokeFor(caller, plan.functionArn, plan.event);
      return refusal === undefined ? undefined : `${refusal}; ${cureFor(caller, plan.functionArn)}`;
    }
    case "republish": {
      if (hops >= MAX_HOPS) return `the message was republished ${hops} times already: rules that feed each other`;
      doors.publish(plan.message, originOf(rule, hops + 1));
      return undefined;
    }
    case "http":
      return post(plan, doors);
    case "s3":
      return doors.objects.write(plan.bucket, plan.key, plan.body).then(() => undefined);
    case "cloudwatchLogs": {
      const value = plan.text.length > MAX_LOGGED ? `${plan.text.slice(0, MAX_LOGGED)}…` : plan.text;
      doors.trace.emit("cloud", { kind: "rule.record", rule, what: "log", name: plan.logGroup, value, unit: "" });
      return undefined;
    }
    default: {
      const { namespace, name, value, unit } = plan;
      const record = { rule, what: "metric", name: `${namespace}/${name}`, value: String(value), unit } as const;
      doors.trace.emit("cloud", { kind: "rule.record", ...record });
      return undefined;
    }
  }
}

/** What the ledger keeps of one message. */
const MAX_LOGGED = 8192;

async function post(plan: HttpPlan, { http, clock }: ActionDoors): Promise<Attempt> {
  const { url, confirmationUrl, headers, body, sigv4 } = plan;
  if (!http.isEnabled(confirmationUrl)) {
    return `no confirmed and enabled destination ${confirmationUrl}; see aws iot list-topic-rule-destinations`;
  }
  const request = { url, headers, body };
  const terms = { sender: http.sender, clock, timeoutMs: http.timeoutMs ?? ACCOUNT_LIMITS.httpActionMs };
  if (!sigv4) return deliver(request, terms);
  if (!http.sign) return "the request is to be signed, and there are no credentials for it";
  return deliver({ ...request, headers: await http.sign(request, sigv4) }, terms);
}

/** What an error says, for ledger and error action. */
export function problemOf(error: unknown): string {
  return error instanceof HawserError ? `${error.code}: ${error.message}` : String(error);
}

/** @table What AWS calls each action when it fails. */
const ACTION_NAMES: Readonly<Record<Exclude<RuleAction["kind"], "unperformed">, string>> = {
  lambda: "LambdaAction",
  republish: "RepublishAction",
  http: "HttpAction",
  s3: "S3Action",
  cloudwatchLogs: "CloudwatchLogsAction",
  cloudwatchMetric: "CloudwatchMetricAction",
};

/** What AWS calls an action when it fails. */
export function actionName(action: RuleAction): string {
  return action.kind === "unperformed" ? UNPERFORMED_FACTS[action.name].called : ACTION_NAMES[action.kind];
}

/** The name of a function in its ARN. */
export function nameIn(functionArn: string): string {
  return functionArn.split(":")[6] ?? functionArn;
}

/** The origin of a republished message tells how often it has been; no client can choose one. */
function originOf(rule: string, hops: number): string {
  return `rule/${rule} hop ${hops}`;
}

/** How often a message was republished, by its origin. */
export function hopsOf(origin: string): number {
  return Number(/^rule\/\w+ hop (\d+)$/.exec(origin)?.[1] ?? 0);
}

function cureFor({ service, sourceArn, sourceAccount }: RuleCaller, functionArn: string): string {
  const qualifier = functionArn.split(":")[7];
  const isQualified = qualifier !== undefined && qualifier !== "$LATEST";
  const options = [
    `--function-name ${nameIn(functionArn)}${isQualified ? ` --qualifier ${qualifier}` : ""}`,
    "--statement-id rule --action lambda:InvokeFunction",
    `--principal ${service} --source-arn ${sourceArn} --source-account ${sourceAccount}`,
  ];
  return `aws lambda add-permission ${options.join(" ")}`;
}
