import assert from "node:assert/strict";
import { test } from "node:test";

import { allow, ARN, newCa, newLeaf, newWorld } from "./world.test.ts";

const ca = await newCa("CN=Maker CA");
const [first, second] = [await newLeaf(ca, "CN=dev1"), await newLeaf(ca, "CN=dev2")];
const OWN = [
  allow("iot:Connect", `${ARN}:client/\${iot:Certificate.Subject.CommonName}`),
  allow(["iot:Publish", "iot:Receive"], `${ARN}:topic/\${iot:ClientId}/*`),
  allow("iot:Subscribe", `${ARN}:topicfilter/\${iot:ClientId}/*`),
];

/** Two devices, registered, active and connected under one policy. */
async function connectedWorld() {
  const world = newWorld();
  world.directory.putPolicy("own", ...OWN);
  for (const { id } of [first, second]) world.directory.put(id, { status: "ACTIVE", policies: ["own"] });
  const admissions = [await world.admit([first], "dev1"), await world.admit([second], "dev2")];
  const authorities = admissions.map((admission) => {
    assert.ok(admission.admit);
    return admission.authority;
  });
  return { ...world, authorities };
}

const session = (steps: readonly object[], clientId: string) =>
  steps.filter(
    (event) => "step" in event && event.step === "session-closed" && "clientId" in event && event.clientId === clientId,
  );

test("OE-23 two devices are connected at once, each with the rights of its own certificate", async () => {
  const { authorities } = await connectedWorld();
  const [one, two] = authorities;
  assert.deepEqual(one?.may("iot:Publish", "dev1/data"), { allowed: true });
  assert.deepEqual(two?.may("iot:Subscribe", "dev2/#"), { allowed: true });
  const verdict = one?.may("iot:Publish", "dev2/data");
  assert.ok(verdict && !verdict.allowed);
  assert.equal(verdict.cause, "policy-denies-publish");
  assert.deepEqual(verdict.evidence, {
    action: "iot:Publish",
    topic: "dev2/data",
    reason: "no-statement",
    policies: "own",
    certificateId: first.id,
    certificateArn: `${ARN}:cert/${first.id}`,
    region: "eu-west-1",
    account: "123456789012",
  });
});

test("every action that is denied has its own cause, and an explicit deny names its statement", async () => {
  const { authorities, directory } = await connectedWorld();
  const rows = [
    ["iot:Publish", "policy-denies-publish", "topic"],
    ["iot:Receive", "policy-denies-receive", "topic"],
    ["iot:Subscribe", "policy-denies-subscribe", "filter"],
    ["iot:RetainPublish", "policy-denies-retain", "topic"],
  ] as const;
  for (const [action, cause, key] of rows) {
    const verdict = authorities[0]?.may(action, "x");
    assert.ok(verdict?.allowed === false);
    assert.deepEqual([verdict.cause, verdict.evidence[key]], [cause, "x"]);
  }
  directory.putPolicy("own", ...OWN, {
    ...allow("iot:Publish", `${ARN}:topic/dev1/secret`),
    Effect: "Deny",
    Sid: "NoSecrets",
  });
  const verdict = authorities[0]?.may("iot:Publish", "dev1/secret");
  assert.ok(verdict?.allowed === false);
  const { reason, policy, statement } = verdict.evidence;
  assert.deepEqual({ reason, policy, statement }, { reason: "explicit-deny", policy: "own", statement: "NoSecrets" });
});

test("a thing's name counts only where the certificate is attached to the thing of the client's name", async () => {
  const { authorities, directory } = await connectedWorld();
  directory.putPolicy("own", ...OWN, allow("iot:RetainPublish", `${ARN}:topic/\${iot:Connection.Thing.ThingName}`));
  const may = () => authorities[0]?.may("iot:RetainPublish", "dev1").allowed;
  assert.equal(may(), false);
  directory.put(first.id, { things: ["dev2"] });
  assert.equal(may(), false);
  directory.put(first.id, { things: ["dev2", "dev1"] });
  assert.equal(may(), true);
});

test("a policy's new version counts from the next packet on, and the session stays while it may connect", async () => {
  const { authorities, directory, closed } = await connectedWorld();
  directory.putPolicy("own", OWN[0] ?? {});
  assert.equal(authorities[0]?.may("iot:Publish", "dev1/data").allowed, false);
  directory.putPolicy("more", allow("iot:Publish", "*"));
  directory.put(first.id, { policies: ["own", "more"] });
  assert.equal(authorities[0]?.may("iot:Publish", "dev1/data").allowed, true);
  assert.equal(authorities[1]?.may("iot:Publish", "dev2/data").allowed, false);
  assert.deepEqual(closed, []);
});

test("what was allowed before is asked again after a change, and more topics than are remembered stay allowed", async () => {
  const { authorities, directory } = await connectedWorld();
  const may = (topic: string) => authorities[0]?.may("iot:Publish", topic).allowed;
  for (let round = 0; round < 2; round++)
    for (let i = 0; i < 100; i++) {
      assert.equal(may(`dev1/${i}`), true);
      assert.equal(may(`dev2/${i}`), false);
    }
  assert.equal(authorities[0]?.may("iot:RetainPublish", "dev1/1").allowed, false, "another action");
  directory.putPolicy("own", OWN[0] ?? {});
  assert.equal(may("dev1/99"), false);
  directory.putPolicy("own", ...OWN);
  assert.equal(may("dev1/99"), true);
  directory.put(first.id, { status: "INACTIVE" });
  assert.equal(may("dev1/99"), false);
});

