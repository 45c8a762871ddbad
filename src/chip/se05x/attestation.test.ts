import assert from "node:assert/strict";
import { createPublicKey, createVerify } from "node:crypto";
import { test } from "node:test";

import { bytesOf, newSe05x } from "../../../test/chip/se05x.ts";
import { decodeExtendedCommand } from "../../apdu/index.ts";
import { attestedAnswer, RIGHT, SE05X_OBJECT } from "../../apdu/se05x/index.ts";
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
  assert.equal(host.sw("readAttested", { ...read, objectId: B }), "6986");
  const policy = [{ authObjectId: 0, rights: RIGHT.delete, extension: new Uint8Array(0) }];
  host.send("writeBinary", { objectId: A, length: 4, policy });
  assert.equal(host.sw("readAttested", { ...read, objectId: A }), "6986");
  assert.equal(
    host.sw("sign", { objectId: SE05X_OBJECT.attestationKey, algorithm: 0x21, digest: new Uint8Array(32) }),
    "6986",
  );
});
