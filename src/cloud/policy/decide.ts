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

/** What kept a statement from allowing an action: a variable without a value, or a condition that does not hold. */
export type Unmet = {
  readonly what: "variable" | "condition";
  /** The variable's name, or the condition's key. */
  readonly key: string;
  readonly statement: DecidingStatement;
};

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
  readonly #policies: readonly AttachedPolicy[];
  readonly #context: PolicyContext;
  readonly #statements: readonly BoundStatement[];
  readonly #hasPolicy: boolean;
  /** Statements by action, deny first; actions are few and come from our own code. */
  readonly #byAction = new Map<string, readonly BoundStatement[]>();

  constructor(policies: readonly AttachedPolicy[], context: PolicyContext) {
    this.#policies = policies;
    this.#context = context;
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

  /**
   * The first statement that allows the action to others and not to this connection, for a variable that has no value
   * here or a condition that does not hold. Only for explanations, after the answer was no.
   */
  unmet(action: string, resource: string): Unmet | undefined {
    for (const { name, document } of this.#policies) {
      for (const statement of document.statements) {
        const { actions, effect, resources } = statement;
        const concerns = actions.patterns.some((pattern) => matchesPattern(pattern, action)) !== actions.except;
        if (effect !== "Allow" || !concerns || resources.except) continue;
        const origin = { policy: name, index: statement.index, sid: statement.sid };
        const key = unmetKey(statement, resource, this.#context);
        if (key) return { ...key, statement: origin };
      }
    }
    return undefined;
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

function unmetKey(
  { resources, conditions }: Statement,
  resource: string,
  context: PolicyContext,
): Pick<Unmet, "what" | "key"> | undefined {
  const isNamed = resources.patterns.some((template) => {
    const bound = bindTemplate(template, context);
    return bound !== undefined && matchesPattern(bound, resource);
  });
  const failed = conditions.find((condition) => !conditionHolds(condition, context));
  if (isNamed) return failed && { what: "condition", key: failed.key };
  for (const template of resources.patterns) {
    // Whatever stood in the place of the variables, the rest of the text must fit.
    const open = template.map((piece) => ("text" in piece ? piece.text : "*")).join("");
    const variable = template.find((piece) => "variable" in piece && context.get(piece.variable) === undefined);
    if (variable && "variable" in variable && matchesPattern(open, resource)) {
      return { what: "variable", key: variable.variable };
    }
  }
  return undefined;
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
