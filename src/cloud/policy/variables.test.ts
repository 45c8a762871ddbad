/** Every variable of the policy language: what fills it in, what leaves it empty, and what a value may not do. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { nameFromAttributes, NO_EXTENSIONS, type AlternativeNames } from "../../pki/index.ts";
import { decide, parsePolicyDocument, policyContext, type ConnectionFacts } from "./index.ts";

const ARN = "arn:aws:iot:r:1";

const SHORT = {
  Country: "C",
  Organization: "O",
  OrganizationalUnit: "OU",
  DistinguishedNameQualifier: "dnQualifier",
  State: "ST",
  CommonName: "CN",
  SerialNumber: "serialNumber",
  Title: "title",
  Surname: "SN",
  GivenName: "GN",
  Initials: "initials",
  Pseudonym: "pseudonym",
  GenerationQualifier: "generationQualifier",
} as const;
const ATTRIBUTES = Object.keys(SHORT) as (keyof typeof SHORT)[];
const KINDS = ["RFC822Name", "DNSName", "DirectoryName", "UniformResourceIdentifier", "IPAddress"] as const;

/** Two values for everything, which tell whose they are. */
const nameOf = (party: string) =>
  nameFromAttributes(ATTRIBUTES.flatMap((type, i) => [0, 1].map((n) => [SHORT[type], valueOf(party, i, n)] as const)));
/** At most two letters, as countries have. */
const valueOf = (party: string, attribute: number, n: number) =>
  `${String.fromCharCode(0x41 + attribute + (party === "Issuer" ? 32 : 0))}${n}`;
const alternativeNames = (party: string): AlternativeNames => ({
  email: [`0@${party}`, `1@${party}`],
  dns: [`0.${party}`, `1.${party}`],
  directoryNames: [0, 1].map((n) => nameFromAttributes([["CN", `${n}-${party}`]])),
  uri: [`u:0:${party}`, `u:1:${party}`],
  ip: [0, 1].map((n) => Uint8Array.of(10, party === "Issuer" ? 1 : 0, 0, n)),
  otherForms: [],
});
const alternativeValue = (party: string, kind: (typeof KINDS)[number], n: number) =>
  ({
    RFC822Name: `${n}@${party}`,
    DNSName: `${n}.${party}`,
    DirectoryName: `CN=${n}-${party}`,
    UniformResourceIdentifier: `u:${n}:${party}`,
    IPAddress: `10.${party === "Issuer" ? 1 : 0}.0.${n}`,
  })[kind];

const certificate = {
  subject: nameOf("Subject"),
  issuer: nameOf("Issuer"),
  serialNumber: "0a1b",
  extensions: {
    ...NO_EXTENSIONS,
    subjectAltName: alternativeNames("Subject"),
    issuerAltName: alternativeNames("Issuer"),
  },
};
const facts: ConnectionFacts = {
  clientId: "dev1",
  sourceIp: "192.0.2.7",
  domainName: "a.example",
  thing: { name: "dev1", type: "pump", attributes: { site: "lab", "x,y@z": "odd" } },
  certificate,
};

const VARIABLES: [variable: string, value: string][] = [
  ["iot:ClientId", "dev1"],
  ["aws:SourceIp", "192.0.2.7"],
  ["iot:DomainName", "a.example"],
  ["iot:Connection.Thing.ThingName", "dev1"],
  ["iot:Connection.Thing.ThingTypeName", "pump"],
  ["iot:Connection.Thing.Attributes[site]", "lab"],
  ["iot:Connection.Thing.Attributes[x,y@z]", "odd"],
  ["iot:Connection.Thing.IsAttached", "true"],
  ["iot:Certificate.SerialNumber", "0a1b"],
  ...["Subject", "Issuer"].flatMap((party) => [
    ...ATTRIBUTES.flatMap((type, i) =>
      indexed(`iot:Certificate.${party}.${type}`, valueOf(party, i, 0), valueOf(party, i, 1)),
    ),
    ...KINDS.flatMap((kind) =>
      indexed(
        `iot:Certificate.${party}.AlternativeName.${kind}`,
        alternativeValue(party, kind, 0),
        alternativeValue(party, kind, 1),
      ),
    ),
  ]),
];

