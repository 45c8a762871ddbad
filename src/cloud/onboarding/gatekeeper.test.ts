import assert from "node:assert/strict";
import { test } from "node:test";

import { DecodeError } from "../../codec/index.ts";
import { nodeVerifier } from "../../crypto/node.ts";
import { NO_EXPIRY, type Certificate } from "../../pki/index.ts";
import type { Admission } from "../broker/index.ts";
import { why } from "../why/index.ts";
import { OnboardingGatekeeper, type OnboardingCause } from "./index.ts";
import { ACCOUNT, allow, ARN, newCa, newLeaf, newSigner, newWorld, NOW, type World } from "./world.test.ts";

const DAY = 86_400_000;
const ca = await newCa("CN=Maker CA");
const leaf = await newLeaf(ca, "CN=dev1");

const causeOf = (admission: Admission) => (admission.admit ? "admitted" : admission.cause);
const steps = ({ ledger }: World) =>
  ledger.events({ kinds: ["onboarding"] }).map((event) => (event.kind === "onboarding" ? event.step : ""));
const lastRefusal = ({ ledger }: World) => {
  const event = ledger.events({ kinds: ["refusal"] }).at(-1);
  assert.ok(event?.kind === "refusal");
  return event;
};
/** What the activation function does. */
const activate = ({ directory }: World, { id }: Certificate, ...statements: object[]) => {
  directory.putPolicy("device", ...statements);
  directory.put(id, { policies: ["device"] });
  directory.put(id, { status: "ACTIVE" });
};

test("AW-41 AW-42 AW-51 AW-53 AW-54 a first connect registers the certificate as PENDING_ACTIVATION and publishes the event", async () => {
  const world = newWorld();
  world.directory.addCa(ca);
  const admission = await world.admit([leaf, ca.certificate]);
  assert.deepEqual(admission, { admit: false, cause: "certificate-pending", reply: "close" });
  assert.equal(world.directory.certificate(leaf.id)?.status, "PENDING_ACTIVATION");
  assert.equal(world.directory.certificate(leaf.id)?.caId, ca.certificate.id);
  assert.equal(world.published.length, 1);
  assert.equal(world.published[0]?.topic, `$aws/events/certificates/registered/${ca.certificate.id}`);
  assert.equal(world.published[0]?.qos, 1);
  assert.equal(
    new TextDecoder().decode(world.published[0]?.payload),
    `{"certificateId":"${leaf.id}","caCertificateId":"${ca.certificate.id}","timestamp":${NOW},` +
      `"certificateStatus":"PENDING_ACTIVATION","awsAccountId":"123456789012","certificateRegistrationTimestamp":null}`,
  );
  assert.deepEqual(steps(world), ["registered", "event-published", "connection-dropped"]);
  const { cause, device, connection, certificate, address } = lastRefusal(world);
  assert.deepEqual(
    { cause, device, connection, certificate, address },
    { cause: "certificate-pending", device: "dev1", connection: "c1", certificate: leaf.id, address: "192.0.2.7" },
  );
});

test("AW-53 AW-55 every further connect fails and publishes the event again, with the time of registration as text", async () => {
  const world = newWorld();
  world.directory.addCa(ca);
  await world.admit([leaf]);
  world.clock.advance(5000.5);
  assert.equal(causeOf(await world.admit([leaf])), "certificate-pending");
  assert.equal(causeOf(await world.admit([leaf])), "certificate-pending");
  assert.deepEqual(world.registrations, [leaf.id]);
  assert.equal(world.published.length, 3);
  const event = JSON.parse(new TextDecoder().decode(world.published[2]?.payload)) as Record<string, unknown>;
  assert.equal(event["timestamp"], NOW + 5000);
  assert.equal(event["certificateRegistrationTimestamp"], String(NOW));
});

test("AW-53 nothing is published and nothing registered while auto-registration is off", async () => {
  const world = newWorld();
  world.directory.addCa(ca, { autoRegistration: "DISABLE" });
  assert.deepEqual(await world.admit([leaf]), { admit: false, cause: "auto-registration-off", reply: "connack" });
  assert.deepEqual([world.published, world.registrations], [[], []]);
});

