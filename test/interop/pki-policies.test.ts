/** validatePath and openssl verify judge alike by policies and by name constraints, on paths made at random from a seed. */
import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { HawserError } from "../../src/codec/index.ts";
import { nodeVerifier } from "../../src/crypto/node.ts";
import { CA_USAGE, ext, forge, forgeCa, generalName, newRoot, NOW } from "../../src/pki/fixtures.test.ts";
import {
  certificateToPem,
  validatePath,
  type Certificate,
  type PathOptions,
  type PolicyOptions,
  type RawExtension,
} from "../../src/pki/index.ts";
import { opensslIn, type Openssl } from "./pki-openssl.ts";
import { requirePeer } from "./peers.ts";

const root = await newRoot();

async function chainOf(levels: readonly (readonly RawExtension[])[], leaf: readonly RawExtension[]) {
  const chain: Certificate[] = [];
  let issuer = root;
  for (const [i, extensions] of levels.entries()) {
    issuer = await forgeCa(issuer, { subject: `CN=CA ${i}`, extensions: [ext.ca(), CA_USAGE, ...extensions] });
    chain.unshift(issuer.certificate);
  }
  return [await forge(issuer, { extensions: leaf }), ...chain];
}

function opensslAccepts(openssl: Openssl, chain: readonly Certificate[], options: string): boolean {
  const [leaf, ...others] = chain.map(certificateToPem);
  openssl.write("root.pem", certificateToPem(root.certificate));
  openssl.write("leaf.pem", leaf ?? "");
  openssl.write("others.pem", others.join(""));
  const files = `-no-CApath -CAfile root.pem ${others.length > 0 ? "-untrusted others.pem" : ""} leaf.pem`;
  return openssl.ask(`openssl verify -attime ${NOW / 1000} ${options} ${files}`).ok;
}

async function weAccept(chain: readonly Certificate[], more: Partial<PathOptions>): Promise<boolean> {
  try {
    const [time, purpose, verifier] = [NOW, "any", nodeVerifier] as const;
    const given = { chain: chain.map(({ der }) => der), anchors: [root.certificate] };
    await validatePath({ ...given, time, purpose, verifier, conformance: "deployed", ...more });
    return true;
  } catch (error) {
    if (error instanceof HawserError) return false;
    throw error;
  }
}

const RUNS = process.env.HAWSER_DEEP === undefined ? 60 : 1500;

const POLICIES = ["2.5.29.32.0", "1.2.3.1", "1.2.3.2", "1.2.3.3"] as const;
const policy = fc.constantFrom(...POLICIES);
const named = fc.constantFrom(...POLICIES.slice(1));
const skip = fc.option(fc.nat(2), { nil: undefined });
const policiesOf = fc.option(fc.uniqueArray(policy, { minLength: 1, maxLength: 3 }), { nil: undefined, freq: 9 });

const level = fc.record({
  policies: policiesOf,
  mappings: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, fc.array(fc.tuple(named, named), { maxLength: 3 })),
  require: skip,
  inhibit: skip,
  inhibitAny: skip,
});

const wishes = fc.record({
  user: fc.option(fc.uniqueArray(policy, { minLength: 1, maxLength: 2 }), { nil: undefined }),
  explicit: fc.boolean(),
  noMapping: fc.boolean(),
  noAny: fc.boolean(),
});

type Level = typeof level extends fc.Arbitrary<infer T> ? T : never;

function extensionsOf({ policies, mappings, require, inhibit, inhibitAny }: Partial<Level>): RawExtension[] {
  const skips = { ...(require === undefined ? {} : { require }), ...(inhibit === undefined ? {} : { inhibit }) };
  return [
    ...(policies ? [ext.policies(policies)] : []),
    ...(mappings && mappings.length > 0 ? [ext.policyMappings(mappings)] : []),
    ...(Object.keys(skips).length > 0 ? [ext.policyConstraints(skips)] : []),
    ...(inhibitAny === undefined ? [] : [ext.inhibitAnyPolicy(inhibitAny)]),
  ];
}

