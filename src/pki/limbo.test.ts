import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { HawserError } from "../codec/index.ts";
import { nodeVerifier } from "../crypto/node.ts";
import {
  certificateFromPem,
  checkServerIdentity,
  crlFromPem,
  validatePath,
  type Conformance,
  type PathPurpose,
} from "./index.ts";

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

/** A valid path that we refuse, why, and which conformance accepts it. No invalid one may be listed: we accept none. */
type WrongReject = { readonly id: string; readonly reason: string; readonly acceptedBy?: Conformance };

const COMMON_NAME = "CN is no copy of a subjectAltName entry, which webpki::cn::not-in-san and others expect to fail";

const WRONG_REJECTS: readonly WrongReject[] = [
  { id: "rfc5280::ca-as-leaf", reason: "a key for certificates alone serves no handshake: RFC 5280, section 4.2.1.12" },
  { id: "pathlen::validation-ignores-pathlen-in-leaf", reason: "as before: the leaf's only key usages are a CA's" },
  {
    id: "cve::cve-2024-0567",
    reason:
      "an anchor, not self-signed, without key identifier: rfc5280::aki::cross-signed-root-missing-aki is to fail",
    acceptedBy: "deployed",
  },
  { id: "webpki::nc::nc-permits-dns-san-pattern", reason: COMMON_NAME, acceptedBy: "rfc5280" },
  { id: "webpki::san::exact-localhost-ip-san", reason: COMMON_NAME, acceptedBy: "rfc5280" },
  { id: "webpki::san::leftmost-wildcard-san", reason: COMMON_NAME, acceptedBy: "rfc5280" },
];

/** What the Public Suffix List says of the names in question; whoever wants all of it gives all of it. */
const isPublicSuffix = (name: string) => ["com", "co.uk", "s3.amazonaws.com"].includes(name);

function conformanceFor({ id }: Case): Conformance {
  return id.startsWith("webpki::") ? "webpki" : "rfc5280";
}

async function verdict(each: Case, conformance = conformanceFor(each)): Promise<string> {
  const purpose: PathPurpose = each.validation_kind === "SERVER" ? "serverAuth" : "clientAuth";
  try {
    const anchors = each.trusted_certs.map(certificateFromPem);
    const leaf = certificateFromPem(each.peer_certificate);
    const chain = [leaf.der, ...each.untrusted_intermediates.map((pem) => certificateFromPem(pem).der)];
    const time = each.validation_time === null ? NOW : Date.parse(each.validation_time);
    const limits = each.max_chain_depth === null ? {} : { maxIntermediates: each.max_chain_depth };
    const crls = each.crls.map(crlFromPem);
    await validatePath({ chain, anchors, time, purpose, verifier: nodeVerifier, limits, crls, conformance });
    if (each.expected_peer_name) checkServerIdentity(leaf, each.expected_peer_name.value, { isPublicSuffix });
    return "SUCCESS";
  } catch (error) {
    assert.ok(error instanceof HawserError, `${each.id}: ${String(error)}`);
    return `FAILURE ${error.code}: ${error.message}`;
  }
}

test("validatePath accepts no invalid path of x509-limbo, and refuses no valid one that is not listed", async (t) => {
  if (!existsSync(FILE)) return t.skip("x509-limbo.json is not here");
  const cases = (JSON.parse(readFileSync(FILE, "utf8")) as { testcases: readonly Case[] }).testcases;
  const wrong: { accepts: string[]; rejects: string[] } = { accepts: [], rejects: [] };
  for (const each of cases) {
    const got = await verdict(each);
    if (got.startsWith(each.expected_result)) continue;
    if (got === "SUCCESS") wrong.accepts.push(each.id);
    else wrong.rejects.push(each.id);
  }
  assert.deepEqual(wrong.accepts, []);
  assert.deepEqual(wrong.rejects.sort(), WRONG_REJECTS.map(({ id }) => id).sort());
  for (const { id, reason, acceptedBy } of WRONG_REJECTS) {
    const found = cases.find((each) => each.id === id) ?? assert.fail(id);
    if (acceptedBy) assert.equal(await verdict(found, acceptedBy), "SUCCESS", id);
    t.diagnostic(`refused: ${id}: ${reason}`);
  }
  t.diagnostic(`${cases.length - WRONG_REJECTS.length} of ${cases.length} cases agree; none is wrongly accepted`);
});
