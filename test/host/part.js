import { nodeSe05xCrypto } from "../../src/chip/node.js";
import { Se05xChip } from "../../src/chip/se05x/index.js";
import { SeededEntropy, VirtualClock } from "../../src/crypto/index.js";
import { nodeHash } from "../../src/crypto/node.js";
/** A seeded part of the SE05x family, and its clock. */
export async function newPart(model = "a5000", seed = "part") {
  const clock = new VirtualClock();
  const entropy = new SeededEntropy(nodeHash, seed);
  return { clock, chip: await Se05xChip.open({ model, crypto: nodeSe05xCrypto, entropy, clock }) };
}
