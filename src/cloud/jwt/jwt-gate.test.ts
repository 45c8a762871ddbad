import assert from "node:assert/strict";
import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { test, type TestContext } from "node:test";

import fc from "fast-check";
import { SignJWT, type JWTHeaderParameters, type JWTPayload } from "jose";

import { fromBase64, toBase64, utf8Bytes } from "../../codec/index.ts";
import { nodeSigner } from "../../crypto/node.ts";
import { certificateToPem, type Certificate, type Issuer } from "../../pki/index.ts";
import type { Admission } from "../broker/index.ts";
import { gatekeeperOf } from "../onboarding/index.ts";
import { newCa, newLeaf, newWorld } from "../registry/fixtures.test.ts";
import {
  attachPolicy,
  createPolicy,
  createThing,
  attachThingPrincipal,
  iotArn,
  registerCertificateWithoutCa,
  updateCertificate,
} from "../registry/index.ts";
import { DeviceRegistries, JwtGate } from "./index.ts";

const POLICY = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:*","Resource":"*"}]}`;
const HOUR = 3600;

type Device = { readonly key: KeyObject; readonly certificate: Certificate };

async function newDevice(issuer: Issuer, name = "dev1"): Promise<Device> {
  const { privateKey: key } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { key, certificate: await newLeaf({ issuer, name, publicKey: nodeSigner(key).publicKey }) };
}

/** A cloud with the registry "sensors" and nobody registered yet. */
async function world(t: TestContext, order: { autoRegister?: boolean; derSignatures?: boolean } = {}) {
  const { registry, ledger, clock } = await newWorld(t);
  const ca = await newCa("JWT_CA");
  await createPolicy(registry, "device", POLICY, []);
  const registries = await DeviceRegistries.open(registry);
  await registries.create("sensors", {
    caCertificates: certificateToPem(ca.certificate),
    policies: ["device"],
    ...order,
  });
  const expired: string[] = [];
  const none = { publish: () => undefined, closeSessions: () => undefined, liveSessions: () => [].values() };
  const next = gatekeeperOf(registry, none);
  const gate = new JwtGate({ registries, registry, next, expired: ({ clientId }) => expired.push(clientId) });
  t.after(() => {
    gate.close();
    next.close();
  });
  const now = () => Math.floor(clock.now() / 1000);
  const peer = { connection: "c1", address: "192.0.2.7", certificates: [], servername: undefined };
  const connect = (token: string, clientId = "dev1") =>
    gate.admit({
      clientId,
      protocolVersion: 5,
      cleanStart: true,
      keepAliveS: 60,
      username: "unused",
      password: utf8Bytes(token),
      peer,
    });
  const enrol = async ({ certificate }: Device, thing = "dev1") => {
    await registerCertificateWithoutCa(registry, { certificatePem: certificateToPem(certificate), status: "ACTIVE" });
    await createThing(registry, thing, {});
    await attachThingPrincipal(registry, thing, { principal: iotArn(registry.account, "cert", certificate.id) });
    await attachPolicy(registry, "device", iotArn(registry.account, "cert", certificate.id));
  };
  return { registry, registries, ledger, clock, ca, gate, now, connect, enrol, expired, peer };
}

type Shape = {
  readonly header?: Partial<JWTHeaderParameters>;
  readonly claims?: JWTPayload;
  readonly without?: string;
};

function tokenOf({ key }: Device, now: number, { header, claims, without }: Shape = {}): Promise<string> {
  const all = { aud: "sensors", iat: now, exp: now + HOUR, ...claims };
  const payload = Object.fromEntries(Object.entries(all).filter(([name]) => name !== without));
  return new SignJWT(payload).setProtectedHeader({ alg: "ES256", typ: "JWT", ...header }).sign(key);
}

const causeOf = (admission: Admission) => (admission.admit ? "admitted" : admission.cause);
const x5c = (...certificates: readonly Certificate[]) => ({
  header: { x5c: certificates.map(({ der }) => toBase64(der)) },
});

test("MQ-21 MQ-23 MQ-42 MQ-55 a registered device logs in by a token, named by its thing, its kid or its sub", async (t) => {
  const { ca, connect, enrol, now, clock, expired, ledger } = await world(t);
  const device = await newDevice(ca);
  await enrol(device);
  const { id } = device.certificate;
  const shapes: readonly [Shape, string][] = [
    [{}, "dev1"],
    [{ header: { kid: id } }, "anything"],
    [{ claims: { sub: id } }, "anything"],
    [{ claims: { sub: "dev1" } }, "anything"],
    [{ claims: { aud: ["elsewhere", "sensors"] } }, "dev1"],
  ];
  for (const [shape, clientId] of shapes) {
    const admission = await connect(await tokenOf(device, now(), shape), clientId);
    assert.ok(admission.admit, JSON.stringify(ledger.events({ kinds: ["refusal"] }).at(-1)));
    assert.equal(admission.authority.principalId, id);
    assert.equal(admission.authority.may("iot:Publish", "a").allowed, true);
  }
  clock.advance(HOUR * 1000);
  assert.deepEqual(expired.sort(), ["anything", "dev1"], "the session ends with the token");
});

