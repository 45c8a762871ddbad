import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";

import { nodeEntropy, nodeSigner } from "../../crypto/node.ts";
import { issueCertificate, issueRootCertificate, nameFromAttributes, nameFromText } from "../../pki/index.ts";
import { addressIsIn, parseAddressRange } from "./address-range.ts";
import {
  BoundPolicies,
  checkPolicyLength,
  decide,
  MalformedPolicy,
  parsePolicyDocument,
  policyContext,
  POLICY_ERRORS,
} from "./index.ts";
import { matchesPattern } from "./pattern.ts";

const ARN = "arn:aws:iot:eu-west-1:123456789012";

type Body = Record<string, unknown>;
const policy = (statement: unknown, name = "p", Version = "2012-10-17") => ({
  name,
  document: parsePolicyDocument(JSON.stringify({ Version, Statement: statement })),
});
const allow = (action: unknown, resource: unknown, more: Body = {}) => ({
  Effect: "Allow",
  Action: action,
  Resource: resource,
  ...more,
});
const context = policyContext({ clientId: "dev1" });
const reasonFor = (documents: ReturnType<typeof policy>[], action: string, resource: string, facts = context) =>
  decide({ documents, action, resource, context: facts }).reason;

test("a policy allows exactly the actions and resources that it names", () => {
  const documents = [
    policy([
      allow("iot:Connect", `${ARN}:client/\${iot:ClientId}`),
      allow(["iot:Publish", "iot:Receive"], `${ARN}:topic/dev1/*`),
      allow("iot:Subscribe", `${ARN}:topicfilter/dev1/+/set`),
    ]),
  ];
  assert.equal(reasonFor(documents, "iot:Connect", `${ARN}:client/dev1`), "allowed");
  assert.equal(reasonFor(documents, "iot:Connect", `${ARN}:client/dev2`), "no-statement");
  assert.equal(reasonFor(documents, "iot:Publish", `${ARN}:topic/dev1/a/b`), "allowed");
  assert.equal(reasonFor(documents, "iot:Publish", `${ARN}:topic/dev10/a`), "no-statement");
  assert.equal(reasonFor(documents, "iot:Subscribe", `${ARN}:topicfilter/dev1/+/set`), "allowed");
  assert.equal(reasonFor(documents, "iot:Subscribe", `${ARN}:topicfilter/dev1/x/set`), "no-statement");
  assert.equal(reasonFor([], "iot:Connect", `${ARN}:client/dev1`), "no-policy");
});

test("an explicit Deny wins over every Allow, and the decision names the statement", () => {
  const documents = [
    policy(allow("iot:*", "*"), "wide"),
    policy(
      [
        allow("iot:Connect", "*"),
        { Sid: "NoSecrets", ...allow("iot:Publish", `${ARN}:topic/secret*`), Effect: "Deny" },
      ],
      "narrow",
    ),
  ];
  assert.deepEqual(decide({ documents, context, action: "iot:Publish", resource: `${ARN}:topic/secret/x` }), {
    allowed: false,
    reason: "explicit-deny",
    statement: { policy: "narrow", index: 1, sid: "NoSecrets" },
  });
  assert.deepEqual(decide({ documents, context, action: "iot:Publish", resource: `${ARN}:topic/open` }), {
    allowed: true,
    reason: "allowed",
    statement: { policy: "wide", index: 0, sid: undefined },
  });
});

test("NotAction and NotResource cover what they leave out", () => {
  const documents = [
    policy({ Effect: "Allow", NotAction: "iot:Publish", NotResource: [`${ARN}:topic/a`, `${ARN}:topic/b*`] }),
  ];
  assert.equal(reasonFor(documents, "iot:Receive", `${ARN}:topic/c`), "allowed");
  assert.equal(reasonFor(documents, "iot:Receive", `${ARN}:topic/bc`), "no-statement");
  assert.equal(reasonFor(documents, "iot:Publish", `${ARN}:topic/c`), "no-statement");
});

