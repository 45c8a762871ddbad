import assert from "node:assert/strict";
import { test } from "node:test";

import { certificateToPem } from "../../pki/index.ts";
import {
  currentRegistrationCode,
  deleteCa,
  deleteRegistrationCode,
  describeCa,
  issuersOf,
  listCas,
  registerCa,
  updateCa,
} from "./index.ts";
import {
  DAY,
  newCa,
  newLeaf,
  newSigner,
  newWorld,
  registeredCa,
  registrationOf,
  reworded,
  temporary,
} from "./fixtures.test.ts";

const denied = (code: string, message: RegExp) => ({ name: "Denied", code, message });

test("AW-26 AW-27 T-24 currentRegistrationCode is 64 hex digits and the same until it is deleted, over restarts too", async (t) => {
  const directory = temporary(t);
  const { registry, clock } = await newWorld(t, directory);
  const code = await currentRegistrationCode(registry);
  assert.match(code, /^[0-9a-f]{64}$/);
  clock.advance(3650 * DAY);
  assert.equal(await currentRegistrationCode(registry), code);
  await registry.store.close();
  const { registry: again } = await newWorld(t, directory);
  assert.equal(await currentRegistrationCode(again), code);
  const request = await registrationOf(again, await newCa());
  await deleteRegistrationCode(again);
  await assert.rejects(registerCa(again, request), { code: "registration-code-mismatch" });
  await assert.rejects(deleteRegistrationCode(again), { name: "NotFound", code: "resource-not-found" });
  assert.notEqual(await currentRegistrationCode(again), code);
});

test("AW-32 AW-33 AW-35 registerCa takes a CA whose key signed the code, INACTIVE and without auto-registration", async (t) => {
  const { registry } = await newWorld(t);
  const issuer = await newCa();
  const id = await registerCa(registry, await registrationOf(registry, issuer));
  assert.equal(id, issuer.certificate.id);
  const row = await describeCa(registry, id);
  assert.deepEqual([row.status, row.auto_registration, row.mode], ["INACTIVE", "DISABLE", "DEFAULT"]);
  assert.deepEqual(await describeCa(registry, `0x${id.toUpperCase()}`), row);
  assert.equal(registry.directory.ca(id)?.status, "INACTIVE");
});

