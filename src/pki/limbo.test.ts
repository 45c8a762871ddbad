import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { HawserError } from "../codec/index.ts";
import { nodeVerifier } from "../crypto/node.ts";
import { certificateFromPem, checkServerIdentity, crlFromPem, validatePath, type PathPurpose } from "./index.ts";

const FILE = join(import.meta.dirname, "../../../shared/vectors/x509-limbo.json");
const NOW = Date.UTC(2026, 8, 1);

type Case = {
  readonly id: string;
  readonly validation_kind: "SERVER" | "CLIENT";
  readonly trusted_certs: readonly string[];
  readonly untrusted_intermediates: readonly string[];
  readonly peer_certificate: string;
  readonly validation_time: string | null;
  readonly expected_result: "SUCCESS" | "FAILURE";
  readonly expected_peer_name: { readonly kind: string; readonly value: string } | null;
  readonly max_chain_depth: number | null;
  readonly crls: readonly string[];
};

/** Cases whose expectation is not ours, each with the reason. */
const DIFFERENT: readonly (readonly [RegExp, string])[] = [
  [/^rfc5280::aki::cross-signed-root-missing-aki$/, "pedantic: an anchor's own issuer is not looked at"],
  [/^rfc5280::ca-as-leaf$/, "keyUsage without digitalSignature serves no TLS handshake: RFC 5246, section 7.4.2"],
  [/^pathlen::validation-ignores-pathlen-in-leaf$/, "as before: the leaf's only key usages are a CA's"],
  [/^webpki::nc::permitted-dns-match-noncritical$/, "RFC 5280 says MUST; conformance deployed accepts it"],
  [/^webpki::aki::root-with-aki-/, "CA/Browser Forum rule about roots, not RFC 5280"],
  [/^webpki::cn::/, "CA/Browser Forum rule about CN, which is never looked at here"],
  [/^webpki::eku::(ee-anyeku|ee-critical-eku|ee-without-eku|root-has-eku)$/, "CA/Browser Forum rule, not RFC 5280"],
  [/^webpki::san::public-suffix-(multi-label|private-namespace)-wildcard-san$/, "needs the public suffix list"],
  [/^webpki::san::san-critical-with-nonempty-subject$/, "RFC 5280 says SHOULD"],
];

async function verdict(each: Case): Promise<string> {
  const purpose: PathPurpose = each.validation_kind === "SERVER" ? "serverAuth" : "clientAuth";
  try {
    const anchors = each.trusted_certs.map(certificateFromPem);
    const leaf = certificateFromPem(each.peer_certificate);
    const chain = [leaf.der, ...each.untrusted_intermediates.map((pem) => certificateFromPem(pem).der)];
    const time = each.validation_time === null ? NOW : Date.parse(each.validation_time);
    const limits = each.max_chain_depth === null ? {} : { maxIntermediates: each.max_chain_depth };
    const crls = each.crls.map(crlFromPem);
    await validatePath({ chain, anchors, time, purpose, verifier: nodeVerifier, limits, crls });
    if (each.expected_peer_name) checkServerIdentity(leaf, each.expected_peer_name.value);
    return "SUCCESS";
  } catch (error) {
    assert.ok(error instanceof HawserError, `${each.id}: ${String(error)}`);
    return `FAILURE ${error.code}: ${error.message}`;
  }
}

test("validatePath agrees with x509-limbo, but for listed cases", async (t) => {
  if (!existsSync(FILE)) return t.skip("x509-limbo.json is not here");
  const cases = (JSON.parse(readFileSync(FILE, "utf8")) as { testcases: readonly Case[] }).testcases;
  const [wrong, unused]: [string[], Set<RegExp>] = [[], new Set(DIFFERENT.map(([pattern]) => pattern))];
  let agreed = 0;
  for (const each of cases) {
    const got = await verdict(each);
    const isAgreed = got.startsWith(each.expected_result);
    const different = DIFFERENT.find(([pattern]) => pattern.test(each.id));
    if (isAgreed) agreed++;
    else if (different) unused.delete(different[0]);
    else wrong.push(`${each.id}: ${each.expected_result} expected, ${got}`);
  }
  assert.deepEqual(wrong, []);
  assert.deepEqual([...unused], [], "these reasons are no longer needed");
  t.diagnostic(`${agreed} of ${cases.length} cases agree; the others are listed with a reason`);
});

test("validatePath accepts no x509-limbo case with name constraints that are broken", async (t) => {
  if (!existsSync(FILE)) return t.skip("x509-limbo.json is not here");
  const cases = (JSON.parse(readFileSync(FILE, "utf8")) as { testcases: readonly Case[] }).testcases;
  const constrained = cases.filter(({ id, expected_result }) => id.includes("::nc::") && expected_result === "FAILURE");
  for (const each of constrained) assert.match(await verdict(each), /^FAILURE/, each.id);
  assert.ok(constrained.length > 20);
});