test("matchesPattern gives `*` any characters and `?` one, and stays quick on hostile patterns", () => {
  const rows: [pattern: string, text: string, expected: boolean][] = [
    ["*", "", true],
    ["", "", true],
    ["", "a", false],
    ["?", "", false],
    ["a*c", "a/b/c", true],
    ["a*c", "a/b/cd", false],
    ["a?c", "abc", true],
    ["a?c", "ac", false],
    ["?", "😀", true],
    ["??", "😀", false],
    ["*?b", "😀b", true],
    ["*aab", "aaaaab", true],
    ["*ab*ab", "abab", true],
    ["*ab*ab", "ab", false],
    ["foo/*", "foo/#", true],
    ["foo/#", "foo/bar", false],
    ["+/a", "x/a", false],
  ];
  for (const [pattern, text, expected] of rows)
    assert.equal(matchesPattern(pattern, text), expected, `${pattern} on ${text}`);
  // With naive backtracking this takes longer than the age of the universe.
  assert.equal(matchesPattern(`${"*a".repeat(500)}*b`, "a".repeat(4000)), false);
  assert.equal(matchesPattern(`${"a*?".repeat(300)}b`, "a".repeat(4000)), false);
});

test("a variable's value cannot widen a pattern, and an unresolved variable matches nothing", () => {
  const documents = [policy(allow("iot:Publish", `${ARN}:topic/\${iot:ClientId}/\${iot:Connection.Thing.ThingName}`))];
  const asks = (clientId: string, thing: string | undefined, topic: string) =>
    reasonFor(
      documents,
      "iot:Publish",
      `${ARN}:topic/${topic}`,
      policyContext({ clientId, ...(thing && { thing: { name: thing } }) }),
    );
  assert.equal(asks("d", "t", "d/t"), "allowed");
  assert.equal(asks("d", undefined, "d/t"), "no-statement");
  assert.equal(asks("d", undefined, "d/${iot:Connection.Thing.ThingName}"), "no-statement");
  for (const unsafe of ["*", "d*", "?", "+", "#", "$aws", "a${iot:ClientId}"]) {
    assert.equal(asks(unsafe, "t", `${unsafe}/t`), "no-statement", unsafe);
    assert.equal(asks(unsafe, "t", "d/t"), "no-statement", unsafe);
  }
});

test("variables are plain text in a policy of version 2008-10-17, or with an unknown name", () => {
  const old = [policy(allow("iot:Publish", `${ARN}:topic/\${iot:ClientId}`), "p", "2008-10-17")];
  assert.equal(reasonFor(old, "iot:Publish", `${ARN}:topic/dev1`), "no-statement");
  assert.equal(reasonFor(old, "iot:Publish", `${ARN}:topic/\${iot:ClientId}`), "allowed");
  const unknown = [policy(allow("iot:Publish", `${ARN}:topic/\${no:Such}`))];
  assert.equal(reasonFor(unknown, "iot:Publish", `${ARN}:topic/\${no:Such}`), "no-statement");
  const unclosed = [policy(allow("iot:Publish", `${ARN}:topic/\${iot`))];
  assert.equal(reasonFor(unclosed, "iot:Publish", `${ARN}:topic/\${iot`), "allowed");
});

