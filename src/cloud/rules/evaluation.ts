import type { Entropy, Hash } from "../../crypto/index.ts";
import { BASIC_INGEST, type Published } from "../broker/index.ts";
import type { Account } from "../registry/index.ts";
import { LookUps } from "./lookups.ts";
import type { Rule } from "./rule.ts";
import { MAX_ELEMENTS_SEEN, type EvaluationContext } from "./sql-evaluate.ts";
import { type Value, valueIn } from "./sql-number.ts";
import type { Patterns } from "./sql-regexp.ts";

/** What evaluations take from around. */
export type EvaluationPorts = {
  readonly account: Account;
  readonly entropy: Entropy;
  readonly hash: Hash;
  readonly patterns: Patterns;
};

/** A message as rules see it: its payload read once, its time and trace id the same for all of them. */
export type Subject = {
  readonly message: Published;
  readonly document: Value;
  readonly now: number;
  readonly traceId: string;
};

const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

/** The payload as JSON, or undefined where it is none. */
export function documentOf(payload: Uint8Array): Value {
  try {
    return valueIn(strictUtf8.decode(payload));
  } catch {
    return undefined;
  }
}

/** The name of the rule that a Basic Ingest topic names, and the rest of the topic. AWS IoT Core, "Basic Ingest" */
export function ingestOf(topic: string): { readonly ruleName: string; readonly topic: string } | undefined {
  if (!topic.startsWith(BASIC_INGEST)) return undefined;
  const end = topic.indexOf("/", BASIC_INGEST.length);
  const ruleName = topic.slice(BASIC_INGEST.length, end < 0 ? undefined : end);
  return { ruleName, topic: end < 0 ? "" : topic.slice(end + 1) };
}

/** One rule and one message, evaluated as often as it takes until nothing is left to ask. */
export class Evaluation {
  readonly lookUps = new LookUps();
  readonly #rule: Rule;
  readonly #subject: Subject;
  readonly #ports: EvaluationPorts;
  readonly #entropy: ReplayedEntropy;

  constructor(rule: Rule, subject: Subject, ports: EvaluationPorts) {
    this.#rule = rule;
    this.#subject = subject;
    this.#ports = ports;
    this.#entropy = new ReplayedEntropy(ports.entropy);
  }

  /** The context of the next round: random values are those of the first. */
  context(): EvaluationContext {
    this.#entropy.rewind();
    return {
      ...this.#subject,
      ...this.#ports,
      version: this.#rule.query.version,
      entropy: this.#entropy,
      lookUp: (name, args) => this.lookUps.ask(name, args),
      elements: { left: MAX_ELEMENTS_SEEN },
    };
  }

  /** The context of an error action, which may ask nothing elsewhere. AWS IoT Core, "Error handling" */
  contextWithoutLookUps(): EvaluationContext {
    return { ...this.context(), lookUp: () => undefined };
  }
}

/** Gives the same bytes again in every round, so that a question with a random part stays the same question. */
class ReplayedEntropy implements Entropy {
  readonly #source: Entropy;
  readonly #drawn: Uint8Array[] = [];
  #next = 0;

  constructor(source: Entropy) {
    this.#source = source;
  }

  rewind(): void {
    this.#next = 0;
  }

  bytes(length: number): Uint8Array {
    const at = this.#next++;
    const drawn = this.#drawn[at];
    if (drawn?.length === length) return drawn.slice();
    const fresh = this.#source.bytes(length);
    this.#drawn[at] = fresh;
    return fresh.slice();
  }
}
