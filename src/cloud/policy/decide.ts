import { conditionHolds } from "./condition.ts";
import type { PolicyDocument, Statement } from "./document.ts";
import { bindTemplate, matchesPattern, type PolicyContext } from "./pattern.ts";

/** A policy as it is attached: its name, for explanations, and its default version's document. */
export type AttachedPolicy = { readonly name: string; readonly document: PolicyDocument };

/** Which statement of which policy settled a question. */
export type DecidingStatement = { readonly policy: string; readonly index: number; readonly sid: string | undefined };

/** The answer to one question, and why. */
export type PolicyDecision =
  | { readonly allowed: true; readonly reason: "allowed"; readonly statement: DecidingStatement }
  | { readonly allowed: false; readonly reason: "explicit-deny"; readonly statement: DecidingStatement }
  | { readonly allowed: false; readonly reason: "no-statement" | "no-policy"; readonly statement?: undefined };

/** One question: may this connection do `action` (such as `iot:Publish`) to `resource`, an ARN? */
export type PolicyQuestion = {
  readonly documents: readonly AttachedPolicy[];
  readonly action: string;
  readonly resource: string;
  readonly context: PolicyContext;
};

/** Answers one question; whoever asks many about one connection binds the policies once. */
export function decide({ documents, context, action, resource }: PolicyQuestion): PolicyDecision {
  return new BoundPolicies(documents, context).decide(action, resource);
}

type BoundStatement = {
  readonly allow: boolean;
  readonly actions: Statement["actions"];
  readonly except: boolean;
  /** Resource patterns without variables; those that cannot be filled in match nothing and are gone. */
  readonly patterns: readonly string[];
  readonly origin: DecidingStatement;
};

/**
 * Policies as they apply to one connection: variables filled in and conditions settled, for neither changes while the
 * connection lives. An explicit Deny wins over every Allow; without an Allow the answer is no.
 */
export class BoundPolicies {
  readonly #statements: readonly BoundStatement[];
  readonly #hasPolicy: boolean;
  /** Statements by action, deny first; actions are few and come from our own code. */
  readonly #byAction = new Map<string, readonly BoundStatement[]>();

  constructor(policies: readonly AttachedPolicy[], context: PolicyContext) {
    this.#hasPolicy = policies.length > 0;
    this.#statements = policies.flatMap(({ name, document }) =>
      document.statements
        .filter((statement) => statement.conditions.every((condition) => conditionHolds(condition, context)))
        .map((statement) => bindStatement(name, statement, context)),
    );
  }

  decide(action: string, resource: string): PolicyDecision {
    for (const statement of this.#statementsFor(action)) {
      const isNamed = statement.patterns.some((pattern) => matchesPattern(pattern, resource));
      if (isNamed === statement.except) continue;
      return statement.allow
        ? { allowed: true, reason: "allowed", statement: statement.origin }
        : { allowed: false, reason: "explicit-deny", statement: statement.origin };
    }
    return { allowed: false, reason: this.#hasPolicy ? "no-statement" : "no-policy" };
  }

  #statementsFor(action: string): readonly BoundStatement[] {
    let found = this.#byAction.get(action);
    if (!found) {
      found = this.#statements
        .filter(({ actions }) => actions.patterns.some((pattern) => matchesPattern(pattern, action)) !== actions.except)
        .toSorted((a, b) => Number(a.allow) - Number(b.allow));
      this.#byAction.set(action, found);
    }
    return found;
  }
}

function bindStatement(policy: string, statement: Statement, context: PolicyContext): BoundStatement {
  return {
    allow: statement.effect === "Allow",
    actions: statement.actions,
    except: statement.resources.except,
    patterns: statement.resources.patterns
      .map((template) => bindTemplate(template, context))
      .filter((pattern): pattern is string => pattern !== undefined),
    origin: { policy, index: statement.index, sid: statement.sid },
  };
}