test("policies see the certificate's subject, issuer and alternative names, by index and as a list", async () => {
  const key = nodeSigner(generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey);
  const holder = nodeSigner(generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey);
  const validity = { notBefore: Date.UTC(2026, 0, 1), notAfter: Date.UTC(2027, 0, 1) };
  const maker = await issueRootCertificate({
    subject: nameFromText("O=Maker"),
    validity,
    entropy: nodeEntropy,
    signer: key,
  });
  const certificate = await issueCertificate({
    profile: "device",
    subject: nameFromAttributes([
      ["OU", "first"],
      ["OU", "second"],
      ["serialNumber", "SN-7"],
      ["L", "no variable"],
    ]),
    names: { dns: ["dev.example"], ip: ["192.0.2.9"] },
    publicKey: holder.publicKey,
    issuer: { certificate: maker, signer: key },
    validity,
    entropy: nodeEntropy,
  });
  const facts = policyContext({ clientId: "dev1", certificate });
  const rows: [variable: string, value: string | undefined][] = [
    ["iot:Certificate.Subject.OrganizationalUnit", "first"],
    ["iot:Certificate.Subject.OrganizationalUnit.1", "second"],
    ["iot:Certificate.Subject.OrganizationalUnit.2", undefined],
    ["iot:Certificate.Subject.OrganizationalUnit.List", undefined],
    ["iot:Certificate.Subject.SerialNumber", "SN-7"],
    ["iot:Certificate.Issuer.Organization", "Maker"],
    ["iot:Certificate.Subject.AlternativeName.DNSName.0", "dev.example"],
    ["iot:Certificate.Subject.AlternativeName.IPAddress", "192.0.2.9"],
    ["iot:Certificate.SerialNumber", certificate.serialNumber],
    ["iot:Certificate.Subject.Country", undefined],
  ];
  for (const [variable, value] of rows) {
    const documents = [policy(allow("iot:Publish", `${ARN}:topic/\${${variable}}`))];
    const expected = value === undefined ? "no-statement" : "allowed";
    assert.equal(reasonFor(documents, "iot:Publish", `${ARN}:topic/${value ?? "first"}`, facts), expected, variable);
  }
  const listed = (values: string[]) =>
    reasonFor(
      [
        policy(
          allow("iot:Publish", "*", {
            Condition: { "ForAllValues:StringEquals": { "iot:Certificate.Subject.OrganizationalUnit.List": values } },
          }),
        ),
      ],
      "iot:Publish",
      `${ARN}:topic/t`,
      facts,
    );
  assert.equal(listed(["first", "second", "third"]), "allowed");
  assert.equal(listed(["first"]), "no-statement");
});

