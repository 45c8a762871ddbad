import assert from "node:assert/strict";
import { test } from "node:test";

import type { Certificate } from "../../pki/index.ts";
import { allow, ARN, newCa, newLeaf, newWorld } from "./world.test.ts";

const ca = await newCa("CN=Maker CA");
const leaf = await newLeaf(ca, "CN=dev1");
const peerWith = (...chain: readonly Certificate[]) => ({
  connection: "c9",
  address: "192.0.2.7",
  certificates: chain.map(({ der }) => der),
  servername: undefined,
});

test("certificate-unregistered: a request over HTTPS registers nobody and publishes no event", async () => {
  const world = newWorld();
  world.directory.addCa(ca);
  const first = await world.gatekeeper.authorize(peerWith(leaf));
  assert.equal(first.admit ? "admitted" : first.cause, "certificate-unregistered");
  assert.deepEqual([world.registrations, world.published], [[], []]);
  world.directory.put(leaf.id, { status: "PENDING_ACTIVATION", caId: ca.certificate.id });
  const pending = await world.gatekeeper.authorize(peerWith(leaf));
  assert.equal(pending.admit ? "admitted" : pending.cause, "certificate-pending");
  assert.deepEqual(world.published, []);
});

test("a request over HTTPS needs an ACTIVE certificate and no right to connect; what it asks for is asked of its policies", async () => {
  const world = newWorld();
  world.directory.addCa(ca);
  world.directory.putPolicy("publisher", allow("iot:Publish", `${ARN}:topic/a`));
  world.directory.put(leaf.id, { status: "ACTIVE", policies: ["publisher"] });
  const admission = await world.gatekeeper.authorize(peerWith(leaf));
  assert.ok(admission.admit);
  assert.equal(admission.authority.may("iot:Publish", "a").allowed, true);
  assert.equal(admission.authority.may("iot:Publish", "b").allowed, false);
  const nobody = await world.gatekeeper.authorize(peerWith());
  assert.equal(nobody.admit ? "admitted" : nobody.cause, "no-client-certificate");
});

test("T-22 in the literal mode only an ACTIVE, valid certificate may finish its handshake; a reset registers as a CONNECT does", async () => {
  const world = newWorld();
  const { gatekeeper, directory } = world;
  directory.addCa(ca);
  assert.equal(gatekeeper.mayFinish(peerWith(leaf)), false);
  await gatekeeper.wasReset(peerWith(leaf));
  assert.deepEqual(world.registrations, [leaf.id]);
  assert.equal(world.published.length, 1);
  for (const [status, may] of [
    ["PENDING_ACTIVATION", false],
    ["INACTIVE", false],
    ["REVOKED", false],
    ["ACTIVE", true],
  ] as const) {
    directory.put(leaf.id, { status });
    assert.equal(gatekeeper.mayFinish(peerWith(leaf)), may, status);
  }
  assert.equal(gatekeeper.mayFinish(peerWith()), true, "who shows no certificate is asked for other credentials");
  const garbage = { ...peerWith(), certificates: [new Uint8Array([0x30, 0])] };
  assert.equal(gatekeeper.mayFinish(garbage), false);
  world.clock.advance(400 * 86_400_000);
  assert.equal(gatekeeper.mayFinish(peerWith(leaf)), false, "expired");
});
