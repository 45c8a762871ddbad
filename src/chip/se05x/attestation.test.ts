import assert from "node:assert/strict";
import { constants, createPublicKey, createVerify, verify } from "node:crypto";
import { test } from "node:test";

import { bytesOf, type Host, newSe05x } from "../../../test/chip/se05x.ts";
import { decodeExtendedCommand } from "../../apdu/index.ts";
import { attestedAnswer, attestedResult, RIGHT, SE05X_OBJECT, type Attestation } from "../../apdu/se05x/index.ts";
import { concat, encode, fromHex, toHex } from "../../codec/index.ts";
import { ecPublicKeyInfo } from "../../crypto/index.ts";
import { nodeHash } from "../../crypto/node.ts";

const A = 0x20000001;
const B = 0x20000002;
const FRESHNESS = fromHex("000102030405060708090a0b0c0d0e0f");
const ALGORITHMS = [
  [0x21, "sha256"],
  [0x22, "sha384"],
  [0x26, "sha512"],
] as const;

function accepts(point: Uint8Array, hash: string, content: Uint8Array, signature: Uint8Array): boolean {
  const key = createPublicKey({ key: Buffer.from(ecPublicKeyInfo(point)), format: "der", type: "spki" });
  return createVerify(hash).update(content).verify(key, signature);
}

test("Se05xChip of applet 7 signs command and answer of an attested read, and node:crypto accepts it", async () => {
  const { chip, host } = await newSe05x({ model: "a5000" });
  const { bytes: point } = host.send("readObject", { objectId: SE05X_OBJECT.attestationKey });
  host.send("writeEcKey", { part: 0x60, objectId: A });
  host.send("writeBinary", { objectId: B, length: 300, data: new Uint8Array(300).fill(9) });
  for (const objectId of [A, B]) {
    for (const [algorithm, hash] of ALGORITHMS) {
      const attested = { attestationId: SE05X_OBJECT.attestationKey, algorithm, freshness: FRESHNESS };
      const request = { objectId, ...attested };
      const answer = host.send("readAttested", request);
      assert.ok(answer.form === 7);
      assert.deepEqual(answer.data, host.send("readObject", { objectId }).bytes);
      assert.equal(toHex(answer.chipId), chip.uniqueId);
      assert.equal(answer.size, host.send("readSize", { objectId }).size);
      assert.deepEqual(answer.attributes, host.send("readAttributes", { objectId }).attributes);
      const { data } = decodeExtendedCommand(bytesOf("readAttested", request));
      const given = concat(fromHex("8022000000"), Uint8Array.of(data.length >> 8, data.length), data);
      const digest = nodeHash.digest("sha256", given);
      const { form: _, signature, ...signed } = answer;
      const content = concat(digest, encode(attestedAnswer, signed));
      assert.equal(accepts(point, hash, content, signature), true);
      assert.equal(accepts(point, hash, content.with(40, (content[40] ?? 0) ^ 1), signature), false);
      const attributes = host.send("readAttributesAttested", request);
      assert.ok(attributes.form === 7 && attributes.data === undefined);
    }
  }
});

test("Se05xChip of applet 3 signs data, attributes, timestamp, freshness and identifier of an attested read", async () => {
  const { chip, host } = await newSe05x({ model: "se050" });
  const { bytes: point } = host.send("readObject", { objectId: SE05X_OBJECT.attestationKey });
  const attested = { attestationId: SE05X_OBJECT.attestationKey, algorithm: 0x21, freshness: FRESHNESS };
  const answer = host.send("readAttested", { objectId: SE05X_OBJECT.sessionKey, ...attested });
  assert.ok(answer.form === 3);
  assert.deepEqual([toHex(answer.chipId), answer.freshness], [chip.uniqueId, FRESHNESS]);
  const { data = assert.fail(), attributes, timestamp, freshness, chipId, signature } = answer;
  const content = concat(data, attributes, timestamp, freshness, chipId);
  assert.equal(accepts(point, "sha256", content, signature), true);
  assert.equal(accepts(point, "sha256", content.with(0, 5), signature), false);
});

test("Se05xChip attests only with keys that may, with hashes that it has, of objects that may be read", async () => {
  const { host } = await newSe05x();
  const attested = { attestationId: SE05X_OBJECT.attestationKey, algorithm: 0x21, freshness: FRESHNESS };
  const read = { objectId: SE05X_OBJECT.uniqueId, ...attested };
  assert.equal(host.sw("readAttested", { ...read, attestationId: SE05X_OBJECT.deviceKey }), "6986");
  assert.equal(host.sw("readAttested", { ...read, attestationId: SE05X_OBJECT.uniqueId }), "6986");
  assert.equal(host.sw("readAttested", { ...read, attestationId: A }), "6985");
  assert.equal(host.sw("readAttested", { ...read, algorithm: 0x12 }), "6a80");
  host.send("writeSymmKey", { kind: 3, objectId: B, value: new Uint8Array(16) });
  assert.equal(host.sw("readAttested", { ...read, objectId: B }), "6985");
  const policy = [{ authObjectId: 0, rights: RIGHT.delete, extension: new Uint8Array(0) }];
  host.send("writeBinary", { objectId: A, length: 4, policy });
  assert.equal(host.sw("readAttested", { ...read, objectId: A }), "6986");
  assert.equal(
    host.sw("sign", { objectId: SE05X_OBJECT.attestationKey, algorithm: 0x21, digest: new Uint8Array(32) }),
    "6986",
  );
});

