import { HawserError, toBase64, utf8Bytes } from "../../codec/index.ts";
import type { Clock, Entropy, Hash } from "../../crypto/index.ts";
import type { Trace } from "../../trace/index.ts";
import type { Published, SystemMessage } from "../broker/index.ts";
import { TopicTrie } from "../broker/topic-trie.ts";
import { iotArn, uuid, type Account } from "../registry/index.ts";
import { republished } from "./republish.ts";
import type { Rule, RuleAction } from "./rule.ts";
import type { Value } from "./sql-ast.ts";
import { applyQuery, type EvaluationContext } from "./sql-evaluate.ts";

/** Who wants a function to be run: AWS IoT, on behalf of a rule. */
export type RuleCaller = { readonly service: string; readonly sourceArn: string; readonly sourceAccount: string };

/** The door to functions: gives undefined where the event (JSON text) was accepted, else why not; may throw. */
export type FunctionDoor = { invokeFor(caller: RuleCaller, functionArn: string, event: string): string | undefined };

export type RuleEngineOptions = {
  readonly account: Account;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly hash: Hash;
  readonly trace: Trace;
  readonly functions: FunctionDoor;
  /** The broker's door for the cloud's own messages; may throw. */
  readonly publish: (message: SystemMessage, origin: string) => void;
  /** As the broker has it: whether `a/#` matches `a`. */
  readonly multiLevelMatchesParent: boolean;
};

const SERVICE = "iot.amazonaws.com";

/** How often a message may be republished: rules that republish to each other end here. */
export const MAX_HOPS = 5;

/** Why an action failed, as the error action is told. */
type Failure = { readonly failedAction: string; readonly failedResource: string; readonly errorMessage: string };

/** One rule on one message. */
type Firing = { readonly rule: Rule; readonly context: EvaluationContext; readonly hops: number };

/** Finds the rules that a message concerns and carries out their actions. */
export class RuleEngine {
  readonly #options: RuleEngineOptions;
  readonly #byFilter: TopicTrie<string>;
  readonly #rules = new Map<string, Rule>();

  constructor(options: RuleEngineOptions) {
    this.#options = options;
    this.#byFilter = new TopicTrie(options);
  }

  /** Puts a rule in force, in place of the one that had its name. A disabled rule is kept and never fires. */
  set(rule: Rule): void {
    this.remove(rule.name);
    this.#rules.set(rule.name, rule);
    if (!rule.isDisabled) this.#byFilter.add(rule.query.filter, rule.name);
  }

  remove(name: string): void {
    const rule = this.#rules.get(name);
    if (!rule) return;
    this.#rules.delete(name);
    this.#byFilter.remove(rule.query.filter, name);
  }

  /**
   * Hears of a published message, as a listener of the broker. Never throws: what an action could not do goes to the
   * rule's error action and to the trace. A message that matches no rule costs one look into the index.
   */
  handle(message: Published): void {
    const names = this.#byFilter.match(message.topic);
    if (names.length === 0) return;
    const { account, clock, entropy, hash } = this.#options;
    const document = documentOf(message.payload);
    const context = { message, document, account, clock, entropy, hash, traceId: uuid(entropy) };
    const hops = hopsOf(message.origin);
    for (const name of names) {
      const rule = this.#rules.get(name);
      if (rule) this.#fire({ rule, context, hops });
    }
  }

  #fire(firing: Firing): void {
    const { rule, context } = firing;
    const payload = applyQuery(rule.query, context);
    if (!payload) return;
    const failures = rule.actions.flatMap((action) => this.#attempt(firing, action, payload) ?? []);
    if (failures.length === 0 || !rule.errorAction) return;
    const { message, traceId } = context;
    const report = {
      ruleName: rule.name,
      topic: message.topic,
      cloudwatchTraceId: traceId,
      clientId: message.clientId,
      base64OriginalPayload: toBase64(message.payload),
      failures,
    };
    this.#attempt(firing, rule.errorAction, utf8Bytes(JSON.stringify(report)));
  }

  /** Carries out one action; gives the failure that it ended in, which the trace knows already. */
  #attempt(firing: Firing, action: RuleAction, payload: Uint8Array): Failure | undefined {
    let problem: string | undefined;
    try {
      problem =
        action.kind === "lambda" ? this.#invoke(firing, action, payload) : this.#republish(firing, action, payload);
    } catch (error) {
      problem = error instanceof HawserError ? `${error.code}: ${error.message}` : String(error);
    }
    if (problem === undefined) return undefined;
    this.#tell(firing.rule.name, action, problem);
    const failedResource = action.kind === "lambda" ? action.functionArn : firing.context.message.topic;
    return { failedAction: ACTION_NAMES[action.kind], failedResource, errorMessage: problem };
  }

  #invoke({ rule }: Firing, { functionArn }: { functionArn: string }, payload: Uint8Array): string | undefined {
    const { account, functions } = this.#options;
    const event = jsonText(payload);
    if (event === undefined) return "the payload is not JSON, and a function takes nothing else";
    const caller = { service: SERVICE, sourceArn: iotArn(account, "rule", rule.name), sourceAccount: account.id };
    const refusal = functions.invokeFor(caller, functionArn, event);
    return refusal === undefined ? undefined : `${refusal}; ${cureFor(caller, functionArn)}`;
  }

  #republish(
    { rule, context, hops }: Firing,
    action: Extract<RuleAction, { kind: "republish" }>,
    payload: Uint8Array,
  ): string | undefined {
    if (hops >= MAX_HOPS) return `the message was republished ${hops} times already: rules that feed each other`;
    const message = republished(action, payload, context);
    if ("problem" in message) return message.problem;
    this.#options.publish(message, originOf(rule.name, hops + 1));
    return undefined;
  }

  #tell(rule: string, action: RuleAction, why: string): void {
    const { trace } = this.#options;
    if (action.kind === "republish") {
      trace.emit("cloud", { kind: "process", what: "warning", detail: `rule ${rule} could not republish: ${why}` });
      return;
    }
    const name = nameIn(action.functionArn);
    const detail = `rule ${rule} could not invoke the function: ${why}`;
    const event = { function: name, request: `rule/${rule}`, outcome: "failed", durationMs: 0, detail } as const;
    trace.emit("cloud", { kind: "function.run", ...event });
  }
}

const ACTION_NAMES = { lambda: "LambdaAction", republish: "RepublishAction" } as const;

function nameIn(functionArn: string): string {
  return functionArn.split(":")[6] ?? functionArn;
}

/** The origin of a republished message tells how often it has been; no client can choose one. */
function originOf(rule: string, hops: number): string {
  return `rule/${rule} hop ${hops}`;
}

function hopsOf(origin: string): number {
  return Number(/^rule\/\w+ hop (\d+)$/.exec(origin)?.[1] ?? 0);
}

function cureFor({ service, sourceArn, sourceAccount }: RuleCaller, functionArn: string): string {
  const options = [
    `--function-name ${nameIn(functionArn)}`,
    "--statement-id rule --action lambda:InvokeFunction",
    `--principal ${service} --source-arn ${sourceArn} --source-account ${sourceAccount}`,
  ];
  return `aws lambda add-permission ${options.join(" ")}`;
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

/** The bytes as the JSON text that they are, or undefined. */
function jsonText(bytes: Uint8Array): string | undefined {
  try {
    const text = strictUtf8.decode(bytes);
    JSON.parse(text);
    return text;
  } catch {
    return undefined;
  }
}

function documentOf(payload: Uint8Array): Value {
  try {
    return JSON.parse(strictUtf8.decode(payload)) as Value;
  } catch {
    return undefined;
  }
}
