/** RSA of the chip against node:crypto. */
import assert from "node:assert/strict";
import {
  constants,
  createPublicKey,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
  sign,
  verify,
} from "node:crypto";
import { test } from "node:test";

import { Chance } from "../../../test/chip/differential.ts";
import { type Host, newSe05x } from "../../../test/chip/se05x.ts";
import { fromHex, toHex } from "../../codec/index.ts";
import { MemoryInRam } from "../index.ts";

const PAIR = 0x20000001;
const PUBLIC = 0x20000002;
const DEEP = process.env.HAWSER_DEEP === "1";
const { RSA_PKCS1_PADDING, RSA_PKCS1_PSS_PADDING, RSA_PKCS1_OAEP_PADDING, RSA_NO_PADDING } = constants;

const SIGNATURES = [
  [0x0a, "sha1", RSA_PKCS1_PADDING],
  [0x27, "sha224", RSA_PKCS1_PADDING],
  [0x28, "sha256", RSA_PKCS1_PADDING],
  [0x29, "sha384", RSA_PKCS1_PADDING],
  [0x2a, "sha512", RSA_PKCS1_PADDING],
  [0x15, "sha1", RSA_PKCS1_PSS_PADDING],
  [0x2b, "sha224", RSA_PKCS1_PSS_PADDING],
  [0x2c, "sha256", RSA_PKCS1_PSS_PADDING],
  [0x2d, "sha384", RSA_PKCS1_PSS_PADDING],
  [0x2e, "sha512", RSA_PKCS1_PSS_PADDING],
] as const;

function nodePair(bits: number) {
  const pair = generateKeyPairSync("rsa", { modulusLength: bits });
  const jwk = pair.privateKey.export({ format: "jwk" });
  const part = (name: "n" | "e" | "d" | "p" | "q" | "dp" | "dq" | "qi") =>
    Uint8Array.from(Buffer.from(jwk[name] ?? assert.fail(), "base64url"));
  const [n, e, d, p, q, dp, dq, qInv] = [
    part("n"),
    part("e"),
    part("d"),
    part("p"),
    part("q"),
    part("dp"),
    part("dq"),
    part("qi"),
  ];
  return { ...pair, parts: { n, e, d, p, q, dp, dq, qInv } };
}

/** Writes numbers one a command, as NXP's host library does. */
function inject(
  host: Host,
  target: { part: number; form: number; objectId: number; bits: number },
  parts: Readonly<Record<string, Uint8Array>>,
): void {
  for (const [i, [name, bytes]] of Object.entries(parts).entries()) {
    const { bits, ...rest } = target;
    host.send("writeRsaKey", { ...rest, part: i === 0 ? target.part : 0, ...(i === 0 ? { bits } : {}), [name]: bytes });
  }
}

test("Se05xChip signs, verifies, encrypts and decrypts with RSA as node:crypto does, with keys in both forms", async (t) => {
  const { host } = await newSe05x({ model: "se051" });
  const chance = new Chance("rsa");
  let cases = 0;
  for (const [bits, rounds] of DEEP
    ? ([
        [1024, 400],
        [2048, 400],
        [3072, 100],
        [4096, 100],
      ] as const)
    : ([
        [1024, 10],
        [2048, 10],
      ] as const)) {
    const { publicKey, privateKey, parts } = nodePair(bits);
    const { n, e, d, ...crt } = parts;
    for (const form of [0x00, 0x4f]) {
      host.sw("deleteObject", { objectId: PAIR });
      host.sw("deleteObject", { objectId: PUBLIC });
      inject(host, { part: 0x60, form, objectId: PAIR, bits }, form === 0x4f ? { n, e, d } : { ...crt, e, n });
      inject(host, { part: 0x20, form, objectId: PUBLIC, bits }, { e, n });
      assert.deepEqual(host.send("readObject", { objectId: PAIR, component: 0 }).bytes, n);
      for (let i = 0; i < rounds; i++, cases++) {
        const [algorithm, hash, padding] = SIGNATURES[i % SIGNATURES.length] ?? assert.fail();
        const digest = chance.bytes(chance.below(500));
        const options = {
          padding,
          ...(padding === RSA_PKCS1_PSS_PADDING ? { saltLength: constants.RSA_PSS_SALTLEN_DIGEST } : {}),
        };
        if (bits === 1024 && algorithm === 0x2e) {
          assert.equal(
            host.sw("sign", { objectId: PAIR, algorithm, digest }),
            "6a80",
            "too short for PSS with SHA-512",
          );
          continue;
        }
        const { signature } = host.send("sign", { objectId: PAIR, algorithm, digest });
        assert.ok(verify(hash, digest, { key: publicKey, ...options }, signature), hash);
        const theirs = Uint8Array.from(sign(hash, digest, { key: privateKey, ...options }));
        assert.equal(host.send("verify", { objectId: PUBLIC, algorithm, digest, signature: theirs }).result, 1, hash);
        const wrong = theirs.with(9, (theirs[9] ?? 0) ^ 1);
        assert.equal(host.send("verify", { objectId: PUBLIC, algorithm, digest, signature: wrong }).result, 2, hash);
        encryptionAgrees(host, chance, { publicKey, privateKey, bits });
      }
    }
  }
  t.diagnostic(`${cases} cases of each operation, none differing`);
});

