import type { Clock } from "../../crypto/index.ts";
import type { RuleOperations, TopicRule, TopicRuleList } from "../operations/index.ts";
import { Conflict, type Json } from "../../codec/index.ts";
import { filterMatches } from "../broker/topics.ts";
import { notImplemented, ResourceExists, type CloudErrorCode } from "../errors.ts";
import { ACCOUNT_LIMITS, iotArn, limitNamed, pageAmong, type Account, type AccountLimits } from "../registry/index.ts";
import type { Store } from "../store/index.ts";
import type { Destinations } from "./destinations.ts";
import type { RuleEngine } from "./engine.ts";
import { ruleDenied } from "./errors.ts";
import { readRule, type Rule } from "./rule.ts";

export type RuleServiceOptions = {
  readonly account: Account;
  readonly clock: Clock;
  readonly store: Store;
  readonly engine: RuleEngine;
  readonly http: HttpRuleTerms;
  /** What new rules are held to; AWS's where none are given. */
  readonly limits?: AccountLimits;
};

/** What HTTP actions of a rule need before they can be kept. */
export type HttpRuleTerms = {
  /** Whether there are credentials for signatures. */
  readonly canSign: boolean;
  readonly destinations: Pick<Destinations, "check" | "ensure">;
};

type Input<Name extends keyof RuleOperations> = Parameters<RuleOperations[Name]>[0];

/** AWS IoT's rule operations over the store; every change is in force in the engine when it is acknowledged. */
export class Rules implements RuleOperations {
  readonly #options: RuleServiceOptions;
  readonly #rules = new Map<string, Rule>();

  private constructor(options: RuleServiceOptions) {
    this.#options = options;
  }

  /** Puts all kept rules in force. */
  static async open(options: RuleServiceOptions): Promise<Rules> {
    const service = new Rules(options);
    for (const row of await options.store.read.selectFrom("topic_rules").selectAll().orderBy("name").execute()) {
      const rule = readRule(row.name, JSON.parse(row.payload) as Json, row.created_at);
      service.#inForce({ ...rule, isDisabled: row.disabled === 1 });
    }
    return service;
  }

  /** Throws `Conflict` `resource-exists` or `limit-exceeded`, and what `readRule` throws. */
  async createTopicRule({ ruleName, topicRulePayload }: Input<"createTopicRule">): Promise<void> {
    const { account, clock, store, limits = ACCOUNT_LIMITS } = this.#options;
    const rule = readRule(ruleName, topicRulePayload, Math.trunc(clock.now()), limits);
    if (this.#rules.size >= limits.rules && !this.#rules.has(ruleName)) {
      const message = `an account has at most ${limits.rules} topic rules (${limitNamed(limits, "rules")})`;
      throw new Conflict<CloudErrorCode>("limit-exceeded", message);
    }
    const urls = this.#checkHttp(rule);
    const row = {
      name: ruleName,
      payload: JSON.stringify(rule.payload),
      disabled: rule.isDisabled ? (1 as const) : (0 as const),
      created_at: rule.createdAt,
    };
    await store.write(
      async (queries) => {
        const insert = queries.insertInto("topic_rules").values(row);
        const { numInsertedOrUpdatedRows } = await insert
          .onConflict((at) => at.column("name").doNothing())
          .executeTakeFirst();
        if ((numInsertedOrUpdatedRows ?? 0n) > 0n) return;
        const resource = { resourceId: ruleName, resourceArn: iotArn(account, "rule", ruleName) };
        throw new ResourceExists(`Rule with name '${ruleName}' already exists`, resource);
      },
      () => this.#inForce(rule),
    );
    await this.#ensureDestinations(urls);
  }