test("a session is closed at once when its certificate leaves ACTIVE, and its authority is void", async () => {
  for (const [status, cause] of [
    ["INACTIVE", "certificate-inactive"],
    ["REVOKED", "certificate-revoked"],
    [undefined, "certificate-inactive"],
  ] as const) {
    const { authorities, directory, closed, live, ledger } = await connectedWorld();
    if (status) directory.put(first.id, { status });
    else directory.setCertificate(first.id, undefined);
    assert.deepEqual(closed, [{ clientId: "dev1", cause }]);
    assert.deepEqual([...live.keys()], ["dev2"]);
    const verdict = authorities[0]?.may("iot:Publish", "dev1/data");
    assert.ok(verdict?.allowed === false);
    assert.equal(verdict.cause, cause);
    assert.equal(session(ledger.events(), "dev1").length, 1);
    assert.equal(session(ledger.events(), "dev2").length, 0);
  }
});

test("a session is closed at once when its policy is detached or no longer allows the connection", async () => {
  const detached = await connectedWorld();
  detached.directory.put(first.id, { policies: [] });
  assert.deepEqual(detached.closed, [{ clientId: "dev1", cause: "no-policy" }]);
  const changed = await connectedWorld();
  changed.directory.putPolicy("own", ...OWN, { ...allow("iot:Connect", `${ARN}:client/dev2`), Effect: "Deny" });
  assert.deepEqual(changed.closed, [{ clientId: "dev2", cause: "policy-denies-connect" }]);
  changed.gatekeeper.close();
  changed.directory.put(first.id, { status: "REVOKED" });
  assert.equal(changed.closed.length, 1, "no longer listening");
});

test("a session that the broker was just making when its certificate was revoked is closed a moment later", async () => {
  const { directory, closed, live, clock } = await connectedWorld();
  const owner = live.get("dev1");
  assert.ok(owner);
  live.delete("dev1");
  directory.put(first.id, { status: "REVOKED" });
  assert.deepEqual(closed, []);
  live.set("dev1", owner);
  clock.advance(1000);
  assert.deepEqual(closed, [{ clientId: "dev1", cause: "certificate-revoked" }]);
});

test("connected is told once while a client keeps coming back, and again after it was refused", async () => {
  const { admit, directory, ledger } = await connectedWorld();
  const connected = () =>
    ledger
      .events({ certificate: first.id })
      .filter((event) => event.kind === "onboarding" && event.step === "connected").length;
  await admit([first], "dev1");
  assert.equal(connected(), 1);
  directory.put(first.id, { status: "INACTIVE" });
  await admit([first], "dev1");
  directory.put(first.id, { status: "ACTIVE" });
  await admit([first], "dev1");
  assert.equal(connected(), 2);
});

test("authorities of sessions that are gone are swept out, those of live and of new sessions stay", async () => {
  const { admit, directory, live, clock, closed, ledger } = await connectedWorld();
  directory.putPolicy("own", allow("iot:Connect", "*"));
  for (let i = 0; i < 1021; i++) {
    await admit([first], `past${i}`);
    live.delete(`past${i}`);
  }
  clock.advance(61_000);
  await admit([first], "new");
  const connected = () => ledger.events({ kinds: ["onboarding"] }).length;
  const before = connected();
  await admit([first], "new");
  await admit([first], "dev1");
  assert.equal(connected(), before, "both are still known");
  await admit([first], "past0");
  assert.equal(connected(), before + 1, "was forgotten");
  directory.put(first.id, { status: "REVOKED" });
  assert.deepEqual(closed.map(({ clientId }) => clientId).toSorted(), ["dev1", "new", "past0"]);
});

test("a thing inherits its groups' policies and those above, and loses its session with the last that let it in", async () => {
  const world = newWorld();
  const { directory, closed } = world;
  directory.putPolicy("connect", allow("iot:Connect", "*"));
  directory.putPolicy("publish", allow("iot:Publish", "*"));
  directory.groups.setGroup("root", { name: "root", parent: undefined, policies: ["connect"] });
  directory.groups.setGroup("leaf", { name: "leaf", parent: "root", policies: [] });
  directory.groups.setGroupsOf("dev1", ["leaf"]);
  directory.put(first.id, { status: "ACTIVE", things: ["dev1"] });
  directory.put(second.id, { status: "ACTIVE" });
  const refused = await world.admit([second], "dev2");
  assert.equal(refused.admit, false);
  const admission = await world.admit([first], "dev1");
  assert.ok(admission.admit);
  const may = () => admission.authority.may("iot:Publish", "x").allowed;
  assert.equal(may(), false);
  directory.groups.setGroup("leaf", { name: "leaf", parent: "root", policies: ["publish"] });
  assert.equal(may(), true);
  assert.deepEqual(closed, []);
  directory.groups.setGroupsOf("dev1", []);
  assert.deepEqual(closed, [{ clientId: "dev1", cause: "no-policy" }]);
  assert.equal(may(), false);
});
