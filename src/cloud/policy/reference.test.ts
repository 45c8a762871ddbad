/**
 * Crosses principals, policies and resources, and compares every decision with a second evaluator that shares no code
 * with the first: it works on the raw JSON, question by question, and matches wildcards by plain recursion.
 */
import assert from "node:assert/strict";
import { test } from "node:test";

import { nameFromAttributes, NO_EXTENSIONS, type AlternativeNames } from "../../pki/index.ts";
import { decide, parsePolicyDocument, policyContext } from "./index.ts";

const ARN = "arn:aws:iot:r:1";

type RawStatement = {
  Effect: "Allow" | "Deny";
  Action?: string[];
  NotAction?: string[];
  Resource?: string[];
  NotResource?: string[];
  Condition?: Partial<Record<"StringEquals" | "StringNotLike" | ListOperator, Record<string, string[]>>>;
};
type ListOperator = "ForAllValues:StringEquals" | "ForAnyValue:StringLike";
/** Each key with all its values, as the policy's author sees them. */
type Values = Record<string, string[]>;

/** A character of no name here, for the star that is no wildcard. */
const STAR_ITSELF = "\u2605";
const glob = (pattern: string, text: string): boolean => {
  if (pattern === "") return text === "";
  if (pattern[0] === "*") return glob(pattern.slice(1), text) || (text !== "" && glob(pattern, text.slice(1)));
  return (
    text !== "" &&
    (pattern[0] === "?" || pattern[0]?.replace(STAR_ITSELF, "*") === text[0]) &&
    glob(pattern.slice(1), text.slice(1))
  );
};
const filled = (pattern: string, values: Values): string | undefined => {
  let usable = true;
  const text = pattern.replaceAll(/\$\{([^}]*)\}/g, (_, name: string) => {
    if (name === "*") return STAR_ITSELF;
    const [value, ...more] = values[name] ?? [];
    if (value === undefined || more.length > 0 || value.length > 1024) usable = false;
    else if (["*", "?", "+", "#", "$"].some((bad) => value.includes(bad))) usable = false;
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
    const all = Object.entries(s.Condition?.["ForAllValues:StringEquals"] ?? {});
    const any = Object.entries(s.Condition?.["ForAnyValue:StringLike"] ?? {});
    return (
      (s.Action ? anyGlob(s.Action, action, {}) : !anyGlob(s.NotAction ?? [], action, {})) &&
      (s.Resource ? anyGlob(s.Resource, resource, values) : !anyGlob(s.NotResource ?? [], resource, values)) &&
      equals.every(([key, wanted]) =>
        wanted.some((each) => values[key]?.some((value) => filled(each, values) === value)),
      ) &&
      unlike.every(([key, wanted]) => !values[key]?.some((value) => anyGlob(wanted, value, values))) &&
      all.every(([key, wanted]) => (values[key] ?? []).every((value) => wanted.includes(value))) &&
      any.every(([key, wanted]) => values[key]?.some((value) => anyGlob(wanted, value, values)))
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
const names = (dns: string[]): AlternativeNames => ({
  dns,
  ip: [],
  email: ["a@b"],
  uri: [],
  directoryNames: [],
  otherForms: [],
});
/** Certificates as makers issue them, and the same as variables, written out by hand. */
const certificates = [
  undefined,
  {
    facts: {
      subject: nameFromAttributes(["dev1", "second", "c", "d", "e", "sixth"].map((ou) => ["OU", ou])),
      issuer: nameFromAttributes([["O", "Maker"]]),
      serialNumber: "0a",
      extensions: { ...NO_EXTENSIONS, issuerAltName: names(["dev1", "ca.example"]) },
    },
    values: {
      "iot:Certificate.SerialNumber": ["0a"],
      "iot:Certificate.Subject.OrganizationalUnit": ["dev1"],
      "iot:Certificate.Subject.OrganizationalUnit.1": ["second"],
      "iot:Certificate.Subject.OrganizationalUnit.List": ["dev1", "second", "c", "d", "e"],
      "iot:Certificate.Issuer.Organization": ["Maker"],
      "iot:Certificate.Issuer.AlternativeName.DNSName": ["dev1"],
      "iot:Certificate.Issuer.AlternativeName.DNSName.1": ["ca.example"],
      "iot:Certificate.AvailableKeys": [
        "iot:Certificate.SerialNumber",
        "iot:Certificate.Subject.OrganizationalUnit",
        "iot:Certificate.Issuer.Organization",
        "iot:Certificate.Issuer.AlternativeName.RFC822Name",
        "iot:Certificate.Issuer.AlternativeName.DNSName",
      ],
    } as Values,
  },
  {
    facts: {
      subject: nameFromAttributes([["OU", "*"]]),
      issuer: nameFromAttributes([["CN", "x"]]),
      serialNumber: "0b",
      extensions: { ...NO_EXTENSIONS, subjectAltName: names(["?"]) },
    },
    values: {
      "iot:Certificate.SerialNumber": ["0b"],
      "iot:Certificate.Subject.OrganizationalUnit": ["*"],
      "iot:Certificate.Subject.OrganizationalUnit.List": ["*"],
      "iot:Certificate.AvailableKeys": [
        "iot:Certificate.SerialNumber",
        "iot:Certificate.Subject.OrganizationalUnit",
        "iot:Certificate.Issuer.CommonName",
        "iot:Certificate.Subject.AlternativeName.RFC822Name",
        "iot:Certificate.Subject.AlternativeName.DNSName",
      ],
    } as Values,
  },
];
const clients = ["dev1", "dev2", "*", "a/b", ""].flatMap((clientId) =>
  things.map((thing) => ({
    facts: { clientId, ...(thing && { thing }) },
    values: {
      "iot:ClientId": [clientId],
      ...(thing && { "iot:Connection.Thing.ThingName": [thing.name] }),
      ...(thing?.type && { "iot:Connection.Thing.ThingTypeName": [thing.type] }),
      ...(thing && { "iot:Connection.Thing.Attributes[site]": [thing.attributes.site] }),
    } as Values,
  })),
);
const principals = clients.map(({ facts, values }, i) => {
  // Every client id and every thing meet every certificate somewhere, at a third of the whole table.
  const certificate = certificates[(i + Math.floor(i / 3)) % 3];
  return {
    context: policyContext({ ...facts, ...(certificate && { certificate: certificate.facts }) }),
    values: { ...values, ...certificate?.values },
  };
});

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
  { Resource: [`${ARN}:*/\${iot:Certificate.Subject.OrganizationalUnit}*`, `${ARN}:client/\${*}`] },
  { Resource: [`${ARN}:topic/\${iot:Certificate.Issuer.AlternativeName.DNSName}/*`] },
  { NotResource: [`${ARN}:topic/\${iot:Certificate.Subject.OrganizationalUnit.List}/*`] },
];
const conditionParts: Pick<RawStatement, "Condition">[] = [
  {},
  { Condition: { StringEquals: { "iot:Connection.Thing.ThingTypeName": ["pump"] } } },
  { Condition: { StringEquals: { "iot:Connection.Thing.ThingName": ["${iot:ClientId}", "x"] } } },
  {
    Condition: { StringNotLike: { "iot:ClientId": ["dev?"] }, StringEquals: { "iot:ClientId": ["*", "a/b", "dev1"] } },
  },
  {
    Condition: {
      "ForAllValues:StringEquals": {
        "iot:Certificate.Subject.OrganizationalUnit.List": ["dev1", "second", "c", "d", "e", "f"],
      },
    },
  },
  {
    Condition: {
      "ForAnyValue:StringLike": { "iot:Certificate.AvailableKeys": ["iot:Certificate.*.AlternativeName.DNSName"] },
    },
  },
  { Condition: { StringEquals: { "iot:Certificate.Issuer.AlternativeName.DNSName": ["${iot:ClientId}"] } } },
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