test("each operator of Condition holds where it should and only there", () => {
  const facts = policyContext({
    clientId: "dev1",
    sourceIp: "::ffff:192.0.2.7",
    thing: { name: "dev1" },
    persistentSession: true,
    lastWillTopic: `${ARN}:topic/dev1/gone`,
  });
  const id = "iot:ClientId";
  const attributes = "iot:ConnectAttributes";
  const rows: [operator: string, key: string, values: unknown, holds: boolean][] = [
    ["StringEquals", id, "dev1", true],
    ["StringEquals", id, ["x", "dev1"], true],
    ["StringEquals", id, "dev*", false],
    ["StringEquals", id, "${iot:Connection.Thing.ThingName}", true],
    ["StringEquals", "iot:DomainName", "x", false],
    ["StringEqualsIfExists", "iot:DomainName", "x", true],
    ["StringEqualsIfExists", id, "x", false],
    ["StringNotEquals", id, "dev1", false],
    ["StringNotEquals", id, ["x", "y"], true],
    ["StringNotEquals", "iot:DomainName", "x", true],
    ["StringEqualsIgnoreCase", id, "DEV1", true],
    ["StringNotEqualsIgnoreCase", id, "DEV1", false],
    ["StringLike", id, "d?v*", true],
    ["StringEquals", id, "${*}", false],
    ["StringLike", "iot:LastWillTopic", `${ARN}:topic/dev1/*`, true],
    ["ArnEquals", "iot:LastWillTopic", `${ARN}:topic/\${iot:ClientId}/gone`, true],
    ["ArnEquals", "iot:LastWillTopic", ["arn:aws:iot:*:*:topic/dev2/*", "arn:aws:iot:*:*:topic/*/gon?"], true],
    ["ArnEquals", "iot:LastWillTopic", "arn:aws:iot:*/gone", false],
    ["ArnLike", "iot:LastWillTopic", "arn:*", false],
    ["ArnLike", "iot:LastWillTopic", "arn:aws:*:*:*:*", true],
    ["ArnNotEquals", "iot:LastWillTopic", `${ARN}:topic/dev1/*`, false],
    ["ArnNotLike", "iot:LastWillTopic", `${ARN}:topic/dev2/*`, true],
    ["StringNotLike", id, "d?v*", false],
    ["Bool", "iot:Connection.Thing.IsAttached", ["true"], true],
    ["Bool", "iot:Connection.Thing.IsAttached", false, false],
    ["StringEquals", "iot:Connection.Thing.ThingName", "dev1", true],
    ["IpAddress", "aws:SourceIp", "192.0.2.0/24", true],
    ["IpAddress", "aws:SourceIp", ["198.51.100.0/24", "192.0.2.8"], false],
    ["NotIpAddress", "aws:SourceIp", "192.0.2.7", false],
    ["NotIpAddress", "aws:SourceIp", "${iot:ClientId}", true],
    ["Null", "iot:DomainName", true, true],
    ["Null", id, "true", false],
    ["Null", id, "false", true],
    ["ForAllValues:StringEquals", attributes, ["PersistentConnect", "LastWill"], true],
    ["ForAllValues:StringEquals", attributes, "LastWill", false],
    ["ForAnyValue:StringEquals", attributes, "LastWill", true],
    ["ForAnyValue:StringNotEquals", attributes, "LastWill", true],
    ["StringNotEquals", attributes, "LastWill", false],
    ["StringEquals", attributes, "LastWill", true],
    ["ForAllValues:StringEquals", "iot:DomainName", "x", true],
    ["ForAnyValue:StringNotEquals", "iot:DomainName", "x", false],
  ];
  for (const [operator, key, values, holds] of rows) {
    const documents = [policy(allow("iot:Publish", "*", { Condition: { [operator]: { [key]: values } } }))];
    const expected = holds ? "allowed" : "no-statement";
    assert.equal(
      reasonFor(documents, "iot:Publish", "r", facts),
      expected,
      `${operator} ${key} ${JSON.stringify(values)}`,
    );
  }
});

test("all operators and keys of a Condition must hold together", () => {
  const condition = (first: string, second: string, third: string) => ({
    Condition: {
      StringEquals: { "iot:ClientId": first, "aws:SourceIp": second },
      StringLike: { "iot:ClientId": third },
    },
  });
  const facts = policyContext({ clientId: "dev1", sourceIp: "192.0.2.7" });
  const asks = (...of: [string, string, string]) =>
    reasonFor([policy(allow("iot:Publish", "*", condition(...of)))], "iot:Publish", "r", facts);
  assert.equal(asks("dev1", "192.0.2.7", "dev?"), "allowed");
  assert.equal(asks("x", "192.0.2.7", "dev?"), "no-statement");
  assert.equal(asks("dev1", "x", "dev?"), "no-statement");
  assert.equal(asks("dev1", "192.0.2.7", "x?"), "no-statement");
});

test("parseAddressRange reads IPv4 and IPv6 networks and refuses everything else", () => {
  const rows: [range: string, inside: string, outside: string][] = [
    ["10.1.0.0/16", "10.1.255.255", "10.2.0.0"],
    ["10.1.2.3", "::ffff:10.1.2.3", "10.1.2.4"],
    ["0.0.0.0/0", "255.255.255.255", "::1"],
    ["2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"],
    ["::1", "0:0:0:0:0:0:0:1", "::2"],
    ["64:ff9b::192.0.2.1", "64:ff9b::c000:201", "64:ff9b::c000:202"],
  ];
  for (const [text, inside, outside] of rows) {
    const range = parseAddressRange(text);
    assert.ok(range, text);
    assert.equal(addressIsIn(inside, range), true, `${inside} in ${text}`);
    assert.equal(addressIsIn(outside, range), false, `${outside} in ${text}`);
    assert.equal(addressIsIn("no address", range), false);
  }
  const wrong = [
    "",
    "1.2.3",
    "1.2.3.256",
    "01.2.3.4",
    "1.2.3.4/33",
    "1.2.3.4/-1",
    "1.2.3.4/1/2",
    "::/129",
    ":",
    ":::",
    "1::2::3",
  ];
  const wrong6 = [
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "12345::",
    "g::",
    "1:2:3:4:5:6:7::8",
    "::1.2.3.4.5",
    "1.2.3.4::",
  ];
  for (const text of [...wrong, ...wrong6]) assert.equal(parseAddressRange(text), undefined, text);
});

