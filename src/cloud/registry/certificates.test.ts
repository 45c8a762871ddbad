import assert from "node:assert/strict";
import { test } from "node:test";

import { certificateToPem } from "../../pki/index.ts";
import {
  attachPolicy,
  attachThingPrincipal,
  createPolicy,
  createThing,
  deleteCertificate,
  describeCertificate,
  detachThingPrincipal,
  iotArn,
  issuersOf,
  listCertificates,
  registerCa,
  registerCertificate,
  registerCertificateWithoutCa,
  registerPending,
  updateCa,
  updateCertificate,
  type AskedStatus,
  type CaEntry,
  type CertificateChange,
  type Registry,
} from "./index.ts";
import {
  newCa,
  newLeaf,
  newSigner,
  newWorld,
  POLICY,
  registeredCa,
  registrationOf,
  temporary,
} from "./fixtures.test.ts";

async function pemOf(...args: Parameters<typeof newLeaf>): Promise<string> {
  return certificateToPem(await newLeaf(...args));
}

function caOf(registry: Registry, id: string): CaEntry {
  return registry.directory.ca(id) ?? assert.fail("no such CA");
}

test("AW-41 AW-42 registerPending records a device once, PENDING_ACTIVATION, however often it knocks", async (t) => {
  const { registry } = await newWorld(t);
  const issuer = await registeredCa(registry);
  const ca = caOf(registry, issuer.certificate.id);
  const device = await newLeaf({ issuer });
  const knocks = await Promise.all([1, 2, 3].map(() => registerPending(registry, device, ca)));
  assert.deepEqual(
    knocks.map((each) => each.isNew),
    [true, false, false],
  );
  assert.deepEqual(knocks[2]?.entry, {
    id: device.id,
    status: "PENDING_ACTIVATION",
    mode: "DEFAULT",
    caId: ca.id,
    registeredAt: registry.clock.now(),
    policies: [],
    things: [],
  });
  assert.equal((await describeCertificate(registry, device.id)).pem, certificateToPem(device));
  await updateCertificate(registry, device.id, "ACTIVE");
  assert.equal((await registerPending(registry, device, ca)).entry.status, "ACTIVE");
});

test("registerCertificate takes a certificate that an ACTIVE registered CA signed, INACTIVE by default", async (t) => {
  const { registry } = await newWorld(t);
  const issuer = await registeredCa(registry);
  const id = await registerCertificate(registry, { certificatePem: await pemOf({ issuer }) });
  const row = await describeCertificate(registry, id);
  assert.deepEqual([row.status, row.ca_id, row.mode], ["INACTIVE", issuer.certificate.id, "DEFAULT"]);
  const active = await registerCertificate(registry, { certificatePem: await pemOf({ issuer }), status: "ACTIVE" });
  assert.equal(registry.directory.certificate(active)?.status, "ACTIVE");
});

test("registerCertificate refuses strangers, inactive CAs, duplicates and states that are not its own to give", async (t) => {
  const { registry } = await newWorld(t);
  const issuer = await registeredCa(registry);
  const certificatePem = await pemOf({ issuer });
  await registerCertificate(registry, { certificatePem });
  await assert.rejects(registerCertificate(registry, { certificatePem }), {
    code: "resource-exists",
    message: "The certificate is already provisioned or registered",
  });
  for (const status of ["PENDING_ACTIVATION", "PENDING_TRANSFER"] as const) {
    await assert.rejects(registerCertificate(registry, { certificatePem, status }), {
      code: "certificate-state",
      message: `Not allowed to register certificate with ${status} status`,
    });
  }
  const stranger = await pemOf({ issuer: await newCa("Stranger") });
  await assert.rejects(registerCertificate(registry, { certificatePem: stranger }), {
    code: "certificate-validation",
    message: "no registered CA signed this certificate; its issuer is CN=Stranger",
  });
  await updateCa(registry, issuer.certificate.id, { status: "INACTIVE" });
  await assert.rejects(registerCertificate(registry, { certificatePem: await pemOf({ issuer }) }), {
    code: "certificate-validation",
    message: /is INACTIVE; activate it first$/,
  });
  const old = { notBefore: Date.UTC(2024, 0, 1), notAfter: Date.UTC(2025, 0, 1) };
  await assert.rejects(registerCertificate(registry, { certificatePem: await pemOf({ issuer, validity: old }) }), {
    code: "certificate-validation",
    message: /^the certificate expired at 2025-01-01/,
  });
});