/** Without an index the first value, with index 1 the second. */
function indexed(key: string, first: string, second: string): [string, string][] {
  return [
    [key, first],
    [`${key}.0`, first],
    [`${key}.1`, second],
  ];
}

const reasonFor = (statement: Record<string, unknown>, resource: string, known: ConnectionFacts = facts) =>
  decide({
    documents: [
      {
        name: "p",
        document: parsePolicyDocument(
          JSON.stringify({
            Version: "2012-10-17",
            Statement: { Effect: "Allow", Action: "iot:Publish", ...statement },
          }),
        ),
      },
    ],
    action: "iot:Publish",
    resource: `${ARN}:topic/${resource}`,
    context: policyContext(known),
  }).reason;
const filledIn = (variable: string, value: string, known = facts) =>
  reasonFor({ Resource: `${ARN}:topic/a/\${${variable}}/z` }, `a/${value}/z`, known) === "allowed";
const condition = (operator: string, key: string, values: unknown, known = facts) =>
  reasonFor({ Resource: "*", Condition: { [operator]: { [key]: values } } }, "t", known) === "allowed";

test("every variable is filled in from its connection, in a Resource, in a Condition's value and as a Condition's key", () => {
  for (const [variable, value] of VARIABLES) {
    assert.ok(filledIn(variable, value), `${variable} in a resource`);
    assert.ok(!filledIn(variable, `${value}x`), `${variable} is ${value} and nothing else`);
    assert.ok(condition("StringEquals", variable, value), `${variable} as a key`);
    assert.ok(!condition("StringEquals", variable, `${value}x`), `${variable} as a key, of another value`);
    const itself = { ...facts, clientId: value };
    assert.ok(condition("StringEquals", "iot:ClientId", `\${${variable}}`, itself), `${variable} as a value`);
  }
  assert.equal(VARIABLES.length, 9 + 2 * 3 * (13 + 5));
});

test("a variable of something that is not there stands as text and matches nothing, not even itself", () => {
  const bare: ConnectionFacts = { clientId: "dev1" };
  for (const [variable, value] of VARIABLES) {
    if (["iot:ClientId", "iot:Connection.Thing.IsAttached"].includes(variable)) continue;
    for (const topic of [value, "", `\${${variable}}`]) assert.ok(!filledIn(variable, topic, bare), variable);
    assert.ok(condition("Null", variable, "true", bare), `${variable} is absent`);
    assert.ok(!condition("StringLike", variable, "*", bare), `${variable} has no value`);
    assert.ok(condition("StringNotEquals", variable, value, bare), `${variable} differs from everything`);
    // A Deny for all but its own topic denies everything to who has no name, as the text stays literal.
    const spares = { Effect: "Deny", NotResource: `${ARN}:topic/a/\${${variable}}/z` };
    assert.equal(reasonFor(spares, `a/${value}/z`, bare), "explicit-deny", variable);
  }
  assert.ok(filledIn("iot:Connection.Thing.IsAttached", "false", bare));
  assert.ok(!filledIn("iot:Certificate.Subject.Country.2", "A0"), "there is no third country");
});

test("a List holds every value, at most five; a list in a Resource is filled in only where it has one value", () => {
  const withUnits = (...units: string[]): ConnectionFacts => ({
    ...facts,
    certificate: { ...certificate, subject: nameFromAttributes(units.map((unit) => ["OU", unit])) },
  });
  const list = "iot:Certificate.Subject.OrganizationalUnit.List";
  assert.ok(condition("ForAllValues:StringEquals", list, ["a", "b", "c"], withUnits("a", "c")));
  assert.ok(!condition("ForAllValues:StringEquals", list, ["a", "b"], withUnits("a", "c")));
  assert.ok(condition("ForAnyValue:StringEquals", list, ["e"], withUnits("a", "b", "c", "d", "e")));
  assert.ok(!condition("ForAnyValue:StringEquals", list, ["f"], withUnits("a", "b", "c", "d", "e", "f")));
  assert.ok(!filledIn("iot:Certificate.Subject.OrganizationalUnit.5", "f", withUnits("a", "b", "c", "d", "e", "f")));
  assert.ok(filledIn(list, "a", withUnits("a")));
  assert.ok(!filledIn(list, "a", withUnits("a", "b")));
});