test("AW-63 the whole sequence: connect, registered, dropped, activated, reconnect succeeds", async () => {
  const world = newWorld();
  world.directory.addCa(ca);
  assert.equal(causeOf(await world.admit([leaf, ca.certificate])), "certificate-pending");
  activate(world, leaf, allow("iot:Connect", `${ARN}:client/\${iot:Certificate.Subject.CommonName}`));
  const admission = await world.admit([leaf, ca.certificate]);
  assert.ok(admission.admit);
  assert.equal(admission.authority.principalId, leaf.id);
  assert.deepEqual(steps(world), ["registered", "event-published", "connection-dropped", "connected"]);
  assert.equal(why("dev1", world.ledger.events()).verdict, "resolved");
  assert.equal(causeOf(await world.admit([leaf], "dev2")), "policy-denies-connect");
});

test("concurrent first connects of one certificate make one record and one event; each is refused", async () => {
  const world = newWorld();
  world.directory.addCa(ca);
  const admissions = await Promise.all(Array.from({ length: 20 }, () => world.admit([leaf])));
  assert.deepEqual(new Set(admissions.map(causeOf)), new Set(["certificate-pending"]));
  assert.equal(world.registrations.length, 1);
  assert.equal(world.published.length, 1);
  assert.equal(world.ledger.events({ kinds: ["refusal"] }).length, 20);
});

test("a registration that fails refuses the connect, and the next connect tries again", async () => {
  const world = newWorld();
  world.directory.addCa(ca);
  let attempts = 0;
  const gatekeeper = new OnboardingGatekeeper({
    account: ACCOUNT,
    directory: world.directory,
    clock: world.clock,
    trace: world.ledger,
    verifier: nodeVerifier,
    broker: { publish: () => undefined, liveSessions: () => [], closeSessions: () => undefined },
    register: async () => {
      attempts++;
      throw new DecodeError("value", "disk full", 0);
    },
  });
  const peer = { connection: "c", address: "", certificates: [leaf.der], servername: undefined };
  const request = { clientId: "d", protocolVersion: 4, cleanStart: true, keepAliveS: 60, peer } as const;
  await assert.rejects(gatekeeper.admit(request), /disk full/);
  await assert.rejects(gatekeeper.admit(request), /disk full/);
  assert.equal(attempts, 2);
  assert.deepEqual(steps(world), []);
});

