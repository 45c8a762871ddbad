import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { test } from "node:test";

import {
  attestation,
  RIGHT,
  SE05X_CURVE,
  SE05X_OBJECT,
  SE05X_ORIGIN,
  SE05X_PART,
  SE05X_SIGNATURE,
} from "../apdu/se05x/index.ts";
import { nodeSe05xCrypto } from "../chip/node.ts";
import { Se05xChip, testRoot, type Se05xModelName } from "../chip/se05x/index.ts";
import { decode, encode, equal, ProtocolError } from "../codec/index.ts";
import { SeededEntropy, type Signer, VirtualClock } from "../crypto/index.ts";
import { nodeHash, nodeSigner, nodeVerifier } from "../crypto/node.ts";
import { localTransport } from "../host/index.ts";
import { attestationContent, certificateObject, Se05x, se05xPolicy } from "../host/se05x/index.ts";
import {
  certificateId,
  issueCertificate,
  issueCrl,
  type Issuer,
  issueRootCertificate,
  nameFromText,
  parseCertificate,
} from "../pki/index.ts";
import {
  type AttestationDemands,
  type AttestationEvidence,
  type AttestationFinding,
  readEvidence,
  readSelfTest,
  verifyAttestation,
  verifySelfTest,
} from "./index.ts";

const KEY = 0x2000_0001;
const FILE = 0x2000_0002;
const MODELS: readonly Se05xModelName[] = ["a5000", "se050", "se051"];
const ROOT = await testRoot({ p256: nodeSe05xCrypto.p256, hash: nodeHash });
const POLICY = [
  { authObjectId: 0, rights: (RIGHT.read | RIGHT.sign | RIGHT.delete) >>> 0, extension: new Uint8Array(0) },
];

type Part = { readonly chip: Se05x; readonly model: Se05xModelName; readonly point: Uint8Array };

async function newPart(model: Se05xModelName, seed: string, issuer?: Issuer): Promise<Part> {
  const clock = new VirtualClock();
  const entropy = new SeededEntropy(nodeHash, seed);
  const part = await Se05xChip.open({ model, crypto: nodeSe05xCrypto, entropy, clock, ...(issuer ? { issuer } : {}) });
  const chip = await Se05x.open(localTransport(part), { hash: nodeHash, clock });
  await chip.send("writeEcKey", { part: SE05X_PART.pair, objectId: KEY, curve: SE05X_CURVE.p256, policy: POLICY });
  return { chip, model, point: (await chip.send("readObject", { objectId: KEY })).bytes };
}

function freshness(seed: number): Uint8Array {
  return nodeHash.digest("sha256", Uint8Array.of(seed)).slice(0, 16);
}

function demandsOf(part: Part, nonce: Uint8Array): AttestationDemands {
  return {
    anchors: [ROOT.certificate],
    objectId: KEY,
    freshness: nonce,
    chipId: part.chip.identity.uniqueId,
    policy: POLICY,
    data: part.point,
    time: Date.UTC(2026, 5, 1),
    hash: nodeHash,
    verifier: nodeVerifier,
  };
}

const ask = (part: Part, nonce: Uint8Array, objectId = KEY) => readEvidence(part.chip, { objectId, freshness: nonce });

/** Counts what is refused as it should be; anything accepted fails at once. */
class Negatives {
  readonly byFinding = new Map<AttestationFinding, number>();

  async refuses(evidence: AttestationEvidence, demands: AttestationDemands, ...expected: AttestationFinding[]) {
    let accepted = false;
    try {
      await verifyAttestation(evidence, demands);
      accepted = true;
    } catch (error) {
      assert.ok(error instanceof ProtocolError && error.code === "not-attested", String(error));
      const finding = error.reply as AttestationFinding;
      assert.ok(expected.includes(finding), `${finding}: ${error.message}`);
      this.byFinding.set(finding, (this.byFinding.get(finding) ?? 0) + 1);
    }
    assert.equal(accepted, false, `accepted, not refused as ${expected.join()}`);
  }