test("iot:Certificate.AvailableKeys names every certificate variable that has a value", () => {
  const key = "iot:Certificate.AvailableKeys";
  const named = VARIABLES.map(([variable]) => variable).filter((each) => /^iot:Certificate\..*[a-zA-Z]$/.test(each));
  assert.equal(named.length, 1 + 2 * (13 + 5));
  for (const each of named) assert.ok(condition("ForAnyValue:StringEquals", key, each), each);
  assert.ok(condition("ForAllValues:StringEquals", key, named), "and nothing else");
  const plain = {
    ...certificate,
    subject: nameFromAttributes([["CN", "x"]]),
    issuer: nameFromAttributes([["O", "y"]]),
  };
  const bare = { ...facts, certificate: { ...plain, extensions: NO_EXTENSIONS } };
  const has = ["SerialNumber", "Subject.CommonName", "Issuer.Organization"].map((each) => `iot:Certificate.${each}`);
  assert.ok(condition("ForAllValues:StringEquals", key, has, bare));
  assert.ok(!condition("ForAnyValue:StringEquals", key, "iot:Certificate.Subject.Organization", bare));
  assert.ok(condition("Null", key, "true", { clientId: "jwt" }), "who has no certificate has none of them");
});

test("a value that holds a wildcard, or more than 1024 characters, never becomes part of a pattern", () => {
  for (const value of ["*", "a*", "?", "+", "#", "$aws", "${iot:ClientId}", "x".repeat(1025)]) {
    const subject = nameFromAttributes([["O", "o"]]);
    const extensions = { ...NO_EXTENSIONS, issuerAltName: { ...alternativeNames("Issuer"), uri: [value] } };
    const hostile: ConnectionFacts = { ...facts, certificate: { ...certificate, subject, extensions } };
    const variable = "iot:Certificate.Issuer.AlternativeName.UniformResourceIdentifier";
    for (const topic of [value, "anything", "dev1"]) assert.ok(!filledIn(variable, topic, hostile), value.slice(0, 20));
    assert.ok(!condition("StringLike", "iot:ClientId", `\${${variable}}`, hostile), value.slice(0, 20));
  }
  assert.ok(filledIn("iot:ClientId", "x".repeat(1024), { ...facts, clientId: "x".repeat(1024) }));
});

test("${*}, ${?} and ${$} are these characters and no wildcards; a version 2008-10-17 knows no such thing", () => {
  const covers = (resource: string, topic: string) => reasonFor({ Resource: `${ARN}:topic/${resource}` }, topic);
  assert.equal(covers("a/${*}", "a/*"), "allowed");
  assert.equal(covers("a/${*}", "a/b"), "no-statement");
  assert.equal(covers("a/${*}", "a/"), "no-statement");
  assert.equal(covers("*${?}", "xx?"), "allowed");
  assert.equal(covers("*${?}", "xxx"), "no-statement");
  assert.equal(covers("*${*}*${*}b", "a*c*b"), "allowed");
  assert.equal(covers("${$}aws/${iot:ClientId}/*", "$aws/dev1/x"), "allowed");
  assert.ok(condition("StringEquals", "iot:ClientId", "${*}", { clientId: "*" }));
  assert.ok(condition("StringLike", "iot:ClientId", "${*}?", { clientId: "*x" }));
  assert.ok(!condition("StringLike", "iot:ClientId", "${*}?", { clientId: "yx" }));
});

test("iot:ConnectAttributes and iot:LastWillTopic tell what a CONNECT asks for", () => {
  const attributes = "iot:ConnectAttributes";
  const persistent: ConnectionFacts = { clientId: "d", persistentSession: true };
  const withWill: ConnectionFacts = { clientId: "d", lastWillTopic: `${ARN}:topic/bye` };
  assert.ok(condition("ForAllValues:StringEquals", attributes, ["PersistentConnect"], persistent));
  assert.ok(!condition("ForAllValues:StringEquals", attributes, ["PersistentConnect"], withWill));
  assert.ok(condition("ForAnyValue:StringEquals", attributes, "LastWill", withWill));
  assert.ok(condition("ArnEquals", "iot:LastWillTopic", `${ARN}:topic/bye`, withWill));
  assert.ok(!condition("ArnEquals", "iot:LastWillTopic", `${ARN}:topic/bye`, persistent));
});