test("openssl verify and validatePath agree about policies", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const openssl = opensslIn(t);
  const verdicts = { good: 0, bad: 0, stricter: 0 };
  const property = fc.asyncProperty(
    fc.array(level, { minLength: 1, maxLength: 3 }),
    fc.record({ policies: policiesOf, require: skip }),
    wishes,
    async (levels, leaf, { user, explicit, noMapping, noAny }) => {
      const chain = await chainOf(levels.map(extensionsOf), extensionsOf(leaf));
      // RFC 5280, section 6.1.1 (c): any-policy unless told otherwise; openssl wants to be told even that.
      const flags = [explicit && "-explicit_policy", noMapping && "-inhibit_map", noAny && "-inhibit_any"];
      const options = ["-policy_check", ...flags, ...(user ?? ["2.5.29.32.0"]).map((each) => `-policy ${each}`)].filter(
        Boolean,
      );
      const policies: PolicyOptions = {
        ...(user ? { userInitialPolicySet: user } : {}),
        initialExplicitPolicy: explicit,
        initialPolicyMappingInhibit: noMapping,
        initialAnyPolicyInhibit: noAny,
      };
      const ours = await weAccept(chain, { policies });
      verdicts[ours ? "good" : "bad"]++;
      const theirs = opensslAccepts(openssl, chain, options.join(" "));
      // Where anyPolicy is inhibited, openssl still lets a policy be mapped from it; RFC 5280, section 6.1.3 (d) (2) does not.
      const isLenient = levels.some((each) => each.mappings.length > 0 && each.policies?.includes("2.5.29.32.0"));
      if (theirs !== ours && isLenient) verdicts.stricter++;
      assert.equal(ours, theirs && (ours || !isLenient));
    },
  );
  await fc.assert(property, { numRuns: RUNS, seed: 20_261_121 });
  t.diagnostic(JSON.stringify(verdicts));
  assert.ok(verdicts.good > RUNS / 6 && verdicts.bad > RUNS / 6 && verdicts.stricter < RUNS / 30);
});

const SUBTREES = [
  "dns:example.com",
  "dns:a.example.com",
  "ip:c0000200ffffff00",
  "ip:c0000200ffffff80",
  "email:example.com",
  "email:a@example.com",
  "dir:O=Acme",
];
const NAMES = [
  "dns:example.com",
  "dns:a.example.com",
  "dns:b.a.example.com",
  "dns:example.org",
  "ip:c0000201",
  "ip:c00002f1",
  "email:a@example.com",
  "email:b@example.com",
  "email:a@b.example.com",
  "dir:CN=x,O=Acme",
  "dir:O=Other",
];
const subtrees = fc.uniqueArray(fc.constantFrom(...SUBTREES), { maxLength: 3 });

test("openssl verify and validatePath agree about name constraints", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const openssl = opensslIn(t);
  const verdicts = { good: 0, bad: 0 };
  const constrained = fc.record({
    permitted: subtrees,
    excluded: fc.uniqueArray(fc.constantFrom(...SUBTREES), { maxLength: 1 }),
  });
  const property = fc.asyncProperty(
    fc.array(constrained, { minLength: 1, maxLength: 2 }),
    fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 }),
    async (levels, names) => {
      const extensions = levels.map(({ permitted, excluded }) =>
        permitted.length + excluded.length === 0
          ? []
          : [ext.nameConstraints(permitted.map(generalName), excluded.map(generalName))],
      );
      const chain = await chainOf(extensions, [ext.san(...names.map(generalName))]);
      const ours = await weAccept(chain, {});
      verdicts[ours ? "good" : "bad"]++;
      assert.equal(ours, opensslAccepts(openssl, chain, ""));
    },
  );
  await fc.assert(property, { numRuns: RUNS, seed: 20_261_121 });
  t.diagnostic(JSON.stringify(verdicts));
  assert.ok(verdicts.good > RUNS / 8 && verdicts.bad > RUNS / 8);
});