  get total(): number {
    return [...this.byFinding.values()].reduce((sum, each) => sum + each, 0);
  }
}

test("verifyAttestation believes a key that this chip made, in answer to this question, for each applet", async () => {
  for (const model of MODELS) {
    const part = await newPart(model, model);
    const evidence = await ask(part, freshness(1));
    const { chipId, attributes, data } = await verifyAttestation(evidence, demandsOf(part, freshness(1)));
    assert.deepEqual(
      [chipId, attributes.objectId, attributes.origin],
      [part.chip.identity.uniqueId, KEY, SE05X_ORIGIN.internal],
    );
    assert.deepEqual(data, part.point);
    const born = await ask(part, freshness(2), SE05X_OBJECT.deviceKey);
    const { policy: _policy, data: _data, ...rest } = demandsOf(part, freshness(2));
    const provisioned = { ...rest, objectId: SE05X_OBJECT.deviceKey, origins: [SE05X_ORIGIN.provisioned] };
    assert.equal((await verifyAttestation(born, provisioned)).attributes.origin, SE05X_ORIGIN.provisioned);
  }
});

test("verifyAttestation tells the answers to other questions apart: attributes, a part of a file, numbers of an RSA key", async () => {
  for (const model of ["se050", "se051"] as const) {
    const part = await newPart(model, `${model} questions`);
    const { chip } = part;
    const RSA = FILE + 1;
    await chip.send("writeBinary", {
      objectId: FILE,
      length: 64,
      data: new Uint8Array(64).map((_, i) => i),
      policy: POLICY,
    });
    await chip.rsa.generate(RSA, 2048, POLICY);
    const { n, e } = await chip.rsa.publicNumbers(RSA);
    const nonce = freshness(77);
    const { data: _data, type: _type, ...base } = demandsOf(part, nonce);
    const cases = [
      { objectId: KEY, question: "attributes" as const },
      { objectId: KEY, question: "object" as const, data: part.point },
      { objectId: FILE, question: { offset: 8, length: 4 }, data: Uint8Array.of(8, 9, 10, 11), origins: [1] },
      { objectId: RSA, question: { component: 0 }, data: n },
      { objectId: RSA, question: { component: 1 }, data: e },
    ];
    const evidences = [];
    for (const { objectId, question } of cases) {
      evidences.push(await readEvidence(chip, { objectId, question, freshness: nonce }));
    }
    for (const [i, demand] of cases.entries()) {
      for (const [j, evidence] of evidences.entries()) {
        const checking = verifyAttestation(evidence, { ...base, ...demand });
        if (i === j) assert.equal((await checking).attributes.objectId, demand.objectId);
        else await assert.rejects(checking, { code: "not-attested" }, `${model}: question ${i}, answer ${j}`);
      }
    }
  }
});

test("verifyAttestation takes attestation keys by RSA and Ed25519, under certificates of their own", async () => {
  const part = await newPart("se051", "other attestation keys");
  const { chip } = part;
  const [rsa, edwards] = [FILE + 2, FILE + 3];
  const policy = se05xPolicy({ may: ["attest", "read", "delete"] });
  await chip.rsa.generate(rsa, 2048, policy);
  await chip.send("writeEcKey", { part: SE05X_PART.pair, objectId: edwards, curve: SE05X_CURVE.ed25519, policy });
  for (const [attestationId, algorithm] of [
    [rsa, 0x28],
    [rsa, 0x2c],
    [edwards, SE05X_SIGNATURE.ed25519],
  ] as const) {
    const { publicKey } = await chip.signer(attestationId);
    const subject = nameFromText("CN=own-attestation,O=Hawser");
    const validity = { notBefore: Date.UTC(2020, 0, 1), notAfter: Date.UTC(2049, 11, 31) };
    const entropy = new SeededEntropy(nodeHash, "own");
    const order = { profile: "device", subject, publicKey, issuer: ROOT, validity, entropy } as const;
    const { der } = await issueCertificate(order);
    await chip.writeCertificate(9, der);
    const asking = { attestationId, algorithm, certificateId: certificateObject(9) };
    const nonce = freshness(algorithm);
    const evidence = await readEvidence(chip, { objectId: KEY, freshness: nonce, ...asking });
    const demands = { ...demandsOf(part, nonce), attestationId, isForAttestation: () => true };
    assert.equal((await verifyAttestation(evidence, demands)).chipId, chip.identity.uniqueId);
    const { attestationId: _own, ...other } = demands;
    await assert.rejects(verifyAttestation(evidence, other), { code: "not-attested" });
    const { signature } = evidence.answer;
    const answer = { ...evidence.answer, signature: signature.with(40, (signature[40] ?? 0) ^ 1) };
    await assert.rejects(verifyAttestation({ ...evidence, answer }, demands), { code: "not-attested" });
  }
});

