/** The gatekeeper between the real registry and the real broker: what a client at the other end of the wire sees. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import type { Certificate } from "../../pki/index.ts";
import { World } from "../broker/harness.test.ts";
import { newLeaf, newWorld, registeredCa } from "../registry/fixtures.test.ts";
import { attachPolicy, createPolicy, iotArn, updateCertificate, type Registry } from "../registry/index.ts";
import { why } from "../why/index.ts";
import { accessTo, gatekeeperOf } from "./index.ts";
import { DEVICE_POLICIES } from "./node-activation-function.ts";

async function newCloud(t: TestContext) {
  const { registry: base } = await newWorld(t);
  const shown = new Map<string, Certificate>();
  // Writing to disk takes real time, which the harness's `settle` knows nothing of: `decided` waits for it.
  const decisions: Promise<unknown>[] = [];
  const world: World = new World({
    admit: (request) => {
      const certificate = shown.get(request.clientId);
      const peer = { ...request.peer, certificates: certificate ? [certificate.der] : [] };
      const admission = gatekeeper.admit({ ...request, peer });
      decisions.push(admission);
      return admission;
    },
  });
  const registry: Registry = { ...base, trace: world.ledger };
  const gatekeeper = gatekeeperOf(
    registry,
    accessTo(() => world.broker),
  );
  t.after(() => gatekeeper.close());
  const connect = async (certificate: Certificate, clientId: string, version: 4 | 5 = 4) => {
    shown.set(clientId, certificate);
    const client = world.client(version);
    await client.send({ cmd: "connect", clientId, clean: true, keepalive: 60, protocolVersion: version });
    await Promise.all(decisions);
    await world.settle();
    return client;
  };
  const activate = async ({ id }: Certificate, policy: string) => {
    await attachPolicy(registry, policy, iotArn(registry.account, "cert", id));
    await updateCertificate(registry, id, "ACTIVE");
  };
  await createPolicy(registry, "own-name", DEVICE_POLICIES["own-name"]);
  await createPolicy(registry, "any-name", DEVICE_POLICIES["any-name"]);
  return { registry, world, connect, activate };
}

test("AW-41 AW-51 AW-54 AW-63 over the broker: the client is dropped without CONNACK, subscribers hear of it, and it gets in once it is ACTIVE", async (t) => {
  const { registry, world, connect, activate } = await newCloud(t);
  const issuer = await registeredCa(registry);
  const [watcher, device] = [await newLeaf({ issuer, name: "watcher" }), await newLeaf({ issuer, name: "dev1" })];
  await connect(watcher, "watcher");
  await activate(watcher, "any-name");
  const watching = await connect(watcher, "watcher");
  await watching.subscribe("$aws/events/certificates/registered/+");

  const dropped = await connect(device, "dev1");
  assert.deepEqual([dropped.take(), dropped.ended], [[], "end"]);
  const [message] = watching.takeAll("publish");
  assert.equal(message?.topic, `$aws/events/certificates/registered/${issuer.certificate.id}`);
  assert.equal(message.qos, 1);
  const event = JSON.parse(String(message.payload)) as Record<string, unknown>;
  assert.deepEqual([event["certificateId"], event["certificateStatus"]], [device.id, "PENDING_ACTIVATION"]);

  await activate(device, "own-name");
  const connected = await connect(device, "dev1");
  assert.equal(connected.takeAll("connack")[0]?.returnCode, 0);
  await connected.publish("dev1/reading", "21", { qos: 1 });
  assert.equal(connected.takeAll("puback").length, 1);
  assert.equal(why("dev1", world.ledger.events()).verdict, "resolved");
});

test("AW-55 over the broker: an MQTT 5 client is told, and a revoked one is disconnected at once", async (t) => {
  const { registry, world, connect, activate } = await newCloud(t);
  const issuer = await registeredCa(registry);
  const device = await newLeaf({ issuer, name: "dev1" });
  const refused = await connect(device, "dev1", 5);
  assert.equal(refused.takeAll("connack")[0]?.reasonCode, 0x87);
  await activate(device, "own-name");
  const connected = await connect(device, "dev1", 5);
  assert.equal(connected.takeAll("connack")[0]?.reasonCode, 0);
  await updateCertificate(registry, device.id, "REVOKED");
  assert.equal(connected.takeAll("disconnect")[0]?.reasonCode, 0x87);
  assert.equal(connected.ended, "end");
  const answer = why("dev1", world.ledger.events());
  assert.deepEqual([answer.verdict, answer.findings[0]?.cause], ["refused", "certificate-revoked"]);
});

test("OE-23 over the broker: a publish that no policy allows ends the connection, and why names topic and cure", async (t) => {
  const { registry, world, connect, activate } = await newCloud(t);
  const issuer = await registeredCa(registry);
  const clients = [];
  for (const name of ["dev1", "dev2"]) {
    const device = await newLeaf({ issuer, name });
    await connect(device, name);
    await activate(device, "own-name");
    clients.push(await connect(device, name));
  }
  const [one, two] = clients;
  await one?.publish("dev2/reading", "21");
  assert.equal(one?.ended, "end");
  await two?.publish("dev2/reading", "21", { qos: 1 });
  assert.deepEqual([two?.takeAll("puback").length, two?.ended], [1, undefined]);
  const [finding] = why("dev1", world.ledger.events()).findings;
  assert.equal(finding?.cause, "policy-denies-publish");
  const { region, id } = registry.account;
  assert.match(finding.cure, new RegExp(`arn:aws:iot:${region}:${id}:topic/dev2/reading`));
});