test("AW-52 each cause is found, told with its evidence, and explained by why", async () => {
  const other = await newCa("CN=Other CA");
  const sameName = await newCa("CN=Maker CA");
  const expired = await newLeaf(ca, "CN=old", { validity: { notBefore: NOW - 9 * DAY, notAfter: NOW - DAY } });
  const early = await newLeaf(ca, "CN=early", { validity: { notBefore: NOW + DAY, notAfter: NOW + 9 * DAY } });
  const server = await newLeaf(ca, "CN=server", { profile: "server", names: { dns: ["a.example"] } });
  const oldCa = await newCa("CN=Old CA", { validity: { notBefore: NOW - 9 * DAY, notAfter: NOW - DAY } });
  const forever = { notBefore: NOW - 8 * DAY, notAfter: Date.UTC(9999, 11, 31, 23, 59, 59) };
  const fromOldCa = await newLeaf(oldCa, "CN=dev1", { validity: forever });
  const forged = { ...leaf, der: leaf.der.map((byte, i) => (i === leaf.der.length - 1 ? byte ^ 1 : byte)) };
  const broken = { ...leaf, der: leaf.der.slice(0, -1) };
  type Row = [cause: OnboardingCause, chain: Certificate[], evidence: object, setUp?: (world: World) => void];
  const put = (change: object) => (world: World) => world.directory.put(leaf.id, change);
  const rows: Row[] = [
    ["no-client-certificate", [], {}],
    ["certificate-unacceptable", [broken], {}],
    ["certificate-unacceptable", [server], { fault: "extendedKeyUsage does not allow clientAuth" }],
    ["certificate-expired", [expired], { notAfter: "2026-05-31T00:00:00.000Z" }],
    ["certificate-not-yet-valid", [early], { notBefore: "2026-06-02T00:00:00.000Z" }],
    ["certificate-revoked", [leaf], { status: "REVOKED" }, put({ status: "REVOKED" })],
    ["certificate-inactive", [leaf], { status: "INACTIVE" }, put({ status: "INACTIVE" })],
    ["unknown-ca", [leaf], { issuer: "CN=Maker CA", caCertificatesSent: "" }],
    ["unknown-ca", [leaf], {}, ({ directory }) => directory.addCa(sameName)],
    ["unknown-ca", [forged], {}, ({ directory }) => directory.addCa(ca)],
    ["unknown-ca", [leaf, ca.certificate], { unregisteredIssuerId: ca.certificate.id }],
    ["unknown-ca", [leaf, leaf], { caCertificatesSent: "" }],
    ["wrong-issuer-sent", [leaf, other.certificate], { caCertificatesSent: "CN=Other CA" }],
    ["wrong-issuer-sent", [leaf, sameName.certificate], { caCertificatesSent: "CN=Maker CA" }],
    [
      "ca-inactive",
      [leaf],
      { caCertificateId: ca.certificate.id, caStatus: "INACTIVE" },
      ({ directory }) => directory.addCa(ca, { status: "INACTIVE" }),
    ],
    [
      "ca-expired",
      [fromOldCa],
      { caCertificateId: oldCa.certificate.id, caNotAfter: "2026-05-31T00:00:00.000Z" },
      ({ directory }) => directory.addCa(oldCa),
    ],
    [
      "auto-registration-off",
      [leaf],
      { autoRegistration: "DISABLE" },
      ({ directory }) => directory.addCa(ca, { autoRegistration: "DISABLE" }),
    ],
    ["no-policy", [leaf], { reason: "no-policy", certificateArn: `${ARN}:cert/${leaf.id}` }, put({ status: "ACTIVE" })],
    [
      "policy-denies-connect",
      [leaf],
      { action: "iot:Connect", clientId: "dev1", reason: "no-statement", policies: "device" },
      (world) => activate(world, leaf, allow("iot:Publish", "*")),
    ],
  ];
  for (const [cause, chain, evidence, setUp] of rows) {
    const world = newWorld();
    setUp?.(world);
    assert.deepEqual(await world.admit(chain), { admit: false, cause, reply: "connack" }, cause);
    const refusal = lastRefusal(world);
    assert.equal(refusal.cause, cause);
    for (const [name, value] of Object.entries(evidence))
      assert.equal(refusal.evidence[name], value, `${cause} ${name}`);
    assert.equal(why("dev1", world.ledger.events()).findings[0]?.cause, cause);
    assert.equal(
      why(
        "dev1",
        world.ledger.events().filter((event) => event !== refusal),
      ).verdict,
      "unknown",
    );
    assert.deepEqual([world.published, world.registrations], [[], []], cause);
  }
  assert.deepEqual(new Set(rows.map(([cause]) => cause)).size, 13, "all causes of OnboardingCause");
});

test("the issuer is found by signature among ten CAs of one name, and the chain decides between CAs with one key", async () => {
  const world = newWorld();
  for (let i = 0; i < 9; i++) world.directory.addCa(await newCa("CN=Maker CA"));
  world.directory.addCa(ca);
  assert.equal(causeOf(await world.admit([leaf])), "certificate-pending");
  assert.equal(world.directory.certificate(leaf.id)?.caId, ca.certificate.id);
  // A renewed CA certificate has the same name and key.
  const signer = newSigner();
  const [old, renewed] = [await newCa("CN=Twin CA", {}, signer), await newCa("CN=Twin CA", {}, signer)];
  world.directory.addCa(old, { status: "INACTIVE" });
  world.directory.addCa(renewed);
  const twin = await newLeaf(old, "CN=twin");
  assert.equal(causeOf(await world.admit([twin, old.certificate])), "ca-inactive");
  assert.equal(causeOf(await world.admit([twin])), "certificate-pending");
  assert.equal(world.directory.certificate(twin.id)?.caId, renewed.certificate.id);
});

