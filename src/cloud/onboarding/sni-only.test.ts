import assert from "node:assert/strict";
import { test } from "node:test";

import { certificateToPem, type Certificate } from "../../pki/index.ts";
import { newCa as newRegistryCa, newWorld as newRegistryWorld, registrationOf } from "../registry/fixtures.test.ts";
import { describeCa, registerCa } from "../registry/index.ts";
import { allow, newCa, newLeaf, newWorld } from "./world.test.ts";

const OURS = "iot.example";

/** How a client with this certificate fares: the cause of its refusal, or that it was let in. */
async function fateOf(world: ReturnType<typeof newWorld>, servername: string | undefined, { der }: Certificate) {
  const peer = { connection: "c", address: "192.0.2.7", certificates: [der], servername };
  const admission = await world.gatekeeper.admit({
    clientId: "d",
    protocolVersion: 5,
    cleanStart: true,
    keepAliveS: 60,
    peer,
  });
  return { result: admission.admit ? "admitted" : admission.cause, mayFinish: world.gatekeeper.mayFinish(peer) };
}

test("T-23 a device of an SNI_ONLY CA names the account's server, needs not send its CA, and registers itself just in time", async () => {
  const world = newWorld({ isOurName: (name) => name === OURS });
  const ca = await newCa("CN=Shared CA");
  world.directory.addCa(ca, { mode: "SNI_ONLY" });
  const leaf = await newLeaf(ca, "CN=d");
  for (const servername of [undefined, "other.example"]) {
    assert.equal((await fateOf(world, servername, leaf)).result, "sni-required");
    assert.equal(world.registrations.length, 0, "whoever means another account leaves no record here");
  }
  assert.equal(world.ledger.events({ kinds: ["refusal"] }).length, 2);
  assert.equal((await fateOf(world, OURS, leaf)).result, "certificate-pending");
  assert.deepEqual(world.registrations, [leaf.id]);
  assert.equal(world.published.length, 1);

  world.directory.putPolicy("all", allow("iot:*", "*"));
  world.directory.put(leaf.id, { status: "ACTIVE", mode: "SNI_ONLY", policies: ["all"] });
  assert.deepEqual(await fateOf(world, undefined, leaf), { result: "sni-required", mayFinish: false });
  assert.deepEqual(await fateOf(world, OURS, leaf), { result: "admitted", mayFinish: true });
});

test("T-23 a device of a DEFAULT CA, and one that was registered without a CA, is known by its certificate alone", async () => {
  const world = newWorld({ isOurName: (name) => name === OURS });
  world.directory.putPolicy("all", allow("iot:*", "*"));
  const ca = await newCa("CN=Own CA");
  world.directory.addCa(ca);
  const [mine, foreign] = [await newLeaf(ca, "CN=mine"), await newLeaf(await newCa("CN=Elsewhere"), "CN=foreign")];
  world.directory.put(mine.id, { status: "ACTIVE", caId: ca.certificate.id, policies: ["all"] });
  world.directory.put(foreign.id, { status: "ACTIVE", mode: "SNI_ONLY", policies: ["all"] });
  for (const servername of [undefined, "any.example", OURS]) {
    for (const leaf of [mine, foreign])
      assert.deepEqual(await fateOf(world, servername, leaf), { result: "admitted", mayFinish: true });
  }
  // A CA that is gone leaves its devices as they were registered.
  const gone = await newLeaf(await newCa("CN=Gone CA"), "CN=gone");
  world.directory.put(gone.id, { status: "ACTIVE", mode: "SNI_ONLY", caId: "ab".repeat(32), policies: ["all"] });
  assert.equal((await fateOf(world, undefined, gone)).result, "sni-required");
  assert.equal((await fateOf(world, OURS, gone)).result, "admitted");
});

test("T-23 RegisterCACertificate takes no proof in SNI_ONLY mode and says so, and several accounts may have one CA", async (t) => {
  const ca = await newRegistryCa("Shared");
  const [one, two] = [await newRegistryWorld(t), await newRegistryWorld(t)];
  const caCertificate = certificateToPem(ca.certificate);
  for (const { registry } of [one, two]) {
    const id = await registerCa(registry, { caCertificate, mode: "SNI_ONLY", setAsActive: true });
    const { mode, status } = await describeCa(registry, id);
    assert.deepEqual([mode, status], ["SNI_ONLY", "ACTIVE"]);
  }
  await assert.rejects(registerCa(one.registry, await registrationOf(one.registry, ca)), { code: "resource-exists" });
  const other = await newRegistryCa("Other");
  const proven = await registrationOf(one.registry, other);
  await assert.rejects(registerCa(one.registry, { ...proven, mode: "SNI_ONLY" }), { code: "invalid-request" });
});