test("parsePolicyDocument refuses a malformed document and names the place and the rule", () => {
  const good = allow("iot:Publish", "*");
  const one = (statement: unknown) => JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
  const when = (condition: unknown) => one({ ...good, Condition: condition });
  const rows: [text: string, place: string, rule: RegExp][] = [
    ["", "document", /is not JSON/],
    ["{", "document", /is not JSON/],
    ["[]", "document", /must be an object, is \[\]/],
    ["null", "document", /must be an object/],
    ["{}", "document", /must not be empty/],
    [JSON.stringify({ Statement: [good] }), "Version", /is missing/],
    [JSON.stringify({ Version: "2020-01-01", Statement: [good] }), "Version", /2012-10-17/],
    [JSON.stringify({ Version: "2012-10-17" }), "Statement", /must be an object, is missing/],
    [JSON.stringify({ Version: "2012-10-17", Statement: [] }), "Statement", /at least one/],
    [JSON.stringify({ Version: "2012-10-17", Statement: good, Principal: "*" }), "document", /no member "Principal"/],
    [one("x"), "Statement[0]", /must be an object/],
    [one({ ...good, Principal: "*" }), "Statement[0]", /no member "Principal"/],
    [one({ ...good, Effect: "allow" }), "Statement[0].Effect", /"Allow" or "Deny", is "allow"/],
    [one({ ...good, Sid: 7 }), "Statement[0].Sid", /must be a string/],
    [one({ ...good, NotAction: "*" }), "Statement[0]", /either Action or NotAction/],
    [one({ Effect: "Allow", Action: "*" }), "Statement[0]", /either Resource or NotResource/],
    [one({ ...good, Action: [] }), "Statement[0].Action", /must not be empty/],
    [one({ ...good, Action: [7] }), "Statement[0].Action[0]", /must be a string, is 7/],
    [one({ ...good, Action: "s3:GetObject" }), "Statement[0].Action[0]", /"iot:"/],
    [one({ ...good, Action: "iot:${iot:ClientId}" }), "Statement[0].Action[0]", /"iot:"/],
    [one({ ...good, Action: ["*", "iot:publish"] }), "Statement[0].Action[1]", /write "iot:Publish"/],
    [one({ ...good, Resource: ["*", "topic/a"] }), "Statement[0].Resource[1]", /ARN/],
    [one({ ...good, Resource: "arn:aws:iot" }), "Statement[0].Resource[0]", /ARN/],
    [one({ ...good, Resource: "" }), "Statement[0].Resource", /must be a string/],
    [one({ ...good, Resource: "arn:aws:iot:r:1:topic/\0*" }), "Statement[0].Resource", /must be a string/],
    [one({ ...good, Action: "iot:getthingshadow" }), "Statement[0].Action[0]", /write "iot:GetThingShadow"/],
    ...["aws:CurrentTime", "aws:EpochTime", "aws:SecureTransport", "aws:username", "aws:userid"].map(
      (key): [string, string, RegExp] => [
        when({ StringEquals: { [key]: "x" } }),
        `Statement[0].Condition.StringEquals.${key}`,
        /no condition key/,
      ],
    ),
    [
      one({ ...good, Resource: "arn:aws:iot:r:1:topic/${iot:ClientID}" }),
      "Statement[0].Resource[0]",
      /\$\{iot:ClientID\}/,
    ],
    [
      when({ StringEquals: { "iot:ClientId": "${iot:Connection.Thing.Attributes}" } }),
      "Statement[0].Condition.StringEquals.iot:ClientId[0]",
      /no variable/,
    ],
    [when({}), "Statement[0].Condition", /must not be empty/],
    [when({ StringEquals: {} }), "Statement[0].Condition.StringEquals", /must not be empty/],
    [when({ NumericEquals: { "iot:ClientId": "1" } }), "Statement[0].Condition.NumericEquals", /no operator/],
    [
      when({ "ForSome:StringLike": { "iot:ClientId": "1" } }),
      "Statement[0].Condition.ForSome:StringLike",
      /no operator/,
    ],
    [when({ "constructor:Bool": { "iot:ClientId": "1" } }), "Statement[0].Condition.constructor:Bool", /no operator/],
    [when({ toString: { "iot:ClientId": "1" } }), "Statement[0].Condition.toString", /no operator/],
    [when({ NullIfExists: { "iot:ClientId": true } }), "Statement[0].Condition.NullIfExists", /no operator/],
    [
      when({ StringEquals: { "iot:ClientID": "1" } }),
      "Statement[0].Condition.StringEquals.iot:ClientID",
      /no condition key/,
    ],
    [
      when({ Bool: { "iot:ClientId": "yes" } }),
      "Statement[0].Condition.Bool.iot:ClientId[0]",
      /"yes" is no value for Bool/,
    ],
    [
      when({ IpAddress: { "aws:SourceIp": ["1.2.3.4", "1.2.3"] } }),
      "Statement[0].Condition.IpAddress.aws:SourceIp[1]",
      /no value/,
    ],
    [
      '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*","\\u0045ffect":"Allow"}}',
      "document",
      /"Effect" occurs twice/,
    ],
    [" ".repeat(500_000), "document", /longer than/],
  ];
  for (const [text, place, rule] of rows) {
    assert.throws(
      () => parsePolicyDocument(text),
      (error) => {
        assert.ok(error instanceof MalformedPolicy);
        assert.equal(error.code, "malformed-policy");
        assert.equal(error.place, place, text.slice(0, 100));
        assert.match(error.rule, rule);
        assert.equal(error.message, `${error.place}: ${error.rule}`);
        return true;
      },
      text.slice(0, 100),
    );
  }
  assert.deepEqual(Object.keys(POLICY_ERRORS), ["malformed-policy"]);
});

