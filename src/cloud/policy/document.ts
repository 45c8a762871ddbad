import { acceptsValue, parseOperator, type Condition } from "./condition.ts";
import { isContextKey, isThingFact } from "./context.ts";
import { MalformedPolicy } from "./errors.ts";
import { repeatedMember } from "./json-members.ts";
import { parseTemplate, type Template } from "./pattern.ts";

/** One statement of a policy, compiled: what it covers, and under which conditions. */
export type Statement = {
  /** Its place in the document, counted from 0. */
  readonly index: number;
  readonly sid: string | undefined;
  readonly effect: "Allow" | "Deny";
  readonly actions: { readonly except: boolean; readonly patterns: readonly string[] };
  readonly resources: { readonly except: boolean; readonly patterns: readonly Template[] };
  readonly conditions: readonly Condition[];
};

/** A policy document, parsed and checked. */
export type PolicyDocument = {
  readonly version: PolicyVersion;
  readonly statements: readonly Statement[];
  /** Whether it asks for a thing's type or attributes, which have to be fetched. */
  readonly asksOfThing: boolean;
};

/** Only the newer language has variables; in the older one `${` is plain text. */
type PolicyVersion = "2012-10-17" | "2008-10-17";

/** Room for indentation; more than this is not read at all. AWS IoT API, PolicyDocument length constraint */
const MAX_TEXT = 404_600;

/** The actions that devices are checked for; others are allowed to stand in a policy, as on AWS. */
const ACTIONS = [
  "Connect",
  "Publish",
  "Subscribe",
  "Receive",
  "RetainPublish",
  "GetRetainedMessage",
  "ListRetainedMessages",
  "GetThingShadow",
  "UpdateThingShadow",
  "DeleteThingShadow",
  "ListNamedShadowsForThing",
  "DescribeJobExecution",
  "GetPendingJobExecutions",
  "UpdateJobExecution",
  "StartNextPendingJobExecution",
  "AssumeRoleWithCertificate",
].map((name) => `iot:${name}`);

/**
 * Reads and checks a policy document of the AWS IoT policy language.
 * Throws `MalformedPolicy`, which names the place and the rule.
 */
export function parsePolicyDocument(text: string): PolicyDocument {
  const document = objectAt("document", parseJson(text), ["Version", "Id", "Statement"]);
  const version = document["Version"];
  if (version !== "2012-10-17" && version !== "2008-10-17")
    throw new MalformedPolicy("Version", `must be "2012-10-17" or "2008-10-17", is ${shown(version)}`);
  const isList = Array.isArray(document["Statement"]);
  const statements = isList ? (document["Statement"] as unknown[]) : [document["Statement"]];
  if (statements.length === 0) throw new MalformedPolicy("Statement", "must hold at least one statement");
  const template = version === "2012-10-17" ? parseTemplate : (literal: string): Template => [{ text: literal }];
  const parsed = statements.map((each, index) =>
    parseStatement({ place: isList ? `Statement[${index}]` : "Statement", index, value: each, template }),
  );
  return { version, statements: parsed, asksOfThing: parsed.some(asksOfThing) };
}

/**
 * Checks the length of a document that is not kept yet; white space does not count. Throws `MalformedPolicy`. AWS IoT Core
 * quotas, "Policy document size"
 */
export function checkPolicyLength(text: string, most: number): void {
  const length = text.replace(/\s+/g, "").length;
  if (length <= most) return;
  const message = `has ${length} characters besides white space, at most ${most} (limit policyCharacters=${most})`;
  throw new MalformedPolicy("document", message);
}

function asksOfThing({ resources, conditions }: Statement): boolean {
  const templates = [...resources.patterns, ...conditions.flatMap(({ values }) => values)];
  return (
    conditions.some(({ key }) => isThingFact(key)) ||
    templates.some((template) => template.some((piece) => "variable" in piece && isThingFact(piece.variable)))
  );
}

function parseJson(text: string): unknown {
  if (text.length > MAX_TEXT) throw new MalformedPolicy("document", `is longer than ${MAX_TEXT} characters`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new MalformedPolicy("document", `is not JSON: ${(error as SyntaxError).message}`);
  }
  // Of two members with one name JSON.parse keeps the last: a Deny that a reader sees first would not count.
  const repeated = repeatedMember(text);
  if (repeated !== undefined)
    throw new MalformedPolicy("document", `the member ${shown(repeated)} occurs twice in one object`);
  return value;
}

const MEMBERS = ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];

type StatementSource = {
  readonly place: string;
  readonly index: number;
  readonly value: unknown;
  readonly template: (text: string) => Template;
};

