/** Keys on every curve of the family against node:crypto. */
import assert from "node:assert/strict";
import {
  createECDH,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSign,
  createVerify,
  diffieHellman,
  generateKeyPairSync,
  sign,
  verify,
} from "node:crypto";
import { test } from "node:test";

import { Chance } from "../../../test/chip/differential.ts";
import { type Host, newSe05x } from "../../../test/chip/se05x.ts";
import { concat, fromHex, toHex } from "../../codec/index.ts";
import { EC_DOMAINS, type EcDomain } from "../../apdu/se05x/index.ts";
import { MemoryInRam } from "../index.ts";

const A = 0x20000001;
const B = 0x20000002;
const C = 0x20000003;
/** Cases of each curve: a signature takes a millisecond to check, on long curves ten. */
const PER_CURVE = process.env.HAWSER_DEEP === "1" ? 625 : 2;

const HASHES = [
  [0x11, "sha1"],
  [0x25, "sha224"],
  [0x21, "sha256"],
  [0x22, "sha384"],
  [0x26, "sha512"],
] as const;

/** Parameters in the order in which NXP's host library sets them. */
function makeCurve(host: Host, curve: number, domain: EcDomain): void {
  host.send("createCurve", { curve });
  const even = (digits: string) => fromHex(digits.length % 2 ? `0${digits}` : digits);
  for (const [parameter, value] of [
    [0x01, even(domain.a)],
    [0x02, even(domain.b)],
    [0x04, fromHex(domain.g)],
    [0x08, even(domain.n)],
    [0x10, even(domain.p)],
  ] as const) {
    host.send("setCurveParameter", { curve, parameter, value });
  }
}

async function newHost() {
  const { host, chip } = await newSe05x({ model: "se051" });
  for (const [curve, domain] of EC_DOMAINS) if (curve !== 3 && curve !== 4) makeCurve(host, curve, domain);
  return { host, chip };
}

/** node:crypto's own form of a key whose halves are known. */
function nodeKeys(name: string, scalar: Uint8Array) {
  const ecdh = createECDH(name);
  ecdh.setPrivateKey(scalar);
  const { publicKey: sample } = generateKeyPairSync("ec", { namedCurve: name });
  const spki = sample.export({ format: "der", type: "spki" });
  const point = Uint8Array.from(ecdh.getPublicKey());
  const publicKey = createPublicKey({
    key: Buffer.concat([spki.subarray(0, spki.length - point.length), point]),
    format: "der",
    type: "spki",
  });
  const octets = (tag: number, body: Uint8Array) =>
    Uint8Array.of(tag, ...(body.length > 127 ? [0x81] : []), body.length, ...body);
  const inner = octets(0x30, concat(fromHex("020101"), octets(0x04, scalar)));
  const algorithm = spki.subarray(spki[1] === 0x81 ? 3 : 2, spki.length - point.length - (point.length > 126 ? 4 : 3));
  const pkcs8 = octets(0x30, concat(fromHex("020100"), algorithm, octets(0x04, inner)));
  return {
    point,
    publicKey,
    ecdh,
    privateKey: createPrivateKey({ key: Buffer.from(pkcs8), format: "der", type: "pkcs8" }),
  };
}

test("EC_DOMAINS are those of node:crypto: the point of 1 is the generator, and that of n - 1 its negative", () => {
  assert.equal(EC_DOMAINS.size, 16);
  for (const { name, g, n, p } of EC_DOMAINS.values()) {
    const ecdh = createECDH(name);
    const length = (g.length / 2 - 1) / 2;
    ecdh.setPrivateKey(new Uint8Array(length).fill(1, length - 1));
    assert.equal(ecdh.getPublicKey("hex"), g, name);
    ecdh.setPrivateKey(fromHex((BigInt(`0x${n}`) - 1n).toString(16).padStart(n.length + (n.length % 2), "0")));
    const negative = ecdh.getPublicKey("hex");
    assert.equal(negative.slice(0, 2 + 2 * length), g.slice(0, 2 + 2 * length), name);
    const y = BigInt(`0x${p}`) - BigInt(`0x${g.slice(2 + 2 * length)}`);
    assert.equal(BigInt(`0x${negative.slice(2 + 2 * length)}`), y, name);
  }
});

