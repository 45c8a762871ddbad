import assert from "node:assert/strict";
import { test } from "node:test";

import { fromHex } from "../codec/index.ts";
import { nodeVerifier } from "../crypto/node.ts";
import { parseDer, TAG } from "./der.ts";
import { derElement } from "./der-write.ts";
import { CA_USAGE, ext, forge, forgeCa, newRoot, NOW, oidDer } from "./fixtures.test.ts";
import {
  EXTENSION,
  validatePath,
  type Certificate,
  type Issuer,
  type PolicyOptions,
  type RawExtension,
} from "./index.ts";
import { certificatePoliciesOf, policyConstraintsOf, policyMappingsOf } from "./policies.ts";

const [ANY, A, B, C] = ["2.5.29.32.0", "1.2.3.1", "1.2.3.2", "1.2.3.3"] as const;
const root = await newRoot();
const AUTHORITY = [ext.ca(), CA_USAGE];

/** Certificates below the root: the extensions of each, from the top down; the last is the leaf. */
type Levels = readonly (readonly RawExtension[])[];

async function chainOf(levels: Levels, anchor: Issuer = root, names: readonly string[] = []): Promise<Certificate[]> {
  const chain: Certificate[] = [];
  let issuer = anchor;
  for (const [i, extensions] of levels.slice(0, -1).entries()) {
    issuer = await forgeCa(issuer, { subject: names[i] ?? `CN=CA ${i}`, extensions: [...AUTHORITY, ...extensions] });
    chain.unshift(issuer.certificate);
  }
  return [await forge(issuer, { extensions: levels.at(-1) ?? [] }), ...chain];
}

const validate = (chain: readonly Certificate[], policies?: PolicyOptions, anchor: Issuer = root) =>
  validatePath({
    chain: chain.map(({ der }) => der),
    anchors: [anchor.certificate],
    time: NOW,
    purpose: "serverAuth",
    verifier: nodeVerifier,
    conformance: "deployed",
    ...(policies ? { policies } : {}),
  });

const required = { initialExplicitPolicy: true };
const only = (...userInitialPolicySet: string[]): PolicyOptions => ({ ...required, userInitialPolicySet });

