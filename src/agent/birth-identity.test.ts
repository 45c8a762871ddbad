import assert from "node:assert/strict";
import { test } from "node:test";

import { SE05X_OBJECT } from "../apdu/se05x/index.ts";
import { nodeSe05xCrypto } from "../chip/node.ts";
import { Se05xChip, testRoot } from "../chip/se05x/index.ts";
import { equal, HawserError, toHex } from "../codec/index.ts";
import { SeededEntropy, VirtualClock } from "../crypto/index.ts";
import { nodeHash, nodeVerifier } from "../crypto/node.ts";
import { localTransport } from "../host/index.ts";
import { Se05x } from "../host/se05x/index.ts";
import { parseCertificate, validatePath } from "../pki/index.ts";

test("A5-09 every part has an identity of its own: a key pair, and a certificate for it under the maker's root", async () => {
  const root = await testRoot({ p256: nodeSe05xCrypto.p256, hash: nodeHash });
  const seen = new Set<string>();
  for (let n = 0; n < 8; n++) {
    const clock = new VirtualClock();
    const entropy = new SeededEntropy(nodeHash, `part ${n}`);
    const part = await Se05xChip.open({ model: "a5000", crypto: nodeSe05xCrypto, entropy, clock });
    const device = await Se05x.open(localTransport(part), { hash: nodeHash, clock });
    const der = (await device.readCertificate(SE05X_OBJECT.deviceCertificate)) ?? assert.fail();
    const signer = await device.signer(SE05X_OBJECT.deviceKey);
    assert.ok(equal(parseCertificate(der).publicKey.der, signer.publicKey));
    const options = { chain: [der], anchors: [root.certificate], time: clock.now(), purpose: "any" as const };
    await validatePath({ ...options, verifier: nodeVerifier });
    for (const name of [device.identity.uniqueId, toHex(signer.publicKey), parseCertificate(der).id]) {
      assert.ok(!seen.has(name), name);
      seen.add(name);
    }
  }
  assert.equal(seen.size, 24);
});

test("A5-05 an A5000 gives no secret away: keys and credentials are neither read nor exported, only used", async () => {
  const clock = new VirtualClock();
  const entropy = new SeededEntropy(nodeHash, "secrets");
  const part = await Se05xChip.open({ model: "a5000", crypto: nodeSe05xCrypto, entropy, clock });
  const device = await Se05x.open(localTransport(part), { hash: nodeHash, clock });
  const value = new Uint8Array(16).fill(0x77);
  await device.send("writeSymmKey", { kind: 0x03, objectId: 0x2000_0001, value });
  await device.send("writeSymmKey", { kind: 0x05, objectId: 0x2000_0002, value });
  await device.send("writeUserId", { insFlags: 0x40, objectId: 0x2000_0003, value });
  const scalar = new Uint8Array(32).fill(0x77);
  const point = nodeSe05xCrypto.p256.publicPoint(scalar);
  await device.injectKeyPair(0x2000_0004, { scalar, point });
  const refused = (error: unknown) => error instanceof HawserError && error.code === "status-word";
  for (const objectId of [0x2000_0001, 0x2000_0002, 0x2000_0003]) {
    await assert.rejects(device.send("readObject", { objectId }), refused);
    await assert.rejects(device.send("exportObject", { objectId }), refused);
  }
  // Of a pair the public half is read, and nothing else.
  assert.deepEqual((await device.send("readObject", { objectId: 0x2000_0004 })).bytes, point);
  for (const objectId of [0x2000_0004, SE05X_OBJECT.deviceKey, SE05X_OBJECT.attestationKey]) {
    await assert.rejects(device.send("exportObject", { objectId }), refused);
  }
  assert.doesNotMatch(JSON.stringify(part.facts()), /7777/);
});