function parseStatement({ place, index, value, template }: StatementSource): Statement {
  const statement = objectAt(place, value, MEMBERS);
  const effect = statement["Effect"];
  if (effect !== "Allow" && effect !== "Deny")
    throw new MalformedPolicy(`${place}.Effect`, `must be "Allow" or "Deny", is ${shown(effect)}`);
  const sid = statement["Sid"];
  if (sid !== undefined && typeof sid !== "string") throw new MalformedPolicy(`${place}.Sid`, "must be a string");
  const actions = oneOf(place, statement, ["Action", "NotAction"]);
  actions.texts.forEach((text, i) => checkAction(`${actions.place}[${i}]`, text));
  const resources = oneOf(place, statement, ["Resource", "NotResource"]);
  const patterns = resources.texts.map((text, i) => {
    checkResource(`${resources.place}[${i}]`, text);
    return checkVariables(`${resources.place}[${i}]`, template(text));
  });
  return {
    index,
    sid,
    effect,
    actions: { except: actions.except, patterns: actions.texts },
    resources: { except: resources.except, patterns },
    conditions:
      statement["Condition"] === undefined
        ? []
        : parseConditions({ place: `${place}.Condition`, value: statement["Condition"], template }),
  };
}

/** A statement names what it covers, or what it leaves out, never both. */
function oneOf(place: string, statement: Record<string, unknown>, [member, except]: [string, string]) {
  const given = [member, except].filter((name) => statement[name] !== undefined);
  if (given.length !== 1) throw new MalformedPolicy(place, `must have either ${member} or ${except}`);
  const name = given[0] ?? member;
  return { place: `${place}.${name}`, except: name === except, texts: textsAt(`${place}.${name}`, statement[name]) };
}

function checkAction(place: string, text: string): void {
  if (text === "*") return;
  if (!/^iot:[A-Za-z*?]+$/.test(text))
    throw new MalformedPolicy(place, `must be "*" or "iot:" and an action's name, is ${shown(text)}`);
  const meant = ACTIONS.find((action) => action.toLowerCase() === text.toLowerCase());
  if (meant !== undefined && meant !== text)
    throw new MalformedPolicy(place, `${shown(text)} would match nothing, write ${shown(meant)}`);
}

/** An ARN has six parts; a star may stand for several of them. */
function checkResource(place: string, text: string): void {
  const isArn = text.startsWith("arn:") && (text.split(":").length >= 6 || text.includes("*"));
  if (text !== "*" && !isArn)
    throw new MalformedPolicy(
      place,
      `must be "*" or an ARN such as "arn:aws:iot:REGION:ACCOUNT:topic/…", is ${shown(text)}`,
    );
}

/** A variable of another service is plain text, as on AWS; one of ours that is never set would match nothing, unseen. */
function checkVariables(place: string, template: Template): Template {
  for (const piece of template)
    if ("variable" in piece && /^(iot|aws):/.test(piece.variable) && !isContextKey(piece.variable))
      throw new MalformedPolicy(place, `\${${piece.variable}} is no variable that is supported`);
  return template;
}

function parseConditions({ place, value, template }: Omit<StatementSource, "index">): Condition[] {
  return Object.entries(objectAt(place, value)).flatMap(([name, keys]) => {
    const operator = parseOperator(name);
    if (!operator) throw new MalformedPolicy(`${place}.${name}`, "is no operator that is supported");
    return Object.entries(objectAt(`${place}.${name}`, keys)).map(([key, values]): Condition => {
      const here = `${place}.${name}.${key}`;
      // A key that is never set would make a Deny that never denies.
      if (!isContextKey(key)) throw new MalformedPolicy(here, "is no condition key that is supported");
      const parsed = textsAt(here, values).map((text, i) => {
        const wanted = checkVariables(`${here}[${i}]`, template(text));
        if (!acceptsValue(operator.operator, wanted))
          throw new MalformedPolicy(`${here}[${i}]`, `${shown(text)} is no value for ${operator.operator}`);
        return wanted;
      });
      return { ...operator, key, values: parsed };
    });
  });
}

function objectAt(place: string, value: unknown, members?: readonly string[]): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new MalformedPolicy(place, `must be an object, is ${shown(value)}`);
  const unknown = members && Object.keys(value).find((name) => !members.includes(name));
  if (unknown !== undefined) throw new MalformedPolicy(place, `has no member ${shown(unknown)}`);
  if (Object.keys(value).length === 0) throw new MalformedPolicy(place, "must not be empty");
  return value as Record<string, unknown>;
}

/** A string or a list of strings; `true` and `false` may stand bare, as people write them for Bool. */
function textsAt(place: string, value: unknown): string[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0) throw new MalformedPolicy(place, "must not be empty");
  return list.map((each, i) => {
    if (typeof each === "boolean") return String(each);
    if (typeof each !== "string" || each === "" || each.includes("\0"))
      throw new MalformedPolicy(Array.isArray(value) ? `${place}[${i}]` : place, `must be a string, is ${shown(each)}`);
    return each;
  });
}

/** A value for a message, cut short. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "missing";
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