test("registerCertificate asks which CA it was where two share name and key: certificate-conflict", async (t) => {
  const { registry } = await newWorld(t);
  const signer = newSigner();
  const twins = [await newCa("Twin", signer), await newCa("Twin", signer)] as const;
  for (const twin of twins) {
    await registerCa(registry, { ...(await registrationOf(registry, twin)), setAsActive: true });
  }
  const certificatePem = await pemOf({ issuer: twins[0] });
  await assert.rejects(registerCertificate(registry, { certificatePem }), { code: "certificate-conflict" });
  const caCertificatePem = certificateToPem(twins[1].certificate);
  const id = await registerCertificate(registry, { certificatePem, caCertificatePem });
  assert.equal(registry.directory.certificate(id)?.caId, twins[1].certificate.id);
});

test("T-42 registerCertificateWithoutCa takes self-signed and CA certificates as plain device certificates, and checks a CA that it knows", async (t) => {
  const { registry } = await newWorld(t);
  const own = await newCa("Own");
  const id = await registerCertificateWithoutCa(registry, { certificatePem: certificateToPem(own.certificate) });
  const { ca_id, mode, status } = await describeCertificate(registry, id);
  assert.deepEqual({ ca_id, mode, status }, { ca_id: null, mode: "SNI_ONLY", status: "INACTIVE" });
  // A CA that came this way stands for itself: what it signed is a stranger's, until it is registered as a CA.
  assert.equal(registry.directory.counts.caCertificates, 0);
  assert.deepEqual(await issuersOf(registry, await newLeaf({ issuer: own })), []);
  const issuer = await registeredCa(registry);
  const known = await registerCertificateWithoutCa(registry, { certificatePem: await pemOf({ issuer }) });
  assert.equal(registry.directory.certificate(known)?.caId, issuer.certificate.id);
  const forged = await pemOf({ issuer: await newCa() });
  await assert.rejects(registerCertificateWithoutCa(registry, { certificatePem: forged }), {
    code: "certificate-validation",
    message: "a CA named CN=Test CA is registered, and its key did not sign this certificate",
  });
});

test("AW-55 updateCertificate follows the status machine in full", async (t) => {
  const { registry } = await newWorld(t);
  const issuer = await registeredCa(registry);
  const ca = caOf(registry, issuer.certificate.id);
  const statuses: AskedStatus[] = [
    "ACTIVE",
    "INACTIVE",
    "REVOKED",
    "PENDING_ACTIVATION",
    "PENDING_TRANSFER",
    "REGISTER_INACTIVE",
  ];
  for (const from of ["PENDING_ACTIVATION", "ACTIVE", "INACTIVE", "REVOKED", "born REVOKED"] as const) {
    for (const to of statuses) {
      const device = await newLeaf({ issuer });
      if (from === "born REVOKED") {
        await registerCertificate(registry, { certificatePem: certificateToPem(device), status: "REVOKED" });
      } else {
        await registerPending(registry, device, ca);
        if (from !== "PENDING_ACTIVATION") await updateCertificate(registry, device.id, from);
      }
      const outcome = await updateCertificate(registry, device.id, to).then(
        () => registry.directory.certificate(device.id)?.status,
        (error: { code: string }) => error.code,
      );
      const isAsked = to === "ACTIVE" || to === "INACTIVE" || to === "REVOKED";
      const isStuck = from === "born REVOKED" && to !== "REVOKED";
      assert.equal(outcome, !isAsked ? "invalid-request" : isStuck ? "certificate-state" : to, `${from} to ${to}`);
    }
  }
  await assert.rejects(updateCertificate(registry, "0".repeat(64), "ACTIVE"), { code: "resource-not-found" });
});

test("updateCertificate tells the listeners and the ledger what changed, and nothing where nothing did", async (t) => {
  const { registry, ledger } = await newWorld(t);
  const issuer = await registeredCa(registry);
  const device = await newLeaf({ issuer });
  await registerPending(registry, device, caOf(registry, issuer.certificate.id));
  const heard: CertificateChange[] = [];
  const end = registry.directory.certificateChanges.add((change) => heard.push(change));
  await updateCertificate(registry, device.id, "ACTIVE");
  await updateCertificate(registry, device.id, "ACTIVE");
  await updateCertificate(registry, device.id, "REVOKED");
  end();
  await updateCertificate(registry, device.id, "INACTIVE");
  assert.deepEqual(
    heard.map(({ id, before, after }) => [id, before?.status, after?.status]),
    [
      [device.id, "PENDING_ACTIVATION", "ACTIVE"],
      [device.id, "ACTIVE", "REVOKED"],
    ],
  );
  const steps = ledger.events({ kinds: ["onboarding"], certificate: device.id });
  assert.deepEqual(
    steps.map((event) => event.kind === "onboarding" && [event.step, event.detail, event.caCertificate]),
    [
      ["activated", "PENDING_ACTIVATION to ACTIVE", issuer.certificate.id],
      ["deactivated", "ACTIVE to REVOKED", issuer.certificate.id],
      ["deactivated", "REVOKED to INACTIVE", issuer.certificate.id],
    ],
  );
});

