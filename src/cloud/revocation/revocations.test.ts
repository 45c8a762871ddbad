import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import { certificateToPem, crlToPem, issueCrl, type Certificate, type Issuer } from "../../pki/index.ts";
import { gatekeeperOf, type BrokerAccess, type SessionOwner } from "../onboarding/index.ts";
import { utf8Bytes } from "../../codec/index.ts";
import { registrationOf, DAY, newCa, newLeaf, newWorld } from "../registry/fixtures.test.ts";
import { attachPolicy, createPolicy, iotArn, registerCa, registerCertificateWithoutCa } from "../registry/index.ts";
import { Revocations } from "./index.ts";

async function world(t: TestContext) {
  const { registry, clock, ledger } = await newWorld(t);
  const ca = await newCa("Maker");
  const caId = await registerCa(registry, await registrationOf(registry, ca));
  const revocations = await Revocations.open(registry);
  const listOf = (number: number, revoked: readonly Certificate[], issuer: Issuer = ca, from = clock.now()) =>
    issueCrl({
      issuer,
      number,
      thisUpdate: from,
      nextUpdate: from + 7 * DAY,
      revoked: new Map(
        revoked.map(({ serialNumber }) => [serialNumber, { time: from - DAY, reason: "keyCompromise" }]),
      ),
    });
  return { registry, clock, ledger, ca, caId, revocations, listOf };
}

test("a CA's list withdraws the certificates that it names, and a restart changes nothing", async (t) => {
  const { registry, ca, caId, revocations, listOf } = await world(t);
  const [bad, good] = [await newLeaf({ issuer: ca }), await newLeaf({ issuer: ca })];
  let told = 0;
  revocations.changes.add(() => void told++);
  const uploaded = await revocations.putList(caId, await listOf(1, [bad]));
  assert.deepEqual([uploaded.revoked, uploaded.caCertificateId, told], [1, caId, 1]);
  for (const each of [revocations, await Revocations.open(registry)]) {
    const withdrawal = each.withdrawalOf(bad);
    assert.equal(withdrawal?.cause, "certificate-on-crl");
    assert.deepEqual([withdrawal.evidence["reason"], withdrawal.evidence["caCertificateId"]], ["keyCompromise", caId]);
    assert.equal(each.withdrawalOf(good), undefined);
    const stranger = await newLeaf({ issuer: await newCa("Maker") });
    assert.equal(each.withdrawalOf(stranger), undefined, "another CA of that name");
  }
  await revocations.putList(caId, utf8Bytes(crlToPem(await listOf(2, []))));
  assert.equal(revocations.withdrawalOf(bad), undefined, "a newer list, as PEM, is in force at once");
  await revocations.deleteList(caId);
  assert.deepEqual(revocations.lists(), []);
  await assert.rejects(revocations.deleteList(caId), { code: "resource-not-found" });
});

test("crl-older crl-not-current: an old, future or expired list, another CA's, and what is none, change nothing", async (t) => {
  const { ca, caId, revocations, listOf, clock } = await world(t);
  const bad = await newLeaf({ issuer: ca });
  await revocations.putList(caId, await listOf(5, [bad]));
  const now = clock.now();
  await assert.rejects(revocations.putList(caId, await listOf(4, [])), { code: "crl-older" });
  await assert.rejects(revocations.putList(caId, await listOf(6, [], ca, now + DAY)), { code: "crl-not-current" });
  await assert.rejects(revocations.putList(caId, await listOf(6, [], ca, now - 8 * DAY)), { code: "crl-not-current" });
  const other = await listOf(6, [], await newCa("Maker"));
  await assert.rejects(revocations.putList(caId, other), { code: "certificate-validation" });
  const forged = await listOf(6, []);
  forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
  await assert.rejects(revocations.putList(caId, forged), { code: "certificate-validation" });
  await assert.rejects(revocations.putList(caId, utf8Bytes("nothing")), { code: "certificate-validation" });
  await assert.rejects(revocations.putList("0".repeat(64), await listOf(6, [])), { code: "resource-not-found" });
  assert.equal(revocations.withdrawalOf(bad)?.cause, "certificate-on-crl");
});

test("the deny-list refuses certificates that nobody registered, until it is taken back", async (t) => {
  const { registry, ca, revocations } = await world(t);
  const leaf = await newLeaf({ issuer: ca });
  await revocations.deny(leaf.id.toUpperCase(), "stolen");
  const again = await Revocations.open(registry);
  assert.deepEqual(again.withdrawalOf(leaf)?.evidence["reason"], "stolen");
  await again.deny(leaf.id, "found, and broken");
  assert.deepEqual(
    again.denied().map(({ reason }) => reason),
    ["found, and broken"],
  );
  await again.allow(leaf.id);
  assert.equal(again.withdrawalOf(leaf), undefined);
  await assert.rejects(again.allow(leaf.id), { code: "resource-not-found" });
});

test("certificate-denied certificate-on-crl: who is withdrawn is refused, in spite of an ACTIVE record, and is cut off at once", async (t) => {
  const { registry, ca, caId, revocations, listOf, ledger } = await world(t);
  const policy = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:*","Resource":"*"}}`;
  await createPolicy(registry, "any", policy);
  const closed: string[] = [];
  const live = new Map<string, SessionOwner>();
  const broker: BrokerAccess = {
    publish: () => undefined,
    liveSessions: () => live.values(),
    closeSessions(matches, { cause }) {
      for (const [clientId, owner] of live)
        if (matches(owner) && live.delete(clientId)) closed.push(`${clientId} ${cause}`);
    },
  };
  const gatekeeper = gatekeeperOf(registry, broker, { revocations });
  t.after(() => gatekeeper.close());
  const connect = async (clientId: string, { id, der }: Certificate) => {
    const peer = { connection: "c", address: "192.0.2.7", certificates: [der], servername: undefined };
    const admission = await gatekeeper.admit({ clientId, protocolVersion: 5, cleanStart: true, keepAliveS: 60, peer });
    if (admission.admit) live.set(clientId, { clientId, principalId: id });
    return admission.admit ? "admitted" : admission.cause;
  };
  const devices = await Promise.all(["a", "b", "c"].map((name) => newLeaf({ issuer: ca, name })));
  for (const device of devices) {
    await registerCertificateWithoutCa(registry, { certificatePem: certificateToPem(device), status: "ACTIVE" });
    await attachPolicy(registry, "any", iotArn(registry.account, "cert", device.id));
  }
  const [a, b, c] = devices as [Certificate, Certificate, Certificate];
  for (const [name, device] of [
    ["a", a],
    ["b", b],
    ["c", c],
  ] as const)
    assert.equal(await connect(name, device), "admitted");
  await revocations.deny(a.id, "stolen");
  await revocations.putList(caId, await listOf(1, [b]));
  assert.deepEqual(closed, ["a certificate-denied", "b certificate-on-crl"]);
  assert.deepEqual(
    [await connect("a", a), await connect("b", b), await connect("c", c)],
    ["certificate-denied", "certificate-on-crl", "admitted"],
  );
  const [told] = ledger.events({ kinds: ["refusal"] });
  assert.ok(told?.kind === "refusal" && told.evidence["reason"] === "stolen");
  const stranger = await newLeaf({ issuer: ca, name: "d" });
  await revocations.deny(stranger.id, "never sold");
  assert.equal(await connect("d", stranger), "certificate-denied");
  assert.equal(registry.directory.certificate(stranger.id), undefined, "nobody is registered to be refused");
});