test("Se05xChip signs, verifies and agrees on every prime curve as node:crypto does", async (t) => {
  const { host } = await newHost();
  const chance = new Chance("curves");
  for (const [curve, { name, n }] of EC_DOMAINS) {
    const length =
      (host.send("writeEcKey", { part: 0x60, objectId: C, curve }), host.send("readSize", { objectId: C }).size);
    assert.equal(host.send("curveOfKey", { objectId: C }).curve, curve);
    assert.equal(host.send("readType", { objectId: C }).type, 0x21 + 4 * (curve - 1));
    const own = host.send("readObject", { objectId: C }).bytes;
    for (let i = 0; i < PER_CURVE; i++) {
      const scalar = chance.bytes(length);
      if (n.length >= 2 * length - 1) scalar[0] = n.length < 2 * length ? 0 : (scalar[0] ?? 0) & 0x7f;
      const keys = nodeKeys(name, scalar);
      host.send("writeEcKey", { part: 0x60, objectId: A, curve, privateKey: scalar, publicKey: keys.point });
      host.send("writeEcKey", { part: 0x20, objectId: B, curve, publicKey: keys.point });
      const [algorithm, hash] = chance.of(HASHES);
      const content = chance.bytes(chance.below(100));
      const digest = Uint8Array.from(createHash(hash).update(content).digest());
      const { signature } = host.send("sign", { objectId: A, algorithm, digest });
      assert.ok(createVerify(hash).update(content).verify(keys.publicKey, signature), name);
      const theirs = Uint8Array.from(createSign(hash).update(content).sign(keys.privateKey));
      assert.equal(host.send("verify", { objectId: B, algorithm, digest, signature: theirs }).result, 1, name);
      const wrong = digest.with(0, (digest[0] ?? 0) ^ 0x80);
      assert.equal(host.send("verify", { objectId: B, algorithm, digest: wrong, signature: theirs }).result, 2, name);
      const { sharedSecret } = host.send("agree", { objectId: A, peerPoint: own });
      assert.deepEqual(sharedSecret, Uint8Array.from(keys.ecdh.computeSecret(own)), name);
    }
    for (const objectId of [A, B, C]) host.send("deleteObject", { objectId });
  }
  t.diagnostic(`${PER_CURVE * EC_DOMAINS.size} cases of each operation, none differing`);
});

function hmac256(key: Uint8Array, input: Uint8Array): Uint8Array {
  return Uint8Array.from(createHmac("sha256", key).update(input).digest());
}

test("Se05xChip signs and verifies with Ed25519 as node:crypto does, with its bytes turned round on the wire", async (t) => {
  const { host } = await newSe05x({ model: "se051" });
  const chance = new Chance("ed25519");
  const cases = process.env.HAWSER_DEEP === "1" ? 10_000 : 20;
  for (let i = 0; i < cases; i++) {
    const seed = chance.bytes(32);
    const pkcs8 = Buffer.concat([fromHex("302e020100300506032b657004220420"), seed]);
    const privateKey = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
    const publicKey = createPublicKey(privateKey);
    const raw = Uint8Array.from(publicKey.export({ format: "der", type: "spki" }).subarray(12));
    const wire = raw.toReversed();
    host.send("writeEcKey", { part: 0x60, objectId: A, curve: 0x40, privateKey: seed, publicKey: wire });
    assert.deepEqual(host.send("readObject", { objectId: A }).bytes, wire);
    const digest = chance.bytes(chance.below(300));
    const expected = Uint8Array.from(sign(null, digest, privateKey));
    const { signature } = host.send("sign", { objectId: A, algorithm: 0xa3, digest });
    assert.deepEqual(turned(signature), expected);
    assert.ok(verify(null, digest, publicKey, turned(signature)));
    host.sw("deleteObject", { objectId: B });
    host.send("writeEcKey", { part: 0x20, objectId: B, curve: 0x40, publicKey: wire });
    assert.equal(host.send("verify", { objectId: B, algorithm: 0xa3, digest, signature }).result, 1);
    const flipped = signature.with(5, (signature[5] ?? 0) ^ 1);
    assert.equal(host.send("verify", { objectId: B, algorithm: 0xa3, digest, signature: flipped }).result, 2);
  }
  assert.equal(host.sw("sign", { objectId: A, algorithm: 0x21, digest: new Uint8Array(32) }), "6a80");
  assert.equal(host.sw("agree", { objectId: A, peerPoint: new Uint8Array(32) }), "6985");
  assert.equal(host.send("readType", { objectId: A }).type, 0x65);
  assert.equal(
    host.sw("writeEcKey", {
      part: 0x60,
      objectId: C,
      curve: 0x40,
      privateKey: new Uint8Array(31),
      publicKey: new Uint8Array(32),
    }),
    "6a80",
  );
  t.diagnostic(`${cases} cases, none differing`);
});

function turned(signature: Uint8Array): Uint8Array {
  return concat(signature.slice(0, 32).toReversed(), signature.slice(32).toReversed());
}

