import { HawserError } from "../../codec/index.ts";
import type { Trace } from "../../trace/index.ts";
import type { Published } from "../broker/index.ts";
import { TopicTrie } from "../broker/topic-trie.ts";
import { iotArn, type Account } from "../registry/index.ts";
import type { Rule, RuleAction } from "./rule.ts";

/** Who wants a function to be run: AWS IoT, on behalf of a rule. */
export type RuleCaller = { readonly service: string; readonly sourceArn: string; readonly sourceAccount: string };

/** The door to functions: gives undefined where the event (JSON text) was accepted, else why not; may throw. */
export type FunctionDoor = { invokeFor(caller: RuleCaller, functionArn: string, event: string): string | undefined };

export type RuleEngineOptions = {
  readonly account: Account;
  readonly functions: FunctionDoor;
  readonly trace: Trace;
  /** As the broker has it: whether `a/#` matches `a`. */
  readonly multiLevelMatchesParent: boolean;
};

const SERVICE = "iot.amazonaws.com";

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
   * Hears of a published message, as a listener of the broker. Never throws: what an action could not do is told to the
   * trace. A message that matches no rule costs one look into the index.
   */
  handle(message: Published): void {
    const names = this.#byFilter.match(message.topic);
    if (names.length === 0) return;
    const event = jsonText(message.payload);
    for (const name of names) {
      for (const action of this.#rules.get(name)?.actions ?? []) this.#run(name, action, event);
    }
  }

  #run(rule: string, { lambda: { functionArn } }: RuleAction, event: string | undefined): void {
    const { account, functions } = this.#options;
    if (event === undefined) {
      this.#failed(rule, functionArn, "the payload is not JSON, and a function takes nothing else");
      return;
    }
    const caller = { service: SERVICE, sourceArn: iotArn(account, "rule", rule), sourceAccount: account.id };
    try {
      const refusal = functions.invokeFor(caller, functionArn, event);
      if (refusal !== undefined) this.#failed(rule, functionArn, `${refusal}; ${cureFor(caller, functionArn)}`);
    } catch (error) {
      this.#failed(rule, functionArn, error instanceof HawserError ? `${error.code}: ${error.message}` : String(error));
    }
  }

  #failed(rule: string, functionArn: string, why: string): void {
    const name = functionArn.split(":")[6] ?? functionArn;
    const detail = `rule ${rule} could not invoke the function: ${why}`;
    this.#options.trace.emit("cloud", {
      kind: "function.run",
      function: name,
      request: `rule/${rule}`,
      outcome: "failed",
      durationMs: 0,
      detail,
    });
  }
}

function cureFor({ service, sourceArn, sourceAccount }: RuleCaller, functionArn: string): string {
  const options = [
    `--function-name ${functionArn.split(":")[6] ?? functionArn}`,
    "--statement-id rule --action lambda:InvokeFunction",
    `--principal ${service} --source-arn ${sourceArn} --source-account ${sourceAccount}`,
  ];
  return `aws lambda add-permission ${options.join(" ")}`;
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

/** The payload as the JSON text that it is, or undefined. */
function jsonText(payload: Uint8Array): string | undefined {
  try {
    const text = strictUtf8.decode(payload);
    JSON.parse(text);
    return text;
  } catch {
    return undefined;
  }
}