test("deleteCertificate refuses ACTIVE certificates and attached ones in AWS's words", async (t) => {
  const { registry } = await newWorld(t);
  const issuer = await registeredCa(registry);
  const id = await registerCertificate(registry, { certificatePem: await pemOf({ issuer }), status: "ACTIVE" });
  const arn = iotArn(registry.account, "cert", id);
  await createPolicy(registry, "P", POLICY);
  await attachPolicy(registry, "P", arn);
  await createThing(registry, "T");
  await attachThingPrincipal(registry, "T", { principal: arn });
  await assert.rejects(deleteCertificate(registry, id, { force: true }), {
    code: "certificate-state",
    message: `Certificate must be deactivated (not ACTIVE) before deletion. Id: ${id}`,
  });
  await updateCertificate(registry, id, "INACTIVE");
  await assert.rejects(deleteCertificate(registry, id, { force: true }), {
    code: "delete-conflict",
    message: `Things must be detached before deletion (arn: ${arn})`,
  });
  await detachThingPrincipal(registry, "T", arn);
  await assert.rejects(deleteCertificate(registry, id), {
    code: "delete-conflict",
    message: `Certificate policies must be detached before deletion (arn: ${arn})`,
  });
  await deleteCertificate(registry, id, { force: true });
  assert.equal(registry.directory.certificate(id), undefined);
  await assert.rejects(deleteCertificate(registry, id), { message: `Certificate ${id} not found.` });
  const again = await registerCertificate(registry, { certificatePem: await pemOf({ issuer }) });
  await deleteCertificate(registry, again);
});

test("listCertificates pages all certificates, or those of one CA", async (t) => {
  const { registry, clock } = await newWorld(t);
  const [one, two] = [await registeredCa(registry), await registeredCa(registry)];
  const ids: string[] = [];
  for (const issuer of [one, two, one, one]) {
    clock.advance(1);
    ids.push(await registerCertificate(registry, { certificatePem: await pemOf({ issuer }) }));
  }
  const all = await listCertificates(registry, {});
  assert.deepEqual(
    all.rows.map((row) => row.id),
    [...ids].reverse(),
  );
  assert.equal(all.next, undefined);
  const caId = one.certificate.id;
  const first = await listCertificates(registry, { caId, limit: 2, ascending: true });
  const rest = await listCertificates(registry, { caId, limit: 2, ascending: true, token: first.next });
  assert.deepEqual(
    [...first.rows, ...rest.rows].map((row) => row.id),
    [ids[0], ids[2], ids[3]],
  );
  const foreign = { caId: two.certificate.id, ascending: true, token: first.next };
  await assert.rejects(listCertificates(registry, foreign), { code: "invalid-request" });
});

test("openRegistry brings back certificates, attachments, policies and things as they were", async (t) => {
  const directory = temporary(t);
  const { registry, clock } = await newWorld(t, directory);
  const issuer = await registeredCa(registry);
  const entries = [];
  for (let i = 0; i < 3; i++) {
    const id = await registerCertificate(registry, { certificatePem: await pemOf({ issuer }), status: "ACTIVE" });
    const arn = iotArn(registry.account, "cert", id);
    for (const name of [`B${i}`, `A${i}`]) {
      clock.advance(1);
      await createPolicy(registry, name, POLICY);
      await attachPolicy(registry, name, arn);
      await createThing(registry, name);
      await attachThingPrincipal(registry, name, { principal: arn });
    }
    entries.push(registry.directory.certificate(id) ?? assert.fail());
  }
  await registry.store.close();
  const { registry: again } = await newWorld(t, directory);
  assert.deepEqual(again.account, registry.account);
  assert.deepEqual(again.accessKeys.primary, registry.accessKeys.primary);
  assert.deepEqual([registry.accessKeys.isNew, again.accessKeys.isNew], [true, false]);
  assert.deepEqual(
    entries.map((each) => again.directory.certificate(each.id)),
    entries,
  );
  assert.deepEqual(
    again.directory.policiesOf(entries[1]?.id ?? "").map((policy) => [policy.name, policy.version]),
    [
      ["B1", 1],
      ["A1", 1],
    ],
  );
  assert.deepEqual(again.directory.counts, { caCertificates: 1, certificates: 3, things: 6, policies: 6 });
  assert.deepEqual(again.directory.counts, registry.directory.counts);
});
