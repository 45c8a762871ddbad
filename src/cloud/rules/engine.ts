import { toBase64, utf8Bytes } from "../../codec/index.ts";
import type { Entropy, Hash } from "../../crypto/index.ts";
import type { Published } from "../broker/index.ts";
import { TopicTrie } from "../broker/topic-trie.ts";
import { iotArn, uuid, type Account } from "../registry/index.ts";
import { documentOf, Evaluation, ingestOf, type EvaluationPorts, type Subject } from "./evaluation.ts";
import type { LookUpDoors } from "./lookups.ts";
import { actionName, hopsOf, nameIn, perform, problemOf } from "./perform.ts";
import type { ActionDoors, Attempt, RuleCaller } from "./perform.ts";
import { outcomeOf, planOf, type Outcome, type PlannedAction, type Unplanned } from "./plan.ts";
import type { RuleAction } from "./rule-actions.ts";
import type { Rule } from "./rule.ts";
import { Patterns } from "./sql-regexp.ts";

export type RuleEngineOptions = ActionDoors & {
  readonly account: Account;
  readonly entropy: Entropy;
  readonly hash: Hash;
  readonly lookUps: LookUpDoors;
  /** As the broker has it: whether `a/#` matches `a`. */
  readonly multiLevelMatchesParent: boolean;
};

/** Nobody acts on a registration event. */
export type Unheard = {
  readonly cause: "registration-unheard" | "registration-rule-disabled";
  readonly evidence: { readonly topic: string; readonly rules: string };
};

const SERVICE = "iot.amazonaws.com";

/** How many messages may wait for answers and actions at once; one more fails. */
export const MAX_PENDING = 1000;

/** Why an action failed, as the error action is told. */
type Failure = { readonly failedAction: string; readonly failedResource: string; readonly errorMessage: string };

/** One rule on one message. */
type Firing = {
  readonly rule: Rule;
  readonly subject: Subject;
  readonly evaluation: Evaluation;
  readonly hops: number;
};

/** Finds the rules that a message concerns and carries out their actions. */
export class RuleEngine {
  readonly #options: RuleEngineOptions;
  readonly #ports: EvaluationPorts;
  readonly #byFilter: TopicTrie<string>;
  readonly #rules = new Map<string, Rule>();
  readonly #pending = new Set<Promise<void>>();

  constructor(options: RuleEngineOptions) {
    const { account, entropy, hash } = options;
    this.#options = options;
    this.#ports = { account, entropy, hash, patterns: new Patterns() };
    this.#byFilter = new TopicTrie(options);
  }

  /** Puts a rule in force, in place of the one that had its name. A disabled rule is kept and never fires. */
  set(rule: Rule): void {
    this.remove(rule.name);
    this.#rules.set(rule.name, rule);
    const { filter } = rule.query;
    if (!rule.isDisabled && filter !== undefined) this.#byFilter.add(filter, rule.name);
  }

  remove(name: string): void {
    const rule = this.#rules.get(name);
    if (!rule) return;
    this.#rules.delete(name);
    if (rule.query.filter !== undefined) this.#byFilter.remove(rule.query.filter, name);
  }

  /**
   * Hears of a published message, as a listener of the broker. Never throws: what an action could not do goes to the
   * rule's error action and to the trace. A message that matches no rule costs one look into the index.
   */
  handle(message: Published): void {
    const ingest = ingestOf(message.topic);
    if (ingest) return this.#ingest(ingest.ruleName, { ...message, topic: ingest.topic });
    const names = this.#byFilter.match(message.topic);
    if (names.length === 0) return;
    const subject = this.#subjectOf(message);
    for (const name of names) {
      const rule = this.#rules.get(name);
      if (rule) this.#fire(rule, subject);
    }
  }