test("a newer token puts off the end of the session", async (t) => {
  const { ca, connect, enrol, now, clock, expired } = await world(t);
  const device = await newDevice(ca);
  await enrol(device);
  await connect(await tokenOf(device, now()));
  clock.advance((HOUR / 2) * 1000);
  await connect(await tokenOf(device, now()));
  clock.advance((HOUR / 2) * 1000);
  assert.deepEqual(expired, []);
  clock.advance((HOUR / 2) * 1000);
  assert.deepEqual(expired, ["dev1"]);
});

test("MQ-25 MQ-26 MQ-40 MQ-54 a certificate that comes along must be of the registry's CA; who may register is the registry's choice", async (t) => {
  const { ca, connect, now, registry } = await world(t, { autoRegister: true });
  const device = await newDevice(ca);
  const first = await connect(await tokenOf(device, now(), x5c(device.certificate)));
  assert.ok(first.admit);
  assert.equal(registry.directory.certificate(device.certificate.id)?.status, "ACTIVE");
  assert.deepEqual(registry.directory.certificate(device.certificate.id)?.policies, ["device"]);
  const stranger = await newDevice(await newCa("JWT_CA"));
  assert.equal(
    causeOf(await connect(await tokenOf(stranger, now(), x5c(stranger.certificate)))),
    "jwt-certificate-foreign",
  );

  const strict = await world(t);
  const unknown = await newDevice(strict.ca);
  const token = await tokenOf(unknown, strict.now(), x5c(unknown.certificate));
  assert.equal(causeOf(await strict.connect(token)), "jwt-certificate-unknown");
  await strict.enrol(unknown);
  assert.equal(causeOf(await strict.connect(token)), "admitted");
});

test("each fault of a token is refused with its own cause, told in the ledger", async (t) => {
  const { ca, connect, enrol, now, ledger, registry, clock } = await world(t);
  const device = await newDevice(ca);
  const other = await newDevice(ca, "other");
  await enrol(device);
  const at = now();
  const good = await tokenOf(device, at);
  const [header = "", claims = "", signature = ""] = good.split(".");
  const unsigned = `${toBase64(utf8Bytes('{"alg":"none"}')).replaceAll("=", "")}.${claims}.`;
  const cases: readonly [string, string][] = [
    [`${header}.${claims}.${"A".repeat(signature.length)}`, "jwt-signature"],
    [await tokenOf({ ...device, key: other.key }, at), "jwt-signature"],
    [`${header}.${toBase64(utf8Bytes("{}")).replaceAll("=", "")}.${signature}`, "jwt-audience"],
    [`${header}.AAAA.${signature}`, "jwt-malformed"],
    [unsigned, "jwt-algorithm"],
    [await tokenOf(device, at, { claims: { aud: "elsewhere" } }), "jwt-audience"],
    [await tokenOf(device, at, { claims: { exp: at - 1 } }), "jwt-expired"],
    [await tokenOf(device, at, { claims: { iat: at + 601, exp: at + 700 } }), "jwt-not-yet-valid"],
    [await tokenOf(device, at, { claims: { nbf: at + 60 } }), "jwt-not-yet-valid"],
    [await tokenOf(device, at, { claims: { exp: at + 25 * HOUR } }), "jwt-lifetime"],
    [await tokenOf(device, at, { without: "exp" }), "jwt-malformed"],
    [await tokenOf(device, at, { without: "iat" }), "jwt-malformed"],
    [await tokenOf(device, at, { header: { x5c: [toBase64(utf8Bytes("no certificate"))] } }), "jwt-malformed"],
  ];
  for (const [token, cause] of cases) {
    assert.equal(causeOf(await connect(token)), cause);
    const told = ledger.events({ kinds: ["refusal"] }).at(-1);
    assert.ok(told?.kind === "refusal" && told.cause === cause && told.device === "dev1");
  }
  assert.equal(causeOf(await connect(good, "nobody")), "jwt-certificate-unknown");
  const shared = await new SignJWT({ aud: "sensors", iat: at, exp: at + 60 })
    .setProtectedHeader({ alg: "HS256" })
    .sign(device.certificate.publicKey.der);
  assert.equal(causeOf(await connect(shared)), "jwt-algorithm", "a public key is no shared secret");
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  assert.equal(
    causeOf(await connect(await tokenOf({ ...device, key: privateKey }, at, { header: { alg: "RS256" } }))),
    "jwt-algorithm",
  );

  await updateCertificate(registry, device.certificate.id, "REVOKED");
  assert.equal(causeOf(await connect(good)), "certificate-revoked", "the certificate's own standing counts as ever");
  clock.advance(2 * HOUR * 1000);
  assert.equal(causeOf(await connect(good)), "jwt-expired");
});