/** What it shows, the certificates, the caller's wishes, the verdict. */
const TABLE: readonly (readonly [string, Levels, PolicyOptions | undefined, boolean])[] = [
  ["no policies, none required", [[], []], undefined, true],
  ["no policies, one required", [[], []], required, false],
  ["one policy throughout", [[ext.policies([A])], [ext.policies([A])]], required, true],
  ["critical policies", [[ext.policies([A], true)], [ext.policies([A], true)]], only(A), true],
  ["a leaf without policy", [[ext.policies([A])], []], required, false],
  ["a CA without policy", [[], [ext.policies([A])]], required, false],
  ["another policy in the leaf", [[ext.policies([A])], [ext.policies([B])]], required, false],
  ["another policy in the leaf, none required", [[ext.policies([A])], [ext.policies([B])]], undefined, true],
  ["another policy than is acceptable", [[ext.policies([A])], [ext.policies([A])]], only(B), false],
  ["an acceptable policy among others", [[ext.policies([A, B])], [ext.policies([B, C])]], only(C, B), true],
  ["anyPolicy in the CA", [[ext.policies([ANY])], [ext.policies([A])]], only(A), true],
  ["anyPolicy in the CA, another in the leaf", [[ext.policies([ANY])], [ext.policies([A])]], only(B), false],
  ["anyPolicy in the leaf", [[ext.policies([A])], [ext.policies([ANY])]], only(A), true],
  ["anyPolicy throughout", [[ext.policies([ANY])], [ext.policies([ANY])]], only(C), true],
  ["anyPolicy in the set", [[ext.policies([A])], [ext.policies([A])]], only(ANY), true],
  ["an empty set", [[ext.policies([ANY])], [ext.policies([ANY])]], only(), false],
  [
    "anyPolicy inhibited by the caller",
    [[ext.policies([ANY])], [ext.policies([ANY])]],
    { ...required, initialAnyPolicyInhibit: true },
    false,
  ],
  [
    "anyPolicy inhibited by the CA",
    [[ext.policies([A]), ext.inhibitAnyPolicy(0)], [ext.policies([ANY])]],
    required,
    false,
  ],
  ["anyPolicy inhibited later", [[ext.policies([A]), ext.inhibitAnyPolicy(1)], [ext.policies([ANY])]], required, true],
  ["a policy required by the CA at once", [[ext.policyConstraints({ require: 0 })], []], undefined, false],
  ["a policy required by the CA later", [[ext.policyConstraints({ require: 2 })], []], undefined, true],
  ["a policy required by the CA for the leaf", [[ext.policyConstraints({ require: 1 })], []], undefined, false],
  [
    "a policy required by the leaf",
    [[ext.policies([A])], [ext.policies([B]), ext.policyConstraints({ require: 0 })]],
    undefined,
    false,
  ],
  [
    "a policy required and had",
    [[ext.policies([A]), ext.policyConstraints({ require: 0 })], [ext.policies([A])]],
    undefined,
    true,
  ],
  ["a mapped policy", [[ext.policies([A]), ext.policyMappings([[A, B]])], [ext.policies([B])]], only(A), true],
  [
    "a mapped policy by its new name",
    [[ext.policies([A]), ext.policyMappings([[A, B]])], [ext.policies([B])]],
    only(B),
    false,
  ],
  [
    "a mapped policy by its old name in the leaf",
    [[ext.policies([A]), ext.policyMappings([[A, B]])], [ext.policies([A])]],
    required,
    false,
  ],
  [
    "two policies mapped to one",
    [
      [
        ext.policies([A, B]),
        ext.policyMappings([
          [A, C],
          [B, C],
        ]),
      ],
      [ext.policies([C])],
    ],
    only(B),
    true,
  ],
  [
    "one policy mapped to two",
    [
      [
        ext.policies([A]),
        ext.policyMappings([
          [A, B],
          [A, C],
        ]),
      ],
      [ext.policies([C])],
    ],
    only(A),
    true,
  ],
  [
    "anyPolicy mapped by name",
    [[ext.policies([ANY]), ext.policyMappings([[A, B]])], [ext.policies([B])]],
    only(A),
    true,
  ],
  ["anyPolicy mapped", [[ext.policies([ANY]), ext.policyMappings([[ANY, B]])], [ext.policies([B])]], undefined, false],
  [
    "a policy mapped to anyPolicy",
    [[ext.policies([A]), ext.policyMappings([[A, ANY]])], [ext.policies([B])]],
    undefined,
    false,
  ],
  [
    "mapping inhibited by the caller",
    [[ext.policies([A]), ext.policyMappings([[A, B]])], [ext.policies([B])]],
    { ...required, initialPolicyMappingInhibit: true },
    false,
  ],
  [
    "mapping inhibited by the CA above",
    [
      [ext.policies([A]), ext.policyConstraints({ inhibit: 0 })],
      [ext.policies([A]), ext.policyMappings([[A, B]])],
      [ext.policies([B])],
    ],
    required,
    false,
  ],
  [
    "mapping inhibited later",
    [
      [ext.policies([A]), ext.policyConstraints({ inhibit: 1 })],
      [ext.policies([A]), ext.policyMappings([[A, B]])],
      [ext.policies([B])],
    ],
    required,
    true,
  ],
  [
    "a mapped policy through anyPolicy in the leaf",
    [[ext.policies([A]), ext.policyMappings([[A, B]])], [ext.policies([ANY])]],
    only(A),
    true,
  ],
];

for (const [what, levels, options, isGood] of TABLE) {
  test(`validatePath ${isGood ? "accepts" : "refuses"} ${what}`, async () => {
    const chain = await chainOf(levels);
    if (isGood) await validate(chain, options);
    else await assert.rejects(validate(chain, options), { name: "CertificateError", code: "policy" });
  });
}

