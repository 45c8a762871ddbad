import { sign } from "node:crypto";

import { A71chChip } from "../../src/chip/a71ch/index.ts";
import { nodeChipCrypto, serveChip } from "../../src/chip/node.ts";
import { privateKeyFromPem, nodeClock, nodeEntropy, nodeHash } from "../../src/crypto/node.ts";
import { A71ch } from "../../src/host/a71ch/index.ts";
import { localTransport, type Transport } from "../../src/host/index.ts";
import { connectChip } from "../../src/host/node.ts";
import { type BenchOptions, type BenchRow, ratePerSecond } from "./bench-row.ts";

const SLOT = 0;
const content = new Uint8Array(64).fill(0x61);

/** Signatures per second by a simulated A71CH, against node:crypto with a key of the same kind in this process. */
export async function run({ long }: BenchOptions): Promise<BenchRow[]> {
  const minimumMs = long ? 8000 : 800;
  const key = privateKeyFromPem(SOFTWARE_KEY);
  const peer = await ratePerSecond(minimumMs, () => sign("sha256", content, key));
  const inProcess = await signsPerSecond(minimumMs, async (chip) => localTransport(chip));
  const overTcp = await signsPerSecond(minimumMs, async (chip, cleanUp) => {
    const served = await serveChip({ chip, port: 0 });
    cleanUp(() => served.close());
    return connectChip(`127.0.0.1:${served.port}`);
  });
  const note = "node:crypto signing with a software key, synchronously";
  return [
    { name: "sign P-256, chip in process", ours: inProcess, peer, ratio: inProcess / peer, unit: "signs/s", note },
    { name: "sign P-256, chip over TCP (JRCP v1)", ours: overTcp, peer, ratio: overTcp / peer, unit: "signs/s", note },
  ];
}

async function signsPerSecond(
  minimumMs: number,
  transportTo: (chip: A71chChip, cleanUp: (task: () => Promise<void>) => void) => Promise<Transport>,
): Promise<number> {
  const tasks: (() => Promise<void>)[] = [];
  const chip = new A71chChip({ crypto: nodeChipCrypto, entropy: nodeEntropy, clock: nodeClock });
  const device = await A71ch.open(await transportTo(chip, (task) => tasks.push(task)), {
    hash: nodeHash,
    clock: nodeClock,
  });
  await device.generateKeyPair(SLOT);
  const signer = await device.signer(SLOT);
  const rate = await ratePerSecond(minimumMs, () => signer.sign("ecdsa_sha256", content));
  await device.close();
  for (const task of tasks) await task();
  return rate;
}

// RFC 6979, appendix A.2.5: a public test key.
const SOFTWARE_KEY = `-----BEGIN PRIVATE KEY-----
MEECAQAwEwYHKoZIzj0CAQYIKoZIzj0DAQcEJzAlAgEBBCDJr6nYRbp1FmtcIVdn
sdaTTlDD2zbomxJ7imIrEg9nIQ==
-----END PRIVATE KEY-----
`;
