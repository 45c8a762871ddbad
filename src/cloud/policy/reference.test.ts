/**
 * Crosses principals, policies and resources, and compares every decision with a second evaluator that shares no code
 * with the first: it works on the raw JSON, question by question, and matches wildcards by plain recursion.
 */
import assert from "node:assert/strict";
import { test } from "node:test";

import { decide, parsePolicyDocument, policyContext } from "./index.ts";

const ARN = "arn:aws:iot:r:1";

type RawStatement = {
  Effect: "Allow" | "Deny";
  Action?: string[];
  NotAction?: string[];
  Resource?: string[];
  NotResource?: string[];
  Condition?: { StringEquals?: Record<string, string[]>; StringNotLike?: Record<string, string[]> };
};
type Values = Record<string, string>;

const glob = (pattern: string, text: string): boolean => {
  if (pattern === "") return text === "";
  if (pattern[0] === "*") return glob(pattern.slice(1), text) || (text !== "" && glob(pattern, text.slice(1)));
  return text !== "" && (pattern[0] === "?" || pattern[0] === text[0]) && glob(pattern.slice(1), text.slice(1));
};
const filled = (pattern: string, values: Values): string | undefined => {
  let usable = true;
  const text = pattern.replaceAll(/\$\{([^}]*)\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined || ["*", "?", "+", "#", "$"].some((bad) => value.includes(bad))) usable = false;
    return value ?? "";
  });
  return usable ? text : undefined;
};
const anyGlob = (patterns: string[], text: string, values: Values) =>
  patterns.map((each) => filled(each, values)).some((each) => each !== undefined && glob(each, text));

function reference(statements: RawStatement[], action: string, resource: string, values: Values): boolean {
  const applies = (s: RawStatement) => {
    const equals = Object.entries(s.Condition?.StringEquals ?? {});
    const unlike = Object.entries(s.Condition?.StringNotLike ?? {});
    return (
      (s.Action ? anyGlob(s.Action, action, {}) : !anyGlob(s.NotAction ?? [], action, {})) &&
      (s.Resource ? anyGlob(s.Resource, resource, values) : !anyGlob(s.NotResource ?? [], resource, values)) &&
      equals.every(([key, wanted]) =>
        wanted.some((each) => values[key] !== undefined && filled(each, values) === values[key]),
      ) &&
      unlike.every(([key, wanted]) => values[key] === undefined || !anyGlob(wanted, values[key], values))
    );
  };
  return (
    statements.some((s) => s.Effect === "Allow" && applies(s)) &&
    !statements.some((s) => s.Effect === "Deny" && applies(s))
  );
}

const things = [
  undefined,
  { name: "dev1", type: "pump", attributes: { site: "dev1" } },
  { name: "t?", type: null, attributes: { site: "a*", other: "x" } },
];
const principals = ["dev1", "dev2", "*", "a/b", ""].flatMap((clientId) =>
  things.map((thing) => ({
    context: policyContext({ clientId, ...(thing && { thing }) }),
    values: {
      "iot:ClientId": clientId,
      ...(thing && { "iot:Connection.Thing.ThingName": thing.name }),
      ...(thing?.type && { "iot:Connection.Thing.ThingTypeName": thing.type }),
      ...(thing && { "iot:Connection.Thing.Attributes[site]": thing.attributes.site }),
    } as Values,
  })),
);

const actionParts: Pick<RawStatement, "Action" | "NotAction">[] = [
  { Action: ["*"] },
  { Action: ["iot:Publish"] },
  { Action: ["iot:*ub*", "iot:Connec?"] },
  { NotAction: ["iot:Publish", "iot:R*"] },
];
const resourceParts: Pick<RawStatement, "Resource" | "NotResource">[] = [
  { Resource: ["*"] },
  { Resource: [`${ARN}:topic/dev1/*`, `${ARN}:client/dev?`] },
  { Resource: [`${ARN}:topic/\${iot:ClientId}/data`, `${ARN}:client/\${iot:ClientId}`] },
  { Resource: [`${ARN}:*/\${iot:Connection.Thing.ThingName}*`] },
  { Resource: [`${ARN}:topic/\${iot:Connection.Thing.Attributes[site]}/*`] },
  { NotResource: [`${ARN}:topic/\${iot:ClientId}/*`] },
];
const conditionParts: Pick<RawStatement, "Condition">[] = [
  {},
  { Condition: { StringEquals: { "iot:Connection.Thing.ThingTypeName": ["pump"] } } },
  { Condition: { StringEquals: { "iot:Connection.Thing.ThingName": ["${iot:ClientId}", "x"] } } },
  {
    Condition: { StringNotLike: { "iot:ClientId": ["dev?"] }, StringEquals: { "iot:ClientId": ["*", "a/b", "dev1"] } },
  },
];
const statements = actionParts.flatMap((actions) =>
  resourceParts.flatMap((resources) =>
    conditionParts.map((conditions) => ({ ...actions, ...resources, ...conditions })),
  ),
);

const questions = ["iot:Connect", "iot:Publish", "iot:Subscribe", "iot:Receive"].flatMap((action) =>
  [
    "client/dev1",
    "client/dev2",
    "client/*",
    "topic/dev1/data",
    "topic/dev1/x/y",
    "topic/a/b/data",
    "topicfilter/dev1/#",
  ].map((tail) => ({ action, resource: `${ARN}:${tail}` })),
);

test("every policy decision agrees with an independent evaluator, over principals, policies and resources", (t) => {
  let decisions = 0;
  let allowed = 0;
  const check = (raw: RawStatement[]) => {
    const documents = [
      { name: "p", document: parsePolicyDocument(JSON.stringify({ Version: "2012-10-17", Statement: raw })) },
    ];
    for (const { context, values } of principals) {
      for (const { action, resource } of questions) {
        const decision = decide({ documents, context, action, resource });
        const expected = reference(raw, action, resource, values);
        if (decision.allowed !== expected)
          assert.fail(JSON.stringify({ raw, values, action, resource, decision, expected }));
        decisions++;
        if (expected) allowed++;
      }
    }
  };
  for (const statement of statements) check([{ Effect: "Allow", ...statement }]);
  statements.forEach((statement, i) => {
    const other = statements[(i * 7 + 3) % statements.length];
    check([
      { Effect: "Allow", ...statement },
      { Effect: "Deny", ...other },
    ]);
    check([
      { Effect: "Deny", ...statement },
      { Effect: "Allow", Action: ["*"], Resource: ["*"] },
    ]);
  });
  t.diagnostic(`${decisions} decisions agree, ${allowed} of them allow`);
  assert.ok(decisions > 50_000 && allowed > 5000 && allowed < decisions / 2);
});