test("validatePath does not count self-issued CAs, and lets them use anyPolicy that is inhibited", async () => {
  const rollover = [[ext.policies([A]), ext.inhibitAnyPolicy(0)], [ext.policies([ANY])], [ext.policies([A])]];
  await validate(await chainOf(rollover, root, ["CN=CA", "CN=CA"]), required);
  await assert.rejects(validate(await chainOf(rollover, root, ["CN=CA", "CN=Other"]), required), { code: "policy" });
  const later = [[ext.policyConstraints({ require: 2 })], [], []];
  await validate(await chainOf(later, root, ["CN=CA", "CN=CA"]));
  await assert.rejects(validate(await chainOf(later, root, ["CN=CA", "CN=Other"])), { code: "policy" });
});

test("validatePath applies the policies and constraints of a trust anchor", async () => {
  const anchored = async (...extensions: RawExtension[]) =>
    forgeCa(root, { subject: "CN=Anchor", extensions: [...AUTHORITY, ...extensions] });
  const strict = await anchored(ext.policyConstraints({ require: 0 }));
  await assert.rejects(validate(await chainOf([[]], strict), undefined, strict), { code: "policy" });
  await validate(await chainOf([[ext.policies([A])]], strict), undefined, strict);
  const narrow = await anchored(ext.policies([A]));
  await validate(await chainOf([[ext.policies([A])]], narrow), required, narrow);
  await assert.rejects(validate(await chainOf([[ext.policies([B])]], narrow), required, narrow), { code: "policy" });
  await assert.rejects(validate(await chainOf([[ext.policies([A])]], narrow), only(B), narrow), { code: "policy" });
});

test("validatePath refuses too-much-work where a certificate holds hundreds of policies", async () => {
  const many = Array.from({ length: 257 }, (_, i) => `1.2.4.${i}`);
  await assert.rejects(validate(await chainOf([[ext.policies(many)], []])), { code: "too-much-work" });
  await validate(await chainOf([[ext.policies(many.slice(1))], [ext.policies(many.slice(1))]]), required);
});

test("validatePath refuses critical policies with qualifiers of an unknown kind", async () => {
  const qualified = (id: string) => {
    const qualifier = derElement(TAG.sequence, fromHex(id), fromHex("160161"));
    return derElement(TAG.sequence, derElement(TAG.sequence, oidDer(A), derElement(TAG.sequence, qualifier)));
  };
  const policies = (id: string, critical: boolean) => ext.any(EXTENSION.certificatePolicies, critical, qualified(id));
  const [cps, unknown] = ["06082b06010505070201", "06032a0309"];
  for (const [id, critical] of [
    [cps, true],
    [unknown, false],
  ] as const) {
    await validate(await chainOf([[policies(id, critical)], []]));
  }
  await assert.rejects(validate(await chainOf([[policies(unknown, true)], []])), {
    code: "unknown-critical-extension",
    field: "certificatePolicies",
  });
});

test("certificatePoliciesOf, policyMappingsOf and policyConstraintsOf refuse what is empty or malformed", () => {
  const malformed = [
    [certificatePoliciesOf, "3000", "length"],
    [certificatePoliciesOf, "30023000", "truncated"],
    [certificatePoliciesOf, "300e" + "300506032a0301".repeat(2), "value"], // a policy twice
    [certificatePoliciesOf, "3009300706032a03013000", "length"],
    [policyMappingsOf, "3000", "length"],
    [policyMappingsOf, "3007300506032a0301", "truncated"],
    [policyConstraintsOf, "3000", "length"],
    [policyConstraintsOf, "30028000", "value"],
    [policyConstraintsOf, "300480020001", "value"],
    [policyConstraintsOf, "30038001ff", "value"],
    [policyConstraintsOf, "3003820100", "trailing"],
  ] as const;
  for (const [read, hex, code] of malformed) {
    assert.throws(() => read(parseDer(fromHex(hex))), { name: "DecodeError", code }, hex);
  }
});