test("a pending certificate is not offered again once its CA was withdrawn", async () => {
  const world = newWorld();
  world.directory.addCa(ca);
  await world.admit([leaf]);
  world.directory.addCa(ca, { status: "INACTIVE" });
  assert.equal(causeOf(await world.admit([leaf])), "ca-inactive");
  assert.equal(world.published.length, 1);
});

test("an MQTT 5 client is told of its refusal with CONNACK", async () => {
  const world = newWorld();
  world.directory.addCa(ca);
  const admission = await world.admit([leaf], "dev1", { protocolVersion: 5 });
  assert.deepEqual(admission, { admit: false, cause: "certificate-pending", reply: "connack" });
});

test("why explains the expected first drop with what happened around it, and a cure that can be pasted", async () => {
  const world = newWorld();
  world.directory.addCa(ca);
  await world.admit([leaf]);
  const [finding] = why(leaf.id.slice(0, 12), world.ledger.events()).findings;
  assert.match(finding?.cure ?? "", new RegExp(`update-certificate --certificate-id ${leaf.id} --new-status ACTIVE`));
  assert.deepEqual(
    finding?.story.map(({ text }) => text.split(":")[0]),
    [
      "certificate registered as PENDING_ACTIVATION",
      "registration event published",
      "connection dropped, as always before activation",
    ],
  );
});

test("a device is turned away once what its coming set in motion has ended, or after a second", async () => {
  const world = newWorld();
  world.directory.addCa(ca);
  let end = (): void => undefined;
  const asked: string[] = [];
  world.gatekeeper.holdFor((certificateId) => {
    asked.push(certificateId);
    return new Promise((resolve) => (end = resolve));
  });
  const answers: string[] = [];
  const knock = () => void world.admit([leaf]).then((admission) => answers.push(causeOf(admission)));
  const settle = () => new Promise<void>((resolve) => void setImmediate(resolve));
  knock();
  while (asked.length < 1) await settle();
  assert.deepEqual(steps(world), ["registered", "event-published", "connection-dropped"], "told at once");
  assert.deepEqual([asked, answers], [[leaf.id], []]);
  end();
  await settle();
  assert.deepEqual(answers, ["certificate-pending"], "never admitted by the same CONNECT");
  knock();
  while (asked.length < 2) await settle();
  world.clock.advance(999);
  await settle();
  assert.equal(answers.length, 1);
  world.clock.advance(1);
  await settle();
  assert.deepEqual(answers, ["certificate-pending", "certificate-pending"]);
  world.gatekeeper.holdFor(() => undefined);
  assert.equal(causeOf(await world.admit([leaf])), "certificate-pending", "nobody acts: nothing to wait for");
});

test("a CA that has expired registers nobody unless that is allowed, and the devices that it registered stay in", async () => {
  for (const expiredCasRegister of [false, true]) {
    const world = newWorld({ expiredCasRegister });
    const ca = await newCa("CN=Old", { validity: { notBefore: NOW - 20 * DAY, notAfter: NOW - DAY } });
    world.directory.addCa(ca);
    const leaf = await newLeaf(ca, "CN=d", { validity: { notBefore: NOW - 10 * DAY, notAfter: NO_EXPIRY } });
    const refused = await world.admit([leaf]);
    assert.equal(refused.admit ? "" : refused.cause, expiredCasRegister ? "certificate-pending" : "ca-expired");
    assert.equal(world.registrations.length, expiredCasRegister ? 1 : 0);
    world.directory.putPolicy("all", allow("iot:*", "*"));
    world.directory.put(leaf.id, { status: "ACTIVE", caId: ca.certificate.id, policies: ["all"] });
    assert.equal((await world.admit([leaf])).admit, true);
  }
});