function encryptionAgrees(
  host: Host,
  chance: Chance,
  keys: Pick<ReturnType<typeof nodePair>, "publicKey" | "privateKey"> & { bits: number },
) {
  const length = keys.bits / 8;
  for (const [algorithm, padding, most] of [
    [0x0a, RSA_PKCS1_PADDING, length - 11],
    [0x0f, RSA_PKCS1_OAEP_PADDING, length - 42],
    [0x0c, RSA_NO_PADDING, length],
  ] as const) {
    const input = padding === RSA_NO_PADDING ? chance.bytes(length).with(0, 0) : chance.bytes(chance.below(most + 1));
    const { output } = host.send("rsaCipher", { objectId: PUBLIC, direction: 0x37, algorithm, input });
    assert.deepEqual(Uint8Array.from(privateDecrypt({ key: keys.privateKey, padding }, output)), input);
    const theirs = Uint8Array.from(publicEncrypt({ key: keys.publicKey, padding }, input));
    const back = host.send("rsaCipher", { objectId: PAIR, direction: 0x38, algorithm, input: theirs });
    assert.deepEqual(back.output, input);
  }
}

test("Se05xChip makes RSA pairs from its own entropy, in both forms, and tells their public halves", async () => {
  const memory = new MemoryInRam();
  const { host } = await newSe05x({ model: "se051", memory });
  const made: string[] = [];
  for (const [objectId, form, type, bits] of [
    [PAIR, 0x00, 0x05, 1024],
    [PUBLIC, 0x4f, 0x04, 1152],
  ] as const) {
    host.send("writeRsaKey", { part: 0x60, form, objectId, bits });
    assert.equal(host.send("readType", { objectId }).type, type);
    assert.equal(host.send("readSize", { objectId }).size, bits / 8);
    const n = host.send("readObject", { objectId, component: 0 }).bytes;
    const e = host.send("readObject", { objectId, component: 1 }).bytes;
    assert.deepEqual([n.length, (n[0] ?? 0) >> 7, toHex(e)], [bits / 8, 1, "010001"]);
    made.push(toHex(n));
    const key = createPublicKey({
      key: { kty: "RSA", n: Buffer.from(n).toString("base64url"), e: Buffer.from(e).toString("base64url") },
      format: "jwk",
    });
    const { host: later } = await newSe05x({ model: "se051", memory });
    const { signature } = later.send("sign", { objectId, algorithm: 0x28, digest: n });
    assert.ok(verify("sha256", n, key, signature));
  }
  const { host: again } = await newSe05x({ model: "se051" });
  again.send("writeRsaKey", { part: 0x60, form: 0x00, objectId: PAIR, bits: 1024 });
  assert.equal(
    toHex(again.send("readObject", { objectId: PAIR, component: 0 }).bytes),
    made[0],
    "the seed makes the key",
  );
});