const SPKI_ED25519 = "302a300506032b6570032100";

/** What an attestation's signature covers, put together from the bytes of command and answer. */
function covered(command: Uint8Array, answer: Attestation): Uint8Array {
  if (answer.form === 3) {
    return concat(
      answer.data ?? new Uint8Array(0),
      answer.attributes,
      answer.timestamp,
      answer.freshness,
      answer.chipId,
    );
  }
  const { form: _, signature: __, ...told } = answer;
  const { ins, p1, p2, data } = decodeExtendedCommand(command);
  const given = concat(Uint8Array.of(0x80, ins, p1, p2, 0x00, data.length >> 8, data.length & 0xff), data);
  return concat(nodeHash.digest("sha256", given), encode(attestedAnswer, told));
}

/** Every attested read of an object, with the key that an algorithm takes. */
function attestedReads(host: Host, key: { readonly attestationId: number; readonly algorithm: number }, rsaId: number) {
  const attested = { ...key, freshness: FRESHNESS };
  const whole = { objectId: SE05X_OBJECT.deviceKey, ...attested };
  const part = { objectId: SE05X_OBJECT.deviceCertificate, offset: 3, length: 20, ...attested };
  const modulus = { objectId: rsaId, component: 0, ...attested };
  return [
    ...[whole, part, modulus].map((request) => ({
      command: bytesOf("readAttested", request),
      answer: host.send("readAttested", request),
    })),
    {
      command: bytesOf("readAttributesAttested", whole),
      answer:
        host.raw(bytesOf("readAttributesAttested", whole)).sw === 0x9000 && host.send("readAttributesAttested", whole),
    },
  ];
}

for (const model of ["se050", "se051"] as const) {
  test(`An ${model} attests every read with RSA and Ed25519 keys too, and node:crypto accepts the signatures`, async () => {
    const { host } = await newSe05x({ model });
    const [RSA, EDWARDS] = [0x20000011, 0x20000012];
    host.send("writeRsaKey", { part: 0x60, form: 0, objectId: RSA, bits: 1024 });
    host.send("writeEcKey", { part: 0x60, objectId: EDWARDS, curve: 0x40 });
    const modulus = host.send("readObject", { objectId: RSA, component: 0 }).bytes;
    const n = Buffer.from(modulus).toString("base64url");
    const rsa = createPublicKey({ key: { kty: "RSA", n, e: "AQAB" }, format: "jwk" });
    const edwards = createPublicKey({
      key: Buffer.from(SPKI_ED25519 + toHex(host.send("readObject", { objectId: EDWARDS }).bytes.toReversed()), "hex"),
      format: "der",
      type: "spki",
    });
    const turned = (signature: Uint8Array) =>
      concat(signature.slice(0, 32).toReversed(), signature.slice(32).toReversed());
    const pss = { key: rsa, padding: constants.RSA_PKCS1_PSS_PADDING };
    const keys = [
      { attestationId: RSA, algorithm: 0x28, holds: (m: Uint8Array, s: Uint8Array) => verify("sha256", m, rsa, s) },
      { attestationId: RSA, algorithm: 0x2c, holds: (m: Uint8Array, s: Uint8Array) => verify("sha256", m, pss, s) },
      {
        attestationId: EDWARDS,
        algorithm: 0xa3,
        holds: (m: Uint8Array, s: Uint8Array) => verify(null, m, edwards, turned(s)),
      },
    ];
    for (const { holds, ...key } of keys) {
      for (const { command, answer } of attestedReads(host, key, RSA)) {
        if (answer === false) {
          assert.equal(model, "se050", "attributes are read from applet 4 on");
          continue;
        }
        const message = covered(command, answer);
        assert.equal(answer.form, model === "se050" ? 3 : 7);
        assert.equal(holds(message, answer.signature), true);
        assert.equal(holds(message.with(33, (message[33] ?? 0) ^ 1), answer.signature), false);
      }
    }
    assert.equal(
      host.sw("readAttested", {
        objectId: RSA,
        component: 0,
        attestationId: RSA,
        algorithm: 0x21,
        freshness: FRESHNESS,
      }),
      "6a80",
    );
  });
}

test("Se05xChip signs the result of an attested self test with the command in the form that hosts send", async () => {
  const { chip, host } = await newSe05x();
  const { bytes: point } = host.send("readObject", { objectId: SE05X_OBJECT.attestationKey });
  const request = { mode: 0xfe01, attestationId: SE05X_OBJECT.attestationKey, algorithm: 0x21, freshness: FRESHNESS };
  const { signature, ...told } = host.send("triggerSelfTestAttested", request);
  assert.deepEqual([told.result, toHex(told.chipId)], [1, chip.uniqueId]);
  const command = bytesOf("triggerSelfTestAttested", request);
  const content = concat(nodeHash.digest("sha256", command), encode(attestedResult, told));
  assert.equal(accepts(point, "sha256", content, signature), true);
  assert.equal(accepts(point, "sha256", content.with(34, 2), signature), false);
  assert.equal(host.sw("triggerSelfTestAttested", { ...request, mode: 1 }), "6985");
  assert.equal(host.sw("triggerSelfTestAttested", { ...request, attestationId: SE05X_OBJECT.deviceKey }), "6986");
  const { host: older } = await newSe05x({ model: "se050" });
  assert.equal(older.sw("triggerSelfTestAttested", request), "6d00");
});