  /**
   * Why no rule acts on messages of a topic: the disabled rules that would, or those whose topic filters come near.
   * Undefined where one does.
   */
  unheard(topic: string): Unheard | undefined {
    if (this.#byFilter.match(topic).length > 0) return undefined;
    const rules = [...this.#rules.values()];
    const disabled = rules.filter(({ isDisabled, query }) => isDisabled && query.filter && covers(query.filter, topic));
    if (disabled.length > 0) {
      return { cause: "registration-rule-disabled", evidence: { topic, rules: namesOf(disabled) } };
    }
    const near = rules.filter(({ query }) => /registered|certificate|^\$aws/i.test(query.filter ?? ""));
    const shown = near.slice(0, 5).map(({ name, query }) => `${name}: ${query.filter}`);
    return { cause: "registration-unheard", evidence: { topic, rules: shown.join("; ") } };
  }

  /** Resolves when nothing waits for an answer or an action any more. */
  async whenIdle(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  /** One rule, whatever its topic filter. AWS IoT Core, "Basic Ingest" */
  #ingest(name: string, message: Published): void {
    const rule = this.#rules.get(name);
    if (rule && !rule.isDisabled) return this.#fire(rule, this.#subjectOf(message));
    const why = rule ? "is disabled" : "does not exist";
    this.#warn(`a message for rule ${name.slice(0, 128)} is lost: the rule ${why}`);
  }

  #subjectOf(message: Published): Subject {
    const { clock, entropy } = this.#options;
    return { message, document: documentOf(message.payload), now: clock.now(), traceId: uuid(entropy) };
  }

  #fire(rule: Rule, subject: Subject): void {
    const hops = hopsOf(subject.message.origin);
    const firing = { rule, subject, evaluation: new Evaluation(rule, subject, this.#ports), hops };
    const outcome = outcomeOf(rule, firing.evaluation.context());
    if (firing.evaluation.lookUps.isComplete) {
      if (outcome) this.#carryOut(firing, outcome);
      return;
    }
    if (this.#pending.size >= MAX_PENDING) {
      return this.#warn(`rule ${rule.name} leaves a message: ${MAX_PENDING} wait for answers already`);
    }
    const own = kept(subject);
    this.#hold(this.#fireWithAnswers({ rule, subject: own, hops, evaluation: new Evaluation(rule, own, this.#ports) }));
  }

  async #fireWithAnswers(firing: Firing): Promise<void> {
    const { rule } = firing;
    const caller = this.#callerFor(rule);
    const failed = (why: string): void => this.#warn(`rule ${rule.name}: ${why}`);
    for (;;) {
      const outcome = outcomeOf(rule, firing.evaluation.context());
      if (firing.evaluation.lookUps.isComplete) {
        if (outcome) this.#carryOut(firing, outcome);
        return;
      }
      await firing.evaluation.lookUps.answer(this.#options.lookUps, caller, failed);
    }
  }

  #carryOut(firing: Firing, { steps }: Outcome): void {
    const attempts = steps.map(({ action, plan }) => ({ action, attempt: this.#attempt(firing, plan) }));
    const waits = attempts.some(({ attempt }) => attempt instanceof Promise);
    if (!waits) {
      const done = attempts.map(({ action, attempt }) => ({ action, problem: attempt as Attempt }));
      return this.#report(firing, done);
    }
    const own = { ...firing, subject: kept(firing.subject) };
    const finish = async (): Promise<void> => {
      const done = attempts.map(async ({ action, attempt }) => ({ action, problem: await attempt }));
      this.#report(own, await Promise.all(done));
    };
    this.#hold(finish());
  }

  /** Tells what failed: the trace, and the error action, whose own failure only the trace hears of. */
  #report(firing: Firing, done: readonly { readonly action: RuleAction; readonly problem: Attempt }[]): void {
    const failures = done.flatMap(({ action, problem }) => this.#failure(firing, action, problem) ?? []);
    const { rule, subject, evaluation } = firing;
    const { errorAction } = rule;
    if (failures.length === 0 || !errorAction) return;
    const { message, traceId } = subject;
    const report = {
      ruleName: rule.name,
      topic: message.topic,
      cloudwatchTraceId: traceId,
      clientId: message.clientId,
      base64OriginalPayload: toBase64(message.payload),
      failures,
    };
    const payload = utf8Bytes(JSON.stringify(report));
    const attempt = this.#attempt(firing, planOf(errorAction, payload, evaluation.contextWithoutLookUps()));
    const finish = (problem: Attempt): void => void this.#failure(firing, errorAction, problem);
    if (attempt instanceof Promise) this.#hold(attempt.then(finish));
    else finish(attempt);
  }

  #failure({ rule }: Firing, action: RuleAction, problem: Attempt): Failure | undefined {
    if (problem === undefined) return undefined;
    this.#tell(rule.name, action, problem);
    return { failedAction: actionName(action), failedResource: action.resource, errorMessage: problem };
  }

  #attempt({ rule, hops }: Firing, plan: PlannedAction | Unplanned): Attempt | Promise<Attempt> {
    if ("problem" in plan) return plan.problem;
    const waits = plan.kind === "http" || plan.kind === "s3";
    if (waits && this.#pending.size >= MAX_PENDING) return `${MAX_PENDING} messages wait already`;
    return perform(plan, this.#options, { ruleName: rule.name, caller: this.#callerFor(rule), hops });
  }

  #callerFor(rule: Rule): RuleCaller {
    const { account } = this.#options;
    return { service: SERVICE, sourceArn: iotArn(account, "rule", rule.name), sourceAccount: account.id };
  }

  #hold(work: Promise<void>): void {
    const guarded = work.catch((error: unknown) => this.#warn(`a rule failed: ${problemOf(error)}`));
    const held = guarded.finally(() => this.#pending.delete(held));
    this.#pending.add(held);
  }

  #tell(rule: string, action: RuleAction, why: string): void {
    if (action.kind !== "lambda") {
      const { kind, resource } = action;
      const failed = { rule, action: kind === "unperformed" ? action.name : kind, resource } as const;
      const code = kind === "unperformed" ? "action-absent" : "action-failed";
      return this.#options.trace.emit("cloud", { kind: "rule.failed", ...failed, code, detail: why });
    }
    const name = nameIn(action.functionArn);
    const detail = `rule ${rule} could not invoke the function: ${why}`;
    const event = { function: name, request: `rule/${rule}`, outcome: "failed", durationMs: 0, detail } as const;
    this.#options.trace.emit("cloud", { kind: "function.run", ...event });
  }

  #warn(detail: string): void {
    this.#options.trace.emit("cloud", { kind: "process", what: "warning", detail });
  }
}

function namesOf(rules: readonly Rule[]): string {
  return rules.map(({ name }) => name).join(", ");
}

/** Whether a topic filter covers a topic, for a rule that stands in no index. */
function covers(filter: string, topic: string): boolean {
  const trie = new TopicTrie<string>({ multiLevelMatchesParent: true });
  trie.add(filter, "it");
  return trie.match(topic).length > 0;
}

/** The subject with bytes of its own: the broker reuses those of a packet. */
function kept(subject: Subject): Subject {
  const { message } = subject;
  return { ...subject, message: { ...message, payload: message.payload.slice() } };
}