test("Se05xChip refuses RSA keys and requests that do not fit", async () => {
  const { host } = await newSe05x({ model: "se051" });
  const { parts } = nodePair(1024);
  const { n, e, d, ...crt } = parts;
  const raw = { part: 0x60, form: 0x4f, objectId: PAIR };
  assert.equal(host.sw("writeRsaKey", { ...raw, bits: 1000 }), "6a80");
  assert.equal(host.sw("writeRsaKey", { ...raw, n }), "6a80", "no size");
  assert.equal(host.sw("writeRsaKey", { ...raw, bits: 1024, n, d }), "6a80", "one number a command");
  assert.equal(host.sw("writeRsaKey", { ...raw, bits: 1024, p: crt.p }), "6a80", "no part of a raw key");
  assert.equal(host.sw("writeRsaKey", { ...raw, part: 0x20, bits: 1024 }), "6a80", "only pairs are made");
  host.send("writeRsaKey", { ...raw, bits: 1024, n });
  assert.equal(host.sw("sign", { objectId: PAIR, algorithm: 0x28, digest: n }), "6985", "not whole yet");
  assert.equal(host.sw("readObject", { objectId: PAIR, component: 0 }), "6985");
  host.send("writeRsaKey", { ...raw, e });
  assert.equal(host.sw("writeRsaKey", { ...raw, d: d.with(3, (d[3] ?? 0) ^ 1) }), "6a80", "another key's exponent");
  assert.equal(host.sw("writeRsaKey", { ...raw, form: 0x00, d }), "6985", "a key keeps its form");
  host.send("writeRsaKey", { ...raw, d });
  assert.equal(host.sw("sign", { objectId: PAIR, algorithm: 0x21, digest: n }), "6a80");
  assert.equal(host.sw("readObject", { objectId: PAIR }), "6a80");
  assert.equal(host.sw("readObject", { objectId: PAIR, component: 2 }), "6a80");
  const cipher = { objectId: PAIR, direction: 0x38, input: new Uint8Array(128).fill(0xff) };
  assert.equal(host.sw("rsaCipher", { ...cipher, algorithm: 0x0c }), "6a80", "not below the modulus");
  assert.equal(host.sw("rsaCipher", { ...cipher, algorithm: 0x0a, input: fromHex("01") }), "6a80");
  assert.equal(host.sw("rsaCipher", { ...cipher, algorithm: 0x0f, input: new Uint8Array(128).fill(1) }), "6a80");
  assert.equal(host.sw("rsaCipher", { ...cipher, algorithm: 0x0a, input: new Uint8Array(128).fill(1) }), "6a80");
  assert.equal(host.sw("rsaCipher", { ...cipher, algorithm: 0x0d, input: new Uint8Array(128) }), "6a80");
  assert.equal(
    host.sw("rsaCipher", { ...cipher, direction: 0x37, algorithm: 0x0a, input: new Uint8Array(118) }),
    "6a80",
  );
  const bad = { part: 0x60, form: 0x00, objectId: PUBLIC };
  for (const [i, [name, bytes]] of Object.entries({ ...crt, e }).entries()) {
    host.send("writeRsaKey", { ...bad, ...(i === 0 ? { bits: 1024 } : {}), [name]: bytes });
  }
  assert.equal(
    host.sw("writeRsaKey", { ...bad, n: n.with(n.length - 1, (n.at(-1) ?? 0) ^ 2) }),
    "6a80",
    "not the primes' product",
  );
  const { host: small } = await newSe05x({ model: "a5000" });
  assert.equal(small.sw("writeRsaKey", { ...raw, bits: 1024 }), "6d00");
});

test("Se05xChip takes private RSA halves alone, raw or as primes, and tells no public one", async () => {
  const { host } = await newSe05x({ model: "se050" });
  const { parts, publicKey } = nodePair(1024);
  const { n, d, p, q, dp, dq, qInv } = parts;
  inject(host, { part: 0x40, form: 0x4f, objectId: PAIR, bits: 1024 }, { d, n });
  inject(host, { part: 0x40, form: 0x00, objectId: PUBLIC, bits: 1024 }, { p, q, dp, dq, qInv });
  for (const [objectId, type] of [
    [PAIR, 0x06],
    [PUBLIC, 0x07],
  ] as const) {
    assert.equal(host.send("readType", { objectId }).type, type);
    const { signature } = host.send("sign", { objectId, algorithm: 0x28, digest: n });
    assert.ok(verify("sha256", n, publicKey, signature));
    assert.equal(host.sw("readObject", { objectId, component: 0 }), "6986");
  }
});