test("a registry made with --der-signatures takes DER and raw signatures, others raw ones only", async (t) => {
  for (const derSignatures of [false, true]) {
    const { ca, connect, enrol, now } = await world(t, { derSignatures });
    const device = await newDevice(ca);
    await enrol(device);
    const good = await tokenOf(device, now());
    const signed = good.slice(0, good.lastIndexOf("."));
    const der = sign("sha256", utf8Bytes(signed), { key: device.key, dsaEncoding: "der" }).toString("base64url");
    assert.equal(causeOf(await connect(good)), "admitted");
    assert.equal(causeOf(await connect(`${signed}.${der}`)), derSignatures ? "admitted" : "jwt-signature");
  }
});

test("what is no token, and who shows a certificate, is decided on without tokens", async (t) => {
  const { gate, connect, ca, peer } = await world(t);
  assert.equal(causeOf(await connect("secret")), "no-client-certificate");
  assert.equal(causeOf(await connect(`eyJ${"a".repeat(20_000)}.a.a`)), "no-client-certificate", "too long for one");
  const { certificate } = await newDevice(ca);
  const withCertificate = { ...peer, certificates: [certificate.der] };
  const request = {
    clientId: "dev1",
    protocolVersion: 4,
    cleanStart: true,
    keepAliveS: 0,
    peer: withCertificate,
  } as const;
  assert.equal(causeOf(await gate.admit({ ...request, password: utf8Bytes("eyJh.eyJh.a") })), "unknown-ca");
});

test("a bearer credential is decided on alike, without a client id", async (t) => {
  const { gate, ca, enrol, now, peer } = await world(t);
  const device = await newDevice(ca);
  await enrol(device);
  const named = { header: { kid: device.certificate.id } };
  assert.equal(causeOf(await gate.authorize(peer, await tokenOf(device, now(), named))), "admitted");
  assert.equal(causeOf(await gate.authorize(peer, await tokenOf(device, now()))), "jwt-certificate-unknown");
  assert.equal(causeOf(await gate.authorize(peer, "no-token")), "jwt-malformed");
});

test("registries outlive the process, refuse a CA that defines another, certificates that are no CA, and unknown policies", async (t) => {
  const { registry, registries, ca } = await world(t);
  const pem = certificateToPem(ca.certificate);
  await assert.rejects(registries.create("sensors", { caCertificates: pem }), { code: "resource-exists" });
  await assert.rejects(
    registries.create("others", { caCertificates: pem }),
    /defines the device registry sensors already/,
  );
  const leaf = certificateToPem((await newDevice(ca)).certificate);
  await assert.rejects(registries.create("leaf", { caCertificates: leaf }), { code: "certificate-validation" });
  await assert.rejects(registries.create("none", { caCertificates: "" }), /1 to 5 certificates/);
  const another = certificateToPem((await newCa("Another")).certificate);
  await assert.rejects(registries.create("x", { caCertificates: another, policies: ["absent"] }), /absent/);
  const again = await DeviceRegistries.open(registry);
  assert.deepEqual(
    again.all().map(({ name, policies }) => [name, policies]),
    [["sensors", ["device"]]],
  );
  await again.delete("sensors");
  await assert.rejects(again.delete("sensors"), { code: "resource-not-found" });
  assert.equal((await DeviceRegistries.open(registry)).size, 0);
});

test("no token makes the gate throw", async (t) => {
  const { connect, now, ca } = await world(t);
  const device = await newDevice(ca);
  const [header = "", claims = "", signature = ""] = (await tokenOf(device, now())).split(".");
  assert.equal(fromBase64(signature.replaceAll("-", "+").replaceAll("_", "/") + "==").length, 64);
  const part = fc.oneof(
    fc.constantFrom(header, claims, signature),
    fc.base64String().map((text) => text.replaceAll("=", "")),
  );
  await fc.assert(
    fc.asyncProperty(part, part, part, async (a, b, c) => {
      const admission = await connect(`eyJ${a}.${b}.${c}`);
      assert.equal(admission.admit, false);
    }),
    { numRuns: 200 },
  );
});