  async getTopicRule({ ruleName }: Input<"getTopicRule">): Promise<TopicRule> {
    const { payload, createdAt, isDisabled } = this.#rule(ruleName);
    const rule = {
      ruleName,
      awsIotSqlVersion: "2015-10-08",
      ...(payload as Record<string, Json>),
      createdAt: createdAt / 1000,
      ruleDisabled: isDisabled,
    };
    return { ruleArn: iotArn(this.#options.account, "rule", ruleName), rule };
  }

  async listTopicRules(input: Input<"listTopicRules">): Promise<TopicRuleList> {
    const { topic, maxResults = 100, nextToken, ruleDisabled } = input;
    const wanted = [...this.#rules.values()]
      .filter(({ isDisabled }) => ruleDisabled === undefined || isDisabled === ruleDisabled)
      .filter(
        ({ query: { filter } }) =>
          topic === undefined || (filter !== undefined && (filter === topic || filterMatches(filter, topic, false))),
      );
    const request = { limit: maxResults, ...(nextToken !== undefined && { token: nextToken }) };
    const { rows, next } = pageAmong("ListTopicRules", request, { rows: wanted, keyOf: ({ name }) => name });
    const rules = rows.map(({ name, query, createdAt, isDisabled }) => ({
      ruleArn: iotArn(this.#options.account, "rule", name),
      ruleName: name,
      ...(query.filter !== undefined && { topicPattern: query.filter }),
      createdAt: createdAt / 1000,
      ruleDisabled: isDisabled,
    }));
    return next === undefined ? { rules } : { rules, nextToken: next };
  }

  async replaceTopicRule({ ruleName, topicRulePayload }: Input<"replaceTopicRule">): Promise<void> {
    const { createdAt } = this.#rule(ruleName);
    const rule = readRule(ruleName, topicRulePayload, createdAt, this.#options.limits ?? ACCOUNT_LIMITS);
    const urls = this.#checkHttp(rule);
    await this.#change(rule);
    await this.#ensureDestinations(urls);
  }

  async enableTopicRule({ ruleName }: Input<"enableTopicRule">): Promise<void> {
    await this.#change({ ...this.#rule(ruleName), isDisabled: false });
  }

  async disableTopicRule({ ruleName }: Input<"disableTopicRule">): Promise<void> {
    await this.#change({ ...this.#rule(ruleName), isDisabled: true });
  }

  async deleteTopicRule({ ruleName }: Input<"deleteTopicRule">): Promise<void> {
    const { store, engine } = this.#options;
    this.#rule(ruleName);
    await store.write(
      (queries) => queries.deleteFrom("topic_rules").where("name", "=", ruleName).execute(),
      () => {
        this.#rules.delete(ruleName);
        engine.remove(ruleName);
      },
    );
  }

  /** The confirmation URLs of a rule that are written out, each of them one that may be confirmed. */
  #checkHttp({ actions, errorAction }: Rule): string[] {
    const { canSign, destinations } = this.#options.http;
    const all = errorAction ? [...actions, errorAction] : actions;
    return all.flatMap((action) => {
      if (action.kind !== "http") return [];
      if (action.sigv4 && !canSign) throw notImplemented("auth.sigv4 without hawser up --http-credentials");
      const [url, ...more] = action.confirmationUrl;
      if (typeof url !== "string" || more.length > 0) return [];
      destinations.check(url);
      return [url];
    });
  }

  async #ensureDestinations(urls: readonly string[]): Promise<void> {
    for (const url of urls) await this.#options.http.destinations.ensure(url);
  }

  /** Throws `Denied` `rule-access-denied`. */
  #rule(name: string): Rule {
    const found = this.#rules.get(name);
    if (!found) throw ruleDenied(name);
    return found;
  }

  async #change(rule: Rule): Promise<void> {
    const { name, payload, isDisabled } = rule;
    const row = { payload: JSON.stringify(payload), disabled: isDisabled ? (1 as const) : (0 as const) };
    await this.#options.store.write(
      async (queries) => {
        const { numUpdatedRows } = await queries
          .updateTable("topic_rules")
          .set(row)
          .where("name", "=", name)
          .executeTakeFirst();
        if (numUpdatedRows === 0n) throw ruleDenied(name);
      },
      () => this.#inForce(rule),
    );
  }

  #inForce(rule: Rule): void {
    this.#rules.set(rule.name, rule);
    this.#options.engine.set(rule);
  }
}
