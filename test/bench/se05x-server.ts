/** A simulated SE051 in a process of its own, as the one it is measured beside is. Tells its port over IPC. */
import { nodeSe05xCrypto, serveChip } from "../../src/chip/node.ts";
import { Se05xChip } from "../../src/chip/se05x/index.ts";
import { nodeClock, nodeEntropy } from "../../src/crypto/node.ts";

const ports = { crypto: nodeSe05xCrypto, entropy: nodeEntropy, clock: nodeClock };
const { port } = await serveChip({ chip: await Se05xChip.open({ model: "se051", ...ports }), port: 0 });
process.send?.(port);
process.once("disconnect", () => process.exit());