test("AW-25 registerCa refuses a proof that another key signed, and says whose", async (t) => {
  const { registry } = await newWorld(t);
  const issuer = await newCa();
  const request = await registrationOf(registry, issuer);
  const other = await registrationOf(registry, await newCa("Other CA"));
  await assert.rejects(
    registerCa(registry, { ...request, verificationCertificate: other.verificationCertificate ?? "" }),
    denied("certificate-validation", /its issuer is CN=Other CA, the CA's subject is CN=Test CA$/),
  );
  const namesake = await registrationOf(registry, await newCa());
  await assert.rejects(
    registerCa(registry, { ...request, verificationCertificate: namesake.verificationCertificate ?? "" }),
    denied("certificate-validation", /the key identifiers differ$/),
  );
});

test("registerCa refuses a proof with one bit of its signature flipped", async (t) => {
  const { registry } = await newWorld(t);
  const issuer = await newCa();
  const name = await currentRegistrationCode(registry);
  const proof = await newLeaf({ issuer, name, profile: "verification" });
  const der = Uint8Array.from(proof.der);
  der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
  await assert.rejects(
    registerCa(registry, {
      caCertificate: certificateToPem(issuer.certificate),
      verificationCertificate: certificateToPem({ der }),
    }),
    denied(
      "certificate-validation",
      /the CA's key did not sign the verification certificate, although both name CN=Test CA/,
    ),
  );
});

test("registerCa refuses a common name that is not the code, and gives both", async (t) => {
  const { registry } = await newWorld(t);
  const issuer = await newCa();
  const code = await currentRegistrationCode(registry);
  const caCertificate = certificateToPem(issuer.certificate);
  const longer = `${code.slice(0, 63)} `;
  const named = await newLeaf({ issuer, name: code, profile: "verification" });
  for (const name of [code.toUpperCase(), longer, code.slice(1), "registration code"]) {
    const proof = name === longer ? undefined : await newLeaf({ issuer, name, profile: "verification" });
    const verificationCertificate = proof ? certificateToPem(proof) : await reworded(named, [code, longer], issuer);
    await assert.rejects(registerCa(registry, { caCertificate, verificationCertificate }), {
      name: "Denied",
      code: "registration-code-mismatch",
      message: `Registration code validation failed: the verification certificate's common name is ${JSON.stringify(name)}, the registration code is ${code}`,
    });
  }
});

test("registerCa refuses a proof for a code that was deleted since, or never given out", async (t) => {
  const { registry } = await newWorld(t);
  const issuer = await newCa();
  const request = await registrationOf(registry, issuer);
  await deleteRegistrationCode(registry);
  await assert.rejects(
    registerCa(registry, request),
    denied("registration-code-mismatch", /the registration code is not given out yet: call GetRegistrationCode first$/),
  );
  const racing = registrationOf(registry, issuer).then((fresh) => {
    const registering = registerCa(registry, fresh);
    return Promise.allSettled([registering, deleteRegistrationCode(registry)]);
  });
  const [outcome] = await racing;
  assert.equal(outcome.status, "rejected");
});

test("registerCa refuses what is not one valid, strong CA certificate", async (t) => {
  const { registry, clock } = await newWorld(t);
  const issuer = await newCa();
  const request = await registrationOf(registry, issuer);
  const leaf = certificateToPem(await newLeaf({ issuer }));
  const both = request.caCertificate + leaf;
  const cases: [string, RegExp][] = [
    ["no certificate here", /the CA certificate holds no CERTIFICATE block/],
    ["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", /the CA certificate cannot be read/],
    ["-----BEGIN CERTIFICATE-----\nAAAA\n", /the CA certificate cannot be read/],
    [both, /holds 2 certificates, need exactly one/],
    [leaf, /is not one: basicConstraints CA:TRUE is missing/],
  ];
  for (const [caCertificate, message] of cases) {
    await assert.rejects(
      registerCa(registry, { ...request, caCertificate }),
      denied("certificate-validation", message),
    );
  }
  await assert.rejects(registerCa(registry, { caCertificate: request.caCertificate }), {
    name: "UsageError",
    code: "invalid-request",
    message: /verificationCertificate is required/,
  });
  await assert.rejects(registerCa(registry, { ...request, mode: "SNI_ONLY" }), {
    code: "invalid-request",
    message: /verificationCertificate must be absent where certificateMode is SNI_ONLY/,
  });
  clock.advance(10 * 365 * DAY);
  await assert.rejects(
    registerCa(registry, request),
    denied("certificate-validation", /the CA certificate expired at 2030/),
  );
  clock.advance(-13 * 365 * DAY);
  await assert.rejects(
    registerCa(registry, request),
    denied("certificate-validation", /is not valid before 2024-01-01/),
  );
});

test("registerCa refuses a proof outside its dates", async (t) => {
  const { registry } = await newWorld(t);
  const issuer = await newCa();
  const name = await currentRegistrationCode(registry);
  const validity = { notBefore: Date.UTC(2025, 0, 1), notAfter: Date.UTC(2025, 6, 1) };
  const proof = await newLeaf({ issuer, name, profile: "verification", validity });
  const request = {
    caCertificate: certificateToPem(issuer.certificate),
    verificationCertificate: certificateToPem(proof),
  };
  await assert.rejects(
    registerCa(registry, request),
    denied("certificate-validation", /the verification certificate expired at 2025-07-01/),
  );
});

test("registerCa accepts text around the PEM block, CRLF and blank lines", async (t) => {
  const { registry } = await newWorld(t);
  const issuer = await newCa();
  const request = await registrationOf(registry, issuer);
  const dressed = `\uFEFFCertificate:\n    Data:\n${request.caCertificate}\n\n\n`.replaceAll("\n", "\r\n");
  await registerCa(registry, { ...request, caCertificate: dressed });
  assert.equal((await describeCa(registry, issuer.certificate.id)).pem, request.caCertificate);
});

test("registerCa refuses the same CA twice with its identity, and an eleventh of one name", async (t) => {
  const { registry } = await newWorld(t);
  const issuer = await newCa();
  const request = await registrationOf(registry, issuer);
  const twice = await Promise.allSettled([registerCa(registry, request), registerCa(registry, request)]);
  assert.deepEqual(
    twice.map((each) => each.status),
    ["fulfilled", "rejected"],
  );
  const { id } = issuer.certificate;
  await assert.rejects(registerCa(registry, request), {
    code: "resource-exists",
    message: "The certificate is already provisioned or registered",
    resource: { resourceId: id, resourceArn: `arn:aws:iot:eu-central-1:${registry.account.id}:cacert/${id}` },
  });
  for (let i = 1; i < 10; i++) await registerCa(registry, await registrationOf(registry, await newCa()));
  const eleventh = await registrationOf(registry, await newCa());
  await assert.rejects(registerCa(registry, eleventh), { name: "Conflict", code: "limit-exceeded" });
  await registerCa(registry, await registrationOf(registry, await newCa("Another name")));
});

test("updateCa and deleteCa move a CA through its states, and listeners hear of it", async (t) => {
  const { registry } = await newWorld(t);
  const heard: (string | undefined)[] = [];
  registry.directory.caChanges.add(({ after }) => heard.push(after && `${after.status} ${after.autoRegistration}`));
  const issuer = await newCa();
  const id = await registerCa(registry, await registrationOf(registry, issuer));
  await updateCa(registry, id, { status: "ACTIVE" });
  await updateCa(registry, id, { autoRegistration: "ENABLE" });
  assert.equal((await describeCa(registry, id)).version, 3);
  await assert.rejects(deleteCa(registry, id), {
    code: "certificate-state",
    message: /must be deactivated \(not ACTIVE\)/,
  });
  await updateCa(registry, id, { status: "INACTIVE" });
  await deleteCa(registry, id);
  assert.deepEqual(heard, ["INACTIVE DISABLE", "ACTIVE DISABLE", "ACTIVE ENABLE", "INACTIVE ENABLE", undefined]);
  for (const act of [describeCa(registry, id), updateCa(registry, id, {}), deleteCa(registry, id)]) {
    await assert.rejects(act, {
      name: "NotFound",
      code: "resource-not-found",
      message: `CA certificate ${id} not found.`,
    });
  }
  assert.equal(registry.directory.ca(id), undefined);
});

test("issuersOf finds the CA that signed, among namesakes, after a restart too", async (t) => {
  const directory = temporary(t);
  const { registry } = await newWorld(t, directory);
  const inactive = await registeredCa(registry, { setAsActive: false });
  const active = await registeredCa(registry);
  const leaf = await newLeaf({ issuer: active });
  await registry.store.close();
  const { registry: again } = await newWorld(t, directory);
  assert.deepEqual(
    (await issuersOf(again, leaf)).map((each) => each.id),
    [active.certificate.id],
  );
  const other = await newLeaf({ issuer: inactive });
  assert.deepEqual(
    (await issuersOf(again, other)).map((each) => [each.id, each.status]),
    [[inactive.certificate.id, "INACTIVE"]],
  );
  assert.deepEqual(await issuersOf(again, await newLeaf({ issuer: await newCa() })), []);
});

test("issuersOf puts the CA that may register devices before its twins of the same key", async (t) => {
  const { registry } = await newWorld(t);
  const signer = newSigner();
  const twins = [await newCa("Twin", signer), await newCa("Twin", signer), await newCa("Twin", signer)];
  const flags = [{}, { setAsActive: true }, { setAsActive: true, allowAutoRegistration: true }];
  for (const [i, twin] of twins.entries()) {
    await registerCa(registry, { ...(await registrationOf(registry, twin)), ...flags[i] });
  }
  const leaf = await newLeaf({ issuer: twins[0] ?? assert.fail() });
  assert.deepEqual(
    (await issuersOf(registry, leaf)).map((each) => each.id),
    twins.map((twin) => twin.certificate.id).reverse(),
  );
});

test("listCas pages by creation in both directions, unmoved by what comes and goes meanwhile", async (t) => {
  const { registry, clock } = await newWorld(t);
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) {
    if (i !== 2) clock.advance(1);
    ids.push(await registerCa(registry, await registrationOf(registry, await newCa(`CA ${i}`))));
  }
  const tied = ids.slice(1, 3).sort();
  const inOrder = [ids[0], ...tied, ids[3], ids[4]];
  for (const ascending of [true, false]) {
    const seen: string[] = [];
    let token: string | undefined;
    do {
      const page = await listCas(registry, { limit: 2, token, ascending });
      seen.push(...page.rows.map((row) => row.id));
      token = page.next;
      if (token !== undefined) assert.match(token, /^[A-Za-z0-9+/]+={0,2}$/);
    } while (token !== undefined);
    assert.deepEqual(seen, ascending ? inOrder : [...inOrder].reverse());
  }
  const first = await listCas(registry, { limit: 2, ascending: true });
  await deleteCa(registry, first.rows[1]?.id ?? "");
  const second = await listCas(registry, { limit: 2, ascending: true, token: first.next });
  assert.deepEqual(
    second.rows.map((row) => row.id),
    inOrder.slice(2, 4),
  );
  await assert.rejects(listCas(registry, { token: first.next, ascending: false }), { code: "invalid-request" });
  for (const token of ["AAAA", "!", "bm8=", btoa('["ca-certificates asc",1.5,"x"]')]) {
    await assert.rejects(listCas(registry, { token, ascending: true }), { code: "invalid-request" });
  }
});