test("verifySelfTest believes the chip's own result of the test that was asked for, and no other", async () => {
  const [part, stranger] = [await newPart("se051", "tested"), await newPart("a5000", "tested too")];
  const nonce = freshness(5);
  const evidence = await readSelfTest(part.chip, { mode: 0xfe01, freshness: nonce });
  const { chipId = "", anchors, time, hash, verifier } = demandsOf(part, nonce);
  const demands = { anchors, time, hash, verifier, chipId, mode: 0xfe01, freshness: nonce };
  assert.equal(await verifySelfTest(evidence, demands), true);
  const { answer } = evidence;
  for (const wrong of [
    verifySelfTest(evidence, { ...demands, mode: 0xfd02 }),
    verifySelfTest(evidence, { ...demands, freshness: freshness(6) }),
    verifySelfTest(evidence, { ...demands, freshness: new Uint8Array(4) }),
    verifySelfTest(evidence, { ...demands, anchors: [] }),
    verifySelfTest({ ...evidence, answer: { ...answer, result: 2 } }, demands),
    verifySelfTest(await readSelfTest(stranger.chip, { mode: 0xfe01, freshness: nonce }), demands),
  ]) {
    await assert.rejects(wrong, { code: "not-attested" });
  }
});

test("verifyAttestation accepts none of over 200 statements that are of another chip, stale, imported, changed or revoked", async (t) => {
  const negatives = new Negatives();
  for (const model of MODELS) {
    const [part, stranger] = [await newPart(model, `${model} one`), await newPart(model, `${model} two`)];
    const nonce = freshness(3);
    const evidence = await ask(part, nonce);
    const demands = demandsOf(part, nonce);
    await otherChips(negatives, { part, stranger, demands, evidence });
    await stale(negatives, { part, demands });
    await changedObjects(negatives, part);
    await distrusted(negatives, { part, evidence, demands });
    await tampered(negatives, evidence, demands);
  }
  t.diagnostic(`0 of ${negatives.total} wrong statements were accepted`);
  assert.ok(negatives.total >= 200, `${negatives.total} negatives`);
  for (const finding of [
    "certificate",
    "other-certificate",
    "signature",
    "stale",
    "other-chip",
    "origin",
    "type",
    "policy",
    "data",
  ] as const) {
    assert.ok((negatives.byFinding.get(finding) ?? 0) >= 3, finding);
  }
});

