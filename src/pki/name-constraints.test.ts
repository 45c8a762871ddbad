import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { DecodeError, fromHex } from "../codec/index.ts";
import { nodeVerifier } from "../crypto/node.ts";
import { parseDer } from "./der.ts";
import { CA_USAGE, ext, forge, forgeCa, generalName, newRoot, NOW, type Forgery } from "./fixtures.test.ts";
import { CertificateError, nameFromText, validatePath, type Issuer, type PathOptions } from "./index.ts";
import { nameConstraintsOf } from "./name-constraints.ts";
import { isNameWithin } from "./name.ts";

const root = await newRoot();

const validate = (chain: readonly { readonly der: Uint8Array }[], more: Partial<PathOptions> = {}) =>
  validatePath({
    chain: chain.map(({ der }) => der),
    anchors: [root.certificate],
    time: NOW,
    purpose: "serverAuth",
    verifier: nodeVerifier,
    conformance: "deployed",
    ...more,
  });

type Limits = { permitted?: readonly string[]; excluded?: readonly string[]; critical?: boolean };

const limitsOf = ({ permitted = [], excluded = [], critical = true }: Limits) =>
  ext.nameConstraints(permitted.map(generalName), excluded.map(generalName), critical);

const limitedCa = (issuer: Issuer, limits: Limits, more: Forgery = {}) =>
  forgeCa(issuer, { subject: "CN=Limited", ...more, extensions: [ext.ca(), CA_USAGE, limitsOf(limits)] });

/** What validation says about a leaf of these names under a CA of these limits: "good", or what is wrong. */
async function verdict(limits: Limits, names: readonly string[], subject = "CN=leaf"): Promise<string> {
  const ca = await limitedCa(root, limits);
  const leaf = await forge(ca, { subject, extensions: names.length === 0 ? [] : [ext.san(...names.map(generalName))] });
  try {
    await validate([leaf, ca.certificate]);
    return "good";
  } catch (error) {
    assert.ok(
      error instanceof CertificateError && error.code === "name-constraints" && error.index === 0,
      String(error),
    );
    return /permitted|excluded|compared/.exec(error.message)?.[0] ?? error.message;
  }
}

