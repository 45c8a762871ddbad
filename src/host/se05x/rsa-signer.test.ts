import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { test } from "node:test";

import { nodeSe05xCrypto } from "../../chip/node.ts";
import { Se05xChip } from "../../chip/se05x/index.ts";
import { HawserError } from "../../codec/index.ts";
import { SeededEntropy, VirtualClock } from "../../crypto/index.ts";
import { nodeHash, nodeVerifier } from "../../crypto/node.ts";
import { localTransport } from "../index.ts";
import { Se05x, se05xPolicy } from "./index.ts";

const KEY = 0x2000_0001;

async function open() {
  const clock = new VirtualClock();
  const entropy = new SeededEntropy(nodeHash, "rsa");
  const chip = await Se05xChip.open({ model: "se050", crypto: nodeSe05xCrypto, entropy, clock });
  return Se05x.open(localTransport(chip), { hash: nodeHash, clock });
}

test("Se05x signs by RSA with a key that an SE050 made, in every form, and node:crypto accepts it", async () => {
  const device = await open();
  await device.send("writeRsaKey", { part: 0x60, form: 0x00, objectId: KEY, bits: 2048 });
  const signer = await device.signer(KEY);
  const key = createPublicKey({ key: Buffer.from(signer.publicKey), format: "der", type: "spki" });
  assert.deepEqual([key.asymmetricKeyType, key.asymmetricKeyDetails?.modulusLength], ["rsa", 2048]);
  assert.equal(signer.algorithms.length, 6);
  for (const algorithm of signer.algorithms) {
    // What one command takes is hashed in the chip; of what is longer the host makes the block.
    for (const length of [5, 768, 769, 5000]) {
      const content = new Uint8Array(length).fill(0x31);
      const signature = await signer.sign(algorithm, content);
      const check = { publicKey: signer.publicKey, algorithm, content, signature };
      assert.equal(await nodeVerifier.verify(check), true, algorithm);
      assert.equal(await nodeVerifier.verify({ ...check, content: content.with(0, 0) }), false, algorithm);
    }
  }
  const code = (expected: string) => (error: unknown) => error instanceof HawserError && error.code === expected;
  await assert.rejects(signer.sign("ecdsa_sha256", new Uint8Array(1)), code("bad-argument"));
  const signOnly = KEY + 1;
  await device.rsa.generate(signOnly, 1024, se05xPolicy({ may: ["sign", "read"] }));
  const strict = await device.signer(signOnly);
  await strict.sign("rsa_pss_sha256", new Uint8Array(768));
  await assert.rejects(strict.sign("rsa_pss_sha256", new Uint8Array(769)), code("status-word"));
  // What is no EC pair on the slots' curves is no slot.
  assert.ok((await device.keySlots()).every(({ slot }) => slot !== KEY));
});