async function otherChips(
  negatives: Negatives,
  world: { part: Part; stranger: Part; demands: AttestationDemands; evidence: AttestationEvidence },
) {
  const { stranger, demands, evidence, part } = world;
  const theirs = await ask(stranger, demands.freshness);
  await negatives.refuses(theirs, demands, "other-chip");
  // The stranger's signature under the part's certificate, and the other way round.
  await negatives.refuses({ ...theirs, chain: evidence.chain }, demands, "other-certificate");
  await negatives.refuses({ ...evidence, chain: theirs.chain }, demands, "other-certificate");
  await negatives.refuses(
    { ...evidence, answer: { ...evidence.answer, chipId: theirs.answer.chipId } },
    demands,
    "other-certificate",
  );
  // Keys of the same part that sign whatever they are given: the host makes up an answer and has the device key sign it.
  for (const keyId of [SE05X_OBJECT.deviceKey, SE05X_OBJECT.gatewayKey, SE05X_OBJECT.connectionKey, KEY]) {
    const { answer, algorithm } = evidence;
    const asked = {
      objectId: KEY,
      attestationId: SE05X_OBJECT.attestationKey,
      algorithm,
      freshness: demands.freshness,
    };
    const digest = nodeHash.digest("sha256", attestationContent(nodeHash, "readAttested", asked, answer));
    const { signature } = await part.chip.send("sign", { objectId: keyId, algorithm: SE05X_SIGNATURE.sha256, digest });
    const forged = { ...evidence, answer: { ...answer, signature } };
    await negatives.refuses(forged, demands, "signature");
    const certificate = keyId === KEY ? undefined : await part.chip.readCertificate(keyId + 1);
    if (certificate) await negatives.refuses({ ...forged, chain: [certificate] }, demands, "other-certificate");
  }
}

async function stale(negatives: Negatives, { part, demands }: { part: Part; demands: AttestationDemands }) {
  for (let i = 10; i < 22; i++) {
    const old = await ask(part, freshness(i));
    await negatives.refuses(old, demands, part.model === "se050" ? "stale" : "signature");
    if (old.answer.form === 3) {
      const pretended = { ...old, answer: { ...old.answer, freshness: demands.freshness } };
      await negatives.refuses(pretended, demands, "signature");
    }
  }
  const short = await ask(part, new Uint8Array(4));
  await negatives.refuses(short, { ...demands, freshness: new Uint8Array(4) }, "stale");
}

async function changedObjects(negatives: Negatives, part: Part) {
  const { chip } = part;
  const nonce = freshness(40);
  const fresh = async () => ask(part, nonce);
  const demands = demandsOf(part, nonce);
  const rights = [
    RIGHT.write,
    RIGHT.generate,
    RIGHT.keyAgreement,
    RIGHT.verify,
    RIGHT.encrypt,
    RIGHT.decrypt,
    RIGHT.attest,
  ];
  for (const right of rights) {
    await chip.send("deleteObject", { objectId: KEY });
    const policy = POLICY.map((entry) => ({ ...entry, rights: (entry.rights | right) >>> 0 }));
    await chip.send("writeEcKey", { part: SE05X_PART.pair, objectId: KEY, curve: SE05X_CURVE.p256, policy });
    const { bytes } = await chip.send("readObject", { objectId: KEY });
    await negatives.refuses(await fresh(), { ...demands, data: bytes }, "policy");
    await negatives.refuses(await fresh(), { ...demands, policy }, "data");
  }
  for (let seed = 1; seed <= 8; seed++) {
    await chip.send("deleteObject", { objectId: KEY });
    const privateKey = nodeHash.digest("sha256", Uint8Array.of(seed));
    const publicKey = nodeSe05xCrypto.p256.publicPoint(privateKey);
    const key = {
      part: SE05X_PART.pair,
      objectId: KEY,
      curve: SE05X_CURVE.p256,
      policy: POLICY,
      privateKey,
      publicKey,
    };
    await chip.send("writeEcKey", key);
    await negatives.refuses(await fresh(), { ...demands, data: publicKey }, "origin");
    await chip.send("deleteObject", { objectId: KEY });
    await chip.send("writeEcKey", { ...key, part: SE05X_PART.public, privateKey: undefined });
    await negatives.refuses(await fresh(), { ...demands, data: publicKey }, "origin");
    const types = { ...demands, data: publicKey, origins: [1, 2, 3], type: 0x01 };
    await negatives.refuses(await fresh(), types, "type");
  }
  await chip.send("writeBinary", { objectId: FILE, length: 65, data: part.point, policy: POLICY });
  await negatives.refuses(await ask(part, nonce, FILE), { ...demands, objectId: FILE }, "origin");
  await negatives.refuses(await ask(part, nonce, FILE), demands, part.model === "se050" ? "other-object" : "signature");
}