/** Limits, names, verdict. */
const TABLE: readonly (readonly [Limits, readonly string[], string])[] = [
  [{ permitted: ["dns:example.com"] }, ["dns:example.com", "dns:a.b.EXAMPLE.com", "dns:*.example.com"], "good"],
  [{ permitted: ["dns:example.com"] }, ["dns:a.example.com", "dns:notexample.com"], "permitted"],
  [{ permitted: ["dns:example.com"] }, ["dns:com"], "permitted"],
  [{ permitted: ["dns:a.example.com"] }, ["dns:*.example.com"], "permitted"],
  [{ permitted: ["dns:example.com"] }, ["dns:.example.com"], "compared"],
  [{ permitted: ["dns:example.com"] }, ["dns:a_b.example.com"], "compared"],
  [{ permitted: ["dns:example.com", "dns:example.org"] }, ["dns:a.example.org"], "good"],
  [{ permitted: ["dns:example.com"] }, ["ip:c0000201", "email:a@b.example", "uri:urn:x"], "good"],
  [{ permitted: ["dns:example.com"] }, [], "good"],
  [{ excluded: ["dns:example.com"] }, ["dns:a.example.org"], "good"],
  [{ excluded: ["dns:example.com"] }, ["dns:a.example.org", "dns:a.example.com"], "excluded"],
  [{ excluded: ["dns:bar.example.com"] }, ["dns:*.example.com"], "excluded"],
  [{ excluded: ["dns:a.bar.example.com"] }, ["dns:*.example.com"], "good"],
  [{ excluded: ["dns:"] }, ["dns:a.example"], "excluded"],
  [{ permitted: ["dns:example.com"], excluded: ["dns:a.example.com"] }, ["dns:a.example.com"], "excluded"],
  [{ permitted: ["ip:c0000200ffffff00"] }, ["ip:c00002fe"], "good"],
  [{ permitted: ["ip:c0000200ffffff00"] }, ["ip:c0000301"], "permitted"],
  [{ permitted: ["ip:c0000200ffffff00"] }, ["ip:20010db8000000000000000000000001"], "permitted"],
  [
    { excluded: [`ip:20010db8${"0".repeat(24)}ffffffff${"0".repeat(24)}`] },
    [`ip:20010db8${"0".repeat(24)}`],
    "excluded",
  ],
  [{ excluded: ["ip:0000000000000000"] }, ["ip:c0000201"], "excluded"],
  [{ permitted: ["email:a@Example.com"] }, ["email:a@example.COM"], "good"],
  [{ permitted: ["email:a@example.com"] }, ["email:A@example.com"], "permitted"],
  [{ permitted: ["email:example.com"] }, ["email:anybody@example.com"], "good"],
  [{ permitted: ["email:example.com"] }, ["email:anybody@a.example.com"], "permitted"],
  [{ permitted: ["email:.example.com"] }, ["email:anybody@a.example.com"], "good"],
  [{ permitted: ["email:.example.com"] }, ["email:anybody@example.com"], "permitted"],
  [{ permitted: ["email:*@example.com"] }, ["email:a@example.com"], "permitted"],
  [{ permitted: ["email:example.com"] }, ["email:a@b@example.com"], "compared"],
  [{ permitted: ["email:example.com"] }, ['email:"a b"@example.com'], "compared"],
  [{ permitted: ["uri:host.example"] }, ["uri:https://me@host.example:8443/x", "uri:spiffe://HOST.example"], "good"],
  [{ permitted: ["uri:host.example"] }, ["uri:https://a.host.example/"], "permitted"],
  [{ permitted: ["uri:.host.example"] }, ["uri:https://a.host.example?x"], "good"],
  [{ permitted: ["uri:host.example"] }, ["uri:https://evil.example/@host.example/"], "permitted"],
  [{ excluded: ["uri:host.example"] }, ["uri:urn:a:b"], "compared"],
  [{ excluded: ["uri:host.example"] }, ["uri:https://192.0.2.1/"], "compared"],
  [{ excluded: ["uri:host.example"] }, ["uri:https://host.example#x"], "excluded"],
  [{ permitted: ["dir:CN=leaf"] }, ["dir:CN=leaf"], "good"],
  [{ permitted: ["dir:CN=LEAF"] }, ["dns:a.example"], "good"],
  [{ permitted: ["dir:CN=leaf"] }, ["dir:CN=other"], "permitted"],
  [{ permitted: ["dir:CN=other"] }, ["dir:CN=other"], "permitted"],
  [{ excluded: ["dir:O=Secret"] }, ["dir:CN=x,O=Secret"], "excluded"],
  [{ excluded: ["dir:O=Secret"] }, ["dir:O=Secret,C=DE"], "good"],
  [{ excluded: ["other:1.2.3"] }, ["dns:a.example"], "good"],
  [{ excluded: ["other:1.2.3"] }, ["other:1.2.4"], "compared"],
  [{ permitted: ["rid:1.2.3"] }, ["rid:1.2.3"], "compared"],
];

for (const [limits, names, expected] of TABLE) {
  test(`validatePath finds ${names.join(" ")} under ${JSON.stringify(limits)} ${expected}`, async () => {
    assert.equal(await verdict(limits, names), expected);
    // A limit that is not marked critical is a limit.
    assert.equal(await verdict({ ...limits, critical: false }, names), expected);
  });
}

test("validatePath applies rfc822Name constraints to a mailbox within the subject", async () => {
  const subject = "emailAddress=a@example.org,CN=leaf";
  assert.equal(await verdict({ permitted: ["email:example.com"] }, [], subject), "permitted");
  assert.equal(await verdict({ permitted: ["email:example.org"] }, [], subject), "good");
});

test("validatePath applies constraints of every CA above to every certificate but self-issued CAs", async () => {
  const upper = await limitedCa(root, { permitted: ["dns:foo.example", "dns:bar.example"] });
  const lower = await limitedCa(upper, { permitted: ["dns:bar.example", "dns:baz.example"] }, { subject: "CN=Lower" });
  const chain = async (name: string) => [
    await forge(lower, { extensions: [ext.dns(name)] }),
    lower.certificate,
    upper.certificate,
  ];
  await validate(await chain("a.bar.example"));
  for (const name of ["a.foo.example", "a.baz.example"]) {
    await assert.rejects(validate(await chain(name)), { code: "name-constraints", index: 0, field: "nameConstraints" });
  }
  const named = [ext.ca(), CA_USAGE, ext.dns("other.example")];
  const stray = await forgeCa(upper, { subject: "CN=Stray", extensions: named });
  const below = await forge(stray, { extensions: [ext.dns("a.bar.example")] });
  await assert.rejects(validate([below, stray.certificate, upper.certificate]), { code: "name-constraints", index: 1 });
  const rollover = await forgeCa(upper, { subject: "CN=Limited", extensions: named });
  const fine = await forge(rollover, { extensions: [ext.dns("a.bar.example")] });
  await validate([fine, rollover.certificate, upper.certificate]);
  const selfIssuedLeaf = await forge(upper, { subject: "CN=Limited", extensions: [ext.dns("other.example")] });
  await assert.rejects(validate([selfIssuedLeaf, upper.certificate]), { code: "name-constraints", index: 0 });
});

