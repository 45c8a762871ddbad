import assert from "node:assert/strict";
import { test } from "node:test";

import { toHex } from "../../codec/index.ts";
import { nodeVerifier } from "../../crypto/node.ts";
import type { CertificateRow, PolicyAttachmentRow, ThingPrincipalRow } from "../store/index.ts";
import type { CertificateEntry } from "./entries.ts";
import { entropy, newWorld } from "./fixtures.test.ts";
import { openRegistry, type RegistryPorts } from "./index.ts";

const CERTIFICATES = 4500;
/** As many rows as one statement takes. */
const CHUNK = 500;

test("openRegistry finds thousands of certificates, each with what is attached to it, in order of attachment", async (t) => {
  const { registry, clock, ledger } = await newWorld(t);
  const edges = ["0", "7f", "80", "ff"].map((digits) => digits.padEnd(64, digits.at(-1)));
  const ids = [...edges, ...Array.from({ length: CERTIFICATES }, () => toHex(entropy.bytes(32)))];
  const expected = ids.map((id, i): CertificateEntry => {
    const several = i % 500 === 0 ? ["Z", "A"] : [];
    const common = { id, status: i % 7 === 0 ? "INACTIVE" : "ACTIVE", mode: "DEFAULT" } as const;
    const [policies, things] = [i % 5 === 0 ? [] : ["P", ...several], i % 3 === 0 ? [] : [`t-${i}`, ...several]];
    // Many come at once, and some from a clock that was set back.
    return { ...common, caId: undefined, registeredAt: 1000 + (i % 60), policies, things };
  });
  await registry.store.write(async (queries) => {
    for (let at = 0; at < expected.length; at += CHUNK) {
      const chunk = expected.slice(at, at + CHUNK);
      await queries.insertInto("certificates").values(chunk.map(certificateRow)).execute();
      await queries.insertInto("policy_attachments").values(chunk.flatMap(policyRows)).execute();
      await queries.insertInto("thing_principals").values(chunk.flatMap(thingRows)).execute();
    }
    await queries
      .insertInto("policy_attachments")
      .values({ policy: "P", target: "thinggroup/all", attached_at: 1 })
      .execute();
  });
  const ports: RegistryPorts = { store: registry.store, clock, entropy, verifier: nodeVerifier, trace: ledger };
  const { directory } = await openRegistry(ports);
  assert.equal(directory.counts.certificates, expected.length);
  for (const entry of expected) assert.deepEqual(directory.certificate(entry.id), entry);
});

function certificateRow({ id, status, mode, registeredAt }: CertificateEntry): CertificateRow {
  const made = { pem: "", ca_id: null, born_revoked: 0, version: 1, generation_id: "", serial: null } as const;
  return { ...made, id, status, mode, created_at: registeredAt, modified_at: registeredAt };
}

function policyRows({ id: target, policies }: CertificateEntry): PolicyAttachmentRow[] {
  return policies.map((policy, i) => ({ policy, target, attached_at: i }));
}

function thingRows({ id: principal, things }: CertificateEntry): ThingPrincipalRow[] {
  return things.map((thing, i) => ({ thing, principal, type: "NON_EXCLUSIVE_THING", attached_at: i }));
}