async function distrusted(
  negatives: Negatives,
  { part, evidence, demands }: { part: Part; evidence: AttestationEvidence; demands: AttestationDemands },
) {
  const [der] = evidence.chain;
  const leaf = parseCertificate(der ?? assert.fail());
  await negatives.refuses(evidence, { ...demands, distrusted: new Set([ROOT.certificate.id]) }, "certificate");
  await negatives.refuses(evidence, { ...demands, distrusted: new Set([certificateId(leaf.der)]) }, "certificate");
  await negatives.refuses(evidence, { ...demands, anchors: [] }, "certificate");
  await negatives.refuses({ ...evidence, chain: [] }, demands, "certificate");
  await negatives.refuses({ ...evidence, chain: [leaf.der.slice(0, 100)] }, demands, "certificate");
  await negatives.refuses(evidence, { ...demands, time: Date.UTC(2019, 0, 1) }, "certificate");
  await negatives.refuses(evidence, { ...demands, time: Date.UTC(2060, 0, 1) }, "certificate");
  const other = await otherRoot(ROOT.certificate.subject.text);
  await negatives.refuses(evidence, { ...demands, anchors: [other.certificate] }, "certificate");
  // A part of nobody's: whoever names its own root the same certifies what it likes.
  const impostor = await newPart(part.model, "impostor", other);
  const theirs = { ...demandsOf(impostor, demands.freshness) };
  await negatives.refuses(await ask(impostor, demands.freshness), theirs, "certificate");
  const crl = await issueCrl({
    issuer: ROOT,
    number: 1,
    thisUpdate: Date.UTC(2026, 0, 1),
    nextUpdate: Date.UTC(2027, 0, 1),
    revoked: new Map([[leaf.serialNumber, { time: Date.UTC(2026, 1, 1), reason: "keyCompromise" }]]),
  });
  await negatives.refuses(evidence, { ...demands, crls: [crl] }, "certificate");
}

async function otherRoot(name: string): Promise<Issuer> {
  const scalar = nodeHash.digest("sha256", new TextEncoder().encode("another root"));
  const point = nodeSe05xCrypto.p256.publicPoint(scalar);
  const jwk = {
    kty: "EC",
    crv: "P-256",
    d: Buffer.from(scalar).toString("base64url"),
    x: Buffer.from(point.subarray(1, 33)).toString("base64url"),
    y: Buffer.from(point.subarray(33)).toString("base64url"),
  };
  const signer: Signer = nodeSigner(createPrivateKey({ key: jwk, format: "jwk" }));
  const subject = nameFromText(name);
  const validity = { notBefore: Date.UTC(2020, 0, 1), notAfter: Date.UTC(2049, 11, 31) };
  const entropy = new SeededEntropy(nodeHash, "another root");
  return { signer, certificate: await issueRootCertificate({ subject, validity, entropy, signer }) };
}

/** Every byte of a signed answer changed in turn, by steps: nothing of it may be believed. */
async function tampered(negatives: Negatives, evidence: AttestationEvidence, demands: AttestationDemands) {
  const bytes = encode(attestation, evidence.answer);
  for (let at = 4; at < bytes.length; at += 5) {
    const changed = bytes.with(at, (bytes[at] ?? 0) ^ 0x10);
    let answer: AttestationEvidence["answer"];
    try {
      answer = decode(attestation, changed);
    } catch {
      continue;
    }
    if (equal(encode(attestation, answer), bytes)) continue;
    const { chipId: _chip, policy: _policy, data: _data, ...lenient } = demands;
    const origins = Array.from({ length: 256 }, (_, i) => i);
    const all = ["signature", "stale", "other-certificate"] as const;
    await negatives.refuses({ ...evidence, answer }, { ...lenient, origins }, ...all);
  }
  for (const algorithm of [0x11, SE05X_SIGNATURE.sha384, SE05X_SIGNATURE.sha512, 0x00]) {
    await negatives.refuses({ ...evidence, algorithm }, demands, "signature");
  }
}