test("validatePath applies the constraints of a trust anchor, and finds a path around those of a CA", async () => {
  const anchor = await limitedCa(root, { excluded: ["dns:example.com"] });
  const leaf = await forge(anchor, { extensions: [ext.dns("a.example.com")] });
  await assert.rejects(validate([leaf], { anchors: [anchor.certificate] }), { code: "name-constraints" });
  const free = await forge(root, {
    subject: "CN=Limited",
    publicKey: anchor.certificate.publicKey.der,
    extensions: [ext.ca(), CA_USAGE],
  });
  assert.equal((await validate([leaf, anchor.certificate, free])).certificates[1]?.id, free.id);
});

test("validatePath refuses too-much-work where many names meet many constraints", async () => {
  const names = Array.from({ length: 400 }, (_, i) => `dns:a${i}.example`);
  const ca = await limitedCa(root, { excluded: names });
  const leaf = await forge(ca, { extensions: [ext.san(...names.map((each) => generalName(`${each}.org`)))] });
  await assert.rejects(validate([leaf, ca.certificate]), { code: "too-much-work", field: "nameConstraints" });
  await validate([leaf, ca.certificate], { limits: { maxNameComparisons: 160_000 } });
});

test("validatePath refuses name constraints that are not critical, or in no CA, unless conformance is deployed", async () => {
  const extensions = [
    ext.ca(),
    CA_USAGE,
    ext.ski(Uint8Array.of(1)),
    ext.aki(root.certificate.extensions.subjectKeyIdentifier),
    limitsOf({ excluded: ["dns:example.org"], critical: false }),
  ];
  const ca = await forgeCa(root, { subject: "CN=Limited", extensions });
  const leaf = await forge(ca, { extensions: [ext.aki(Uint8Array.of(1)), ext.dns("a.example")] });
  await validate([leaf, ca.certificate]);
  const profile = { code: "profile", field: "nameConstraints" };
  await assert.rejects(validate([leaf, ca.certificate], { conformance: "rfc5280" }), { ...profile, index: 1 });
  const odd = await forge(root, {
    extensions: [ext.aki(root.certificate.extensions.subjectKeyIdentifier), limitsOf({ excluded: ["dns:a.example"] })],
  });
  await assert.rejects(validate([odd], { conformance: "rfc5280" }), { ...profile, index: 0 });
});

test("nameConstraintsOf refuses what is empty or malformed", () => {
  const read = (hex: string) => nameConstraintsOf(parseDer(fromHex(hex)));
  const subtree = (name: string) => ext.nameConstraints([generalName(name)]).value;
  const der = [
    ["3000", "length"],
    ["3002a000", "length"],
    ["3004a0023000", "truncated"],
    ["300aa0083006820161800100", "trailing"], // minimum
    ["300aa0083006820161810105", "trailing"], // maximum
    ["3006a00430028500", "value"],
  ] as const;
  for (const [hex, code] of der) assert.throws(() => read(hex), { name: "DecodeError", code }, hex);
  const malformed = [
    "dns:.example.com",
    "dns:*.example.com",
    "dns:a..b",
    "dns:é.example",
    "ip:c0000200",
    "ip:c0000200ff00ff00",
    "ip:c0000200ffffff",
    "email:a@b@c.example",
    "email:@c.example",
    "email:",
    "uri:https://a.example",
    "uri:",
  ];
  for (const name of malformed) assert.throws(() => nameConstraintsOf(parseDer(subtree(name))), DecodeError, name);
});

test("isNameWithin holds exactly for names that begin with all relative names of the base", () => {
  const names = fc.array(fc.constantFrom("CN=a", "CN=a,", "O=a", 'O="],["', "OU=b"), { minLength: 1, maxLength: 4 });
  const nameOfAll = (parts: readonly string[]) =>
    nameFromText(
      [...parts]
        .reverse()
        .map((each) => each.replace(/[",\]]/g, (c) => `\\${c}`).replace(/\\]/g, "]"))
        .join(","),
    );
  fc.assert(
    fc.property(names, names, (a, b) => {
      const expected = b.every((part, i) => part === a[i]);
      assert.equal(isNameWithin(nameOfAll(a), nameOfAll(b)), expected);
    }),
    { numRuns: 300 },
  );
});
