import { nodeSe05xCrypto } from "../../src/chip/node.ts";
import { Se05xChip, type Se05xModelName } from "../../src/chip/se05x/index.ts";
import { SeededEntropy, VirtualClock } from "../../src/crypto/index.ts";
import { nodeHash } from "../../src/crypto/node.ts";

/** A seeded part of the SE05x family, and its clock. */
export async function newPart(model: Se05xModelName = "a5000", seed = "part") {
  const clock = new VirtualClock();
  const entropy = new SeededEntropy(nodeHash, seed);
  return { clock, chip: await Se05xChip.open({ model, crypto: nodeSe05xCrypto, entropy, clock }) };
}