test("Se05xChip agrees with X25519 and X448 as node:crypto does, and puts secrets into objects, turned round or not", async (t) => {
  const { host } = await newSe05x({ model: "se051" });
  const cases = process.env.HAWSER_DEEP === "1" ? 5_000 : 10;
  for (const [kind, curve, length, type] of [
    ["x25519", 0x41, 32, 0x69],
    ["x448", 0x43, 56, 0x71],
  ] as const) {
    host.sw("deleteObject", { objectId: A });
    host.sw("deleteObject", { objectId: C });
    host.send("writeSymmKey", { kind: 5, objectId: C, value: new Uint8Array(32) });
    for (let i = 0; i < cases; i++) {
      host.send("writeEcKey", { part: 0x60, objectId: A, curve });
      const mine = host.send("readObject", { objectId: A }).bytes;
      const theirs = kind === "x25519" ? generateKeyPairSync("x25519") : generateKeyPairSync("x448");
      const spki = theirs.publicKey.export({ format: "der", type: "spki" });
      const head = spki.subarray(0, spki.length - length);
      const ours = createPublicKey({ key: Buffer.concat([head, mine.toReversed()]), format: "der", type: "spki" });
      const expected = Uint8Array.from(diffieHellman({ privateKey: theirs.privateKey, publicKey: ours }));
      const peerPoint = Uint8Array.from(spki.subarray(-length)).toReversed();
      const { sharedSecret } = host.send("agree", { objectId: A, peerPoint });
      assert.deepEqual(sharedSecret.toReversed(), expected, kind);
      for (const [direction, bytes] of [
        [0x0f, sharedSecret],
        [0x59, expected],
      ] as const) {
        host.send("agreeInto", { objectId: A, peerPoint, direction, targetId: C });
        const input = fromHex("00");
        const { mac } = host.send("mac", { objectId: C, algorithm: 0x19, input });
        assert.deepEqual(mac, hmac256(bytes, input));
      }
    }
    assert.equal(host.send("readType", { objectId: A }).type, type);
    assert.equal(host.sw("agree", { objectId: A, peerPoint: new Uint8Array(length) }), "6a80", "small order");
    assert.equal(host.sw("agree", { objectId: A, peerPoint: new Uint8Array(length - 1).fill(9) }), "6a80");
    assert.equal(host.sw("sign", { objectId: A, algorithm: 0xa3, digest: new Uint8Array(3) }), "6985");
  }
  t.diagnostic(`${cases} cases a curve, none differing`);
});

test("Curves are made parameter by parameter, hold keys once they are whole, and outlive power", async () => {
  const memory = new MemoryInRam();
  const { host } = await newSe05x({ model: "se050", memory });
  const domain = EC_DOMAINS.get(0x05) ?? assert.fail();
  assert.equal(toHex(host.send("readCurveList", {}).curves), `01010202${"01".repeat(13)}`);
  assert.equal(host.sw("writeEcKey", { part: 0x60, objectId: A, curve: 0x05 }), "6a80");
  assert.equal(host.sw("setCurveParameter", { curve: 0x05, parameter: 1, value: fromHex("01") }), "6985");
  host.send("createCurve", { curve: 0x05 });
  assert.equal(host.sw("createCurve", { curve: 0x05 }), "6985");
  assert.equal(host.sw("createCurve", { curve: 0x11 }), "6a80", "the curve for ECDAA is absent");
  assert.equal(host.sw("setCurveParameter", { curve: 0x05, parameter: 2, value: fromHex("01") }), "6a80");
  assert.equal(host.sw("setCurveParameter", { curve: 0x05, parameter: 3, value: fromHex("01") }), "6a80");
  host.send("setCurveParameter", { curve: 0x05, parameter: 1, value: fromHex(`0${domain.a}`) });
  assert.equal(host.sw("writeEcKey", { part: 0x60, objectId: A, curve: 0x05 }), "6a80", "four are missing");
  host.send("deleteCurve", { curve: 0x05 });
  makeCurve(host, 0x05, domain);
  host.send("writeEcKey", { part: 0x60, objectId: A, curve: 0x05 });
  assert.equal(host.sw("deleteCurve", { curve: 0x05 }), "6985", "there is a key on it");
  const { host: later } = await newSe05x({ model: "se050", memory });
  assert.equal(toHex(later.send("readCurveList", {}).curves), `0101020202${"01".repeat(12)}`);
  const digest = new Uint8Array(64).fill(1);
  assert.ok(later.send("sign", { objectId: A, algorithm: 0x26, digest }).signature.length > 100);
  later.send("deleteObject", { objectId: A });
  later.send("deleteCurve", { curve: 0x05 });
  assert.equal(later.sw("deleteCurve", { curve: 0x05 }), "6985");
});
