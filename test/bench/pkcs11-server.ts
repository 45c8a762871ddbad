/** A token over a chip in the same process, as SoftHSM is in its server's, in a process of its own. Speaks over IPC. */
import { A71chChip } from "../../src/chip/a71ch/index.ts";
import { nodeChipCrypto } from "../../src/chip/node.ts";
import { nodeClock, nodeEntropy, nodeHash } from "../../src/crypto/node.ts";
import { A71ch } from "../../src/host/a71ch/index.ts";
import { localTransport } from "../../src/host/index.ts";
import { Token } from "../../src/pkcs11/index.ts";
import { serveToken } from "../../src/pkcs11/node.ts";

type Settings = { readonly path: string; readonly label: string; readonly pin: string };

async function serve({ path, label, pin }: Settings): Promise<void> {
  const chip = new A71chChip({ crypto: nodeChipCrypto, entropy: nodeEntropy, clock: nodeClock });
  const open = async () => {
    const element = await A71ch.open(localTransport(chip), { hash: nodeHash, clock: nodeClock });
    return { element, close: () => element.close() };
  };
  await serveToken({ token: new Token({ open, hash: nodeHash, label, pin }), path });
  process.send?.("listening");
}

process.once("message", (settings: Settings) => void serve(settings));
process.once("disconnect", () => process.exit());