test("white space does not count towards a policy's size, and one statement needs no list", () => {
  const statement = { Effect: "Allow", Action: ["iot:Connect"], Resource: [`${ARN}:client/${"a".repeat(1900)}`] };
  const text = JSON.stringify({ Version: "2012-10-17", Id: "x", Statement: statement }, null, 40);
  assert.ok(text.length > 2048);
  checkPolicyLength(text, 2048);
  const count = text.replaceAll(/\s/g, "").length;
  checkPolicyLength(text, count);
  const message = `document: has ${count} characters besides white space, at most ${count - 1} (limit policyCharacters=${count - 1})`;
  assert.throws(() => checkPolicyLength(text, count - 1), { code: "malformed-policy", message });
  assert.equal(parsePolicyDocument(text).statements.length, 1);
});

test("BoundPolicies answers every question like decide does", () => {
  const documents = [
    policy([allow("iot:Pub*", `${ARN}:topic/a`), { ...allow("*", `${ARN}:topic/a/x`), Effect: "Deny" }]),
  ];
  const bound = new BoundPolicies(documents, context);
  for (const action of ["iot:Publish", "iot:Receive", "iot:Publish"])
    for (const resource of [`${ARN}:topic/a`, `${ARN}:topic/a/x`])
      assert.deepEqual(bound.decide(action, resource), decide({ documents, context, action, resource }));
});
