import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey } from "node:crypto";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { concat, toHex } from "../../codec/index.ts";
import { VirtualClock, type Signer } from "../../crypto/index.ts";
import { nodeEntropy, nodeSigner, nodeVerifier } from "../../crypto/node.ts";
import { createCsr, nameFromText, parseCrl, revocationOf, validatePath } from "../index.ts";
import {
  CA_ERRORS,
  CertificateAuthority,
  labelFrom,
  MemoryCaStore,
  type AuthorityPorts,
  type CaStore,
  type StoredIssuer,
} from "./index.ts";
import { DirectoryCaStore, generateIssuingKey, keyToPem, signerFromPem } from "./node.ts";

const DAY = 86_400_000;
const START = Date.UTC(2026, 5, 1);

function temporary(t: { after(run: () => void): void }): string {
  const directory = mkdtempSync(join(tmpdir(), "hawser-ca-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function signerOf(issuer: StoredIssuer): Promise<Signer> {
  assert.ok(issuer.key.in === "store");
  return Promise.resolve(signerFromPem(issuer.key.pem));
}

/** A root, an intermediate under it, and the clock that they live by. */
async function newAuthority(store: CaStore, more: Partial<AuthorityPorts> = {}) {
  const clock = new VirtualClock(START);
  const authority = new CertificateAuthority({
    store,
    signerOf,
    clock,
    entropy: nodeEntropy,
    verifier: nodeVerifier,
    ...more,
  });
  const validity = (years: number) => ({ notBefore: START, notAfter: START + years * 365 * DAY });
  const newKey = () => {
    const key = generateIssuingKey("P-256");
    return { signer: nodeSigner(key), key: { in: "store", pem: keyToPem(key, nodeEntropy) } as const };
  };
  const root = { label: "root", subject: nameFromText("CN=Root"), validity: validity(20), ...newKey() };
  await authority.createRoot(root);
  const ica = { label: "ica", subject: nameFromText("CN=ICA"), validity: validity(10), ...newKey(), parent: "root" };
  await authority.createIntermediate(ica);
  return { authority, clock, validity, newKey };
}

const device = (name: string) => ({
  publicKey: nodeSigner(generateIssuingKey("P-256")).publicKey,
  subject: nameFromText(name),
});

const STORES: Record<string, (t: { after(run: () => void): void }) => Promise<CaStore>> = {
  MemoryCaStore: async () => new MemoryCaStore(),
  DirectoryCaStore: (t) => DirectoryCaStore.create(join(temporary(t), "ca")),
};

for (const [name, open] of Object.entries(STORES)) {
  test(`OE-46 CertificateAuthority over ${name} issues for a request and its chain validates`, async (t) => {
    const { authority, validity } = await newAuthority(await open(t));
    const csr = await createCsr({ subject: nameFromText("CN=d1"), signer: nodeSigner(generateIssuingKey("P-256")) });
    const order = { issuer: "ica", profile: "device", applicant: { csr }, validity: validity(1) } as const;
    const certificate = await authority.issue(order);
    const [ica, root] = await authority.chain("ica");
    assert.ok(ica && root);
    const chain = [certificate.der, ica.der];
    const options = { chain, anchors: [root], time: START, purpose: "clientAuth" as const, verifier: nodeVerifier };
    assert.equal((await validatePath(options)).leaf.subject.text, "CN=d1");
  });

  test(`${name} keeps what was issued and refuses a second certificate of one serial number`, async (t) => {
    const store = await open(t);
    const { authority, validity } = await newAuthority(store);
    const order = { issuer: "ica", profile: "device", applicant: device("CN=d"), validity: validity(1) } as const;
    const issued = await Promise.all([1, 2, 3].map(() => authority.issue(order)));
    const ids = (await store.issued("ica")).map(({ id }) => id).sort();
    assert.deepEqual(ids, issued.map(({ id }) => id).sort());
    const [first] = issued;
    assert.ok(first);
    assert.equal((await store.findIssued("ica", first.serialNumber))?.id, first.id);
    await assert.rejects(store.addIssued("ica", first), { name: "Conflict", code: "serial-exists" });
    const ports = { store, signerOf, clock: new VirtualClock(START), verifier: nodeVerifier };
    const broken = new CertificateAuthority({ ...ports, entropy: { bytes: (length) => new Uint8Array(length) } });
    await broken.issue(order);
    await assert.rejects(broken.issue(order), { name: "Conflict", code: "serial-exists" });
  });

  test(`${name} revokes once, and the list with a rising number says so`, async (t) => {
    const store = await open(t);
    const { authority, validity, clock } = await newAuthority(store);
    const order = { issuer: "ica", profile: "device", applicant: device("CN=d"), validity: validity(1) } as const;
    const [bad, good] = [await authority.issue(order), await authority.issue(order)];
    clock.advance(90_500);
    assert.equal((await authority.revoke("ica", bad.serialNumber, "keyCompromise")).id, bad.id);
    await assert.rejects(authority.revoke("ica", bad.serialNumber, "superseded"), { code: "already-revoked" });
    await assert.rejects(authority.revoke("ica", "00ff", "superseded"), {
      name: "NotFound",
      code: "certificate-unknown",
    });
    const lists = [await authority.crl("ica", 7 * DAY), await authority.crl("ica", 7 * DAY)];
    assert.deepEqual(
      lists.map(({ number }) => number),
      [1, 2],
    );
    const { certificate } = await authority.issuer("ica");
    const list = await parseCrl(lists[1]?.der ?? assert.fail(), certificate, nodeVerifier);
    assert.deepEqual(revocationOf(list, bad), { time: START + 90_000, reason: "keyCompromise" });
    assert.equal(revocationOf(list, good), undefined);
    assert.equal(list.nextUpdate, START + 90_000 + 7 * DAY);
  });

  test(`AW-08 ${name} keeps several intermediates under several roots and refuses a label twice`, async (t) => {
    const store = await open(t);
    const { authority, validity, newKey } = await newAuthority(store);
    const subject = nameFromText("CN=Second root");
    await authority.createRoot({ label: "root-2", subject, validity: validity(20), ...newKey() });
    const second = { label: "ica-2", subject: nameFromText("CN=ICA 2"), validity: validity(5), ...newKey() };
    await authority.createIntermediate({ ...second, parent: "root-2" });
    const labels = (await authority.issuers()).map(({ label, parent }) => `${label} under ${parent}`).sort();
    assert.deepEqual(labels, [
      "ica under root",
      "ica-2 under root-2",
      "root under undefined",
      "root-2 under undefined",
    ]);
    assert.deepEqual(
      (await authority.chain("ica-2")).map(({ subject }) => subject.text),
      ["CN=ICA 2", "CN=Second root"],
    );
    await assert.rejects(authority.createIntermediate({ ...second, parent: "root" }), { code: "issuer-exists" });
    const [existing] = await authority.issuers();
    await assert.rejects(store.addIssuer(existing ?? assert.fail()), { name: "Conflict", code: "issuer-exists" });
    await assert.rejects(authority.chain("nobody"), { name: "NotFound", code: "issuer-unknown" });
    for (const label of ["", "..", "A", "a/b", "-a", "a--b", "x".repeat(65)]) {
      await assert.rejects(
        store.addIssuer({ ...(existing ?? assert.fail()), label }),
        { code: "invalid-label" },
        label,
      );
    }
    await assert.rejects(store.issued("nobody"), { code: "issuer-unknown" });
  });
}

test("CertificateAuthority refuses issuer-expired and faulty-signer, and records neither", async () => {
  const store = new MemoryCaStore();
  const { authority, clock, validity } = await newAuthority(store);
  const order = { issuer: "ica", profile: "device", applicant: device("CN=d"), validity: validity(1) } as const;
  const faulty = new CertificateAuthority({
    store,
    clock,
    entropy: nodeEntropy,
    verifier: nodeVerifier,
    signerOf: async (issuer) => {
      const signer = await signerOf(issuer);
      return { ...signer, sign: (algorithm, content) => signer.sign(algorithm, concat(content, Uint8Array.of(0))) };
    },
  });
  await assert.rejects(faulty.issue(order), { name: "UsageError", code: "faulty-signer" });
  await assert.rejects(faulty.crl("ica", DAY), { name: "UsageError", code: "faulty-signer" });
  clock.advance(11 * 365 * DAY);
  await assert.rejects(authority.issue(order), { name: "UsageError", code: "issuer-expired" });
  assert.equal((await store.issued("ica")).length, 0);
});

test("DirectoryCaStore makes directories 0700 and files 0600, and is found again by the next process", async (t) => {
  const directory = join(temporary(t), "ca");
  const { authority, validity } = await newAuthority(await DirectoryCaStore.create(directory));
  await authority.issue({ issuer: "ica", profile: "device", applicant: device("CN=d"), validity: validity(1) });
  await authority.crl("ica", DAY);
  const paths = readdirSync(directory, { recursive: true, encoding: "utf8" });
  assert.ok(paths.some((path) => path.endsWith("key.pem")));
  for (const path of [...paths, ""]) {
    const file = statSync(join(directory, path));
    assert.equal((file.mode & 0o777).toString(8), file.isDirectory() ? "700" : "600", path);
  }
  assert.equal(paths.filter((path) => /(^|\/)\./.test(path)).length, 0, "no temporary files are left");
  const again = await DirectoryCaStore.open(directory);
  assert.equal((await again.issued("ica")).length, 1);
  assert.equal(await again.nextCrlNumber("ica"), 2);
});

test("DirectoryCaStore gives parallel writers different CRL numbers", async (t) => {
  const store = await DirectoryCaStore.create(join(temporary(t), "ca"));
  await newAuthority(store);
  const numbers = await Promise.all(Array.from({ length: 8 }, () => store.nextCrlNumber("ica")));
  assert.equal(new Set(numbers).size, 8);
});

test("DirectoryCaStore refuses directory-not-private and ca-missing, and makes nothing when it opens", async (t) => {
  const directory = temporary(t);
  await assert.rejects(DirectoryCaStore.open(join(directory, "x")), { name: "NotFound", code: "ca-missing" });
  assert.deepEqual(readdirSync(directory), []);
  chmodSync(directory, 0o750);
  const refused = { name: "Denied", code: "directory-not-private" };
  await assert.rejects(DirectoryCaStore.create(directory), refused);
  chmodSync(directory, 0o700);
  await DirectoryCaStore.create(directory);
  chmodSync(directory, 0o750);
  await assert.rejects(DirectoryCaStore.open(directory), refused);
});

test("DirectoryCaStore names the file that is damaged, and takes no path for a serial number", async (t) => {
  const directory = join(temporary(t), "ca");
  const store = await DirectoryCaStore.create(directory);
  const { authority, validity } = await newAuthority(store);
  const order = { issuer: "ica", profile: "device", applicant: device("CN=d"), validity: validity(1) } as const;
  const { serialNumber } = await authority.issue(order);
  await authority.revoke("ica", serialNumber, "unspecified");
  assert.equal(await store.findIssued("ica", "../../root/certificate"), undefined);
  const files = {
    "issuers/ica/issuer.json": () => store.issuers(),
    "issuers/ica/certificate.pem": () => store.issuers(),
    "issuers/ica/key.pem": () => store.issuers(),
    [`issuers/ica/issued/${serialNumber}.pem`]: () => store.issued("ica"),
    [`issuers/ica/revoked/${serialNumber}.json`]: () => store.revocations("ica"),
  };
  for (const [name, read] of Object.entries(files)) {
    const path = join(directory, name);
    const before = readFileSync(path);
    for (const text of ["", "{}", "null", '{"version":1,"key":{"in":"cellar"}}']) {
      writeFileSync(path, text);
      if (name.endsWith("key.pem")) rmSync(path);
      await assert.rejects(read(), { name: "UsageError", code: "store-damaged", message: new RegExp(name) });
      writeFileSync(path, before);
    }
    await read();
  }
});

test("a key that stays in a chip is kept as its address and slot, and nothing of it is written", async (t) => {
  const directory = join(temporary(t), "ca");
  const store = await DirectoryCaStore.create(directory);
  const signer = { ...nodeSigner(generateIssuingKey("P-256")), performer: "chip" as const };
  const key = { in: "chip", address: "127.0.0.1:8050", slot: 2 } as const;
  const clock = new VirtualClock(START);
  const ports = { store, clock, signerOf: async () => signer, entropy: nodeEntropy, verifier: nodeVerifier };
  const authority = new CertificateAuthority(ports);
  const validity = { notBefore: START, notAfter: START + DAY };
  await authority.createRoot({ label: "root", subject: nameFromText("CN=R"), validity, signer, key });
  const [stored] = await (await DirectoryCaStore.open(directory)).issuers();
  assert.deepEqual(stored?.key, key);
  assert.deepEqual(
    readdirSync(join(directory, "issuers/root")).filter((name) => name.includes("key")),
    [],
  );
});

test("keyToPem encrypts with PBES2 and AES-256, and only the passphrase opens it", () => {
  const key = generateIssuingKey("P-384");
  const pem = keyToPem(key, nodeEntropy, "correct horse");
  assert.match(pem, /^-----BEGIN ENCRYPTED PRIVATE KEY-----/);
  const opened = createPrivateKey({ key: pem, passphrase: "correct horse" });
  assert.ok(opened.equals(key));
  const publicKey = createPublicKey(key).export({ format: "der", type: "spki" });
  assert.equal(toHex(signerFromPem(pem, "correct horse").publicKey), publicKey.toString("hex"));
  assert.throws(() => signerFromPem(pem, "wrong"), { name: "UsageError", code: "bad-key" });
  assert.throws(() => signerFromPem(pem), { name: "UsageError", code: "passphrase-needed" });
  assert.throws(() => keyToPem(key, nodeEntropy, ""), { name: "UsageError", code: "passphrase-needed" });
  const plain = keyToPem(key, nodeEntropy);
  assert.ok(createPrivateKey(plain).equals(key));
});

test("labelFrom makes a label of a name", () => {
  assert.equal(labelFrom("Demo CA, NXP"), "demo-ca-nxp");
  assert.equal(labelFrom("Größe 1"), "gro-e-1");
  assert.equal(labelFrom("Café"), "cafe");
  assert.equal(labelFrom("日本"), "");
  assert.equal(labelFrom("x-".repeat(60)).length, 63);
});

test("every code of CA_ERRORS is provoked by a test of this file", () => {
  const text = readFileSync(import.meta.filename, "utf8");
  assert.deepEqual(
    Object.keys(CA_ERRORS).filter((code) => !text.includes(`code: "${code}"`)),
    [],
  );
});
