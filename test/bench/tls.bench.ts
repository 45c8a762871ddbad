import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { connect as nodeConnect, createSecureContext } from "node:tls";

import { A71chChip } from "../../src/chip/a71ch/index.ts";
import { nodeChipCrypto } from "../../src/chip/node.ts";
import { nodeClock, nodeEntropy, nodeHash } from "../../src/crypto/node.ts";
import { A71ch } from "../../src/host/a71ch/index.ts";
import { localTransport } from "../../src/host/index.ts";
import { connect } from "../../src/tls/node.ts";
import { chainPem, type Hierarchy, type Holder, keyPem, newHierarchy } from "../tls/hierarchy.ts";
import { type BenchOptions, type BenchRow, cpuMsPerCall, median } from "./bench-row.ts";

const BULK_BYTES = 64 * 1024 * 1024;
const NOTE = "node:tls client, same server, TLS 1.2 ECDHE-ECDSA-AES128-GCM-SHA256, client certificate, P-256";

const CHIP_NOTE =
  "our handshake with a software key and a chip's signature on top of it; chip in process; below 1 is better";
const CONTENT = new Uint8Array(64).fill(0x61);

/** CPU per full mutual handshake and bulk throughput of our client, against node:tls in the same process and run. */
export async function run({ long }: BenchOptions): Promise<BenchRow[]> {
  const hierarchy = await newHierarchy();
  const [server, device] = [await hierarchy.server(), await hierarchy.device()];
  const ca = chainPem([hierarchy.root.certificate.der]);
  const child = fork(join(import.meta.dirname, "tls-server.ts"), { stdio: "inherit" });
  const key = keyPem(server.key);
  child.send({ key, cert: chainPem(server.chain), ca, bulkBytes: BULK_BYTES });
  const [port] = (await once(child, "message")) as [number];

  const { signer: chipSigner, chain: chipChain } = await chipIdentity(hierarchy);
  const ours = ({ signer, chain }: Pick<Holder, "signer" | "chain"> = device) =>
    connect({
      host: "127.0.0.1",
      port,
      servername: "localhost",
      ca,
      certificate: chain,
      signer,
      suites: ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"],
      groups: ["secp256r1"],
    });
  // What is read once for many connections by us is read once by the peer, too.
  const secureContext = createSecureContext({
    ca,
    cert: chainPem(device.chain),
    key: keyPem(device.key),
    ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256",
    ecdhCurve: "prime256v1",
    maxVersion: "TLSv1.2",
  });
  const theirs = async () => {
    const socket = nodeConnect({ host: "127.0.0.1", port, servername: "localhost", secureContext });
    await once(socket, "secureConnect");
    return socket;
  };

  try {
    const rounds = long ? 15 : 7;
    const count = long ? 300 : 100;
    const cpu: [number, number][] = [];
    const rate: [number, number][] = [];
    const work: [number, number][] = [];
    const chip: [number, number][] = [];
    for (let round = 0; round < rounds; round++) {
      cpu.push([await cpuMsPerCall(count, () => closed(ours())), await cpuMsPerCall(count, () => closed(theirs()))]);
      const [software] = cpu.at(-1) ?? [0];
      const withChip = await cpuMsPerCall(count, () => closed(ours({ signer: chipSigner, chain: chipChain })));
      chip.push([withChip, software + (await cpuMsPerCall(count, () => chipSigner.sign("ecdsa_sha256", CONTENT)))]);
      const [mine, other] = [await bulk(ours()), await bulk(theirs())];
      rate.push([mine.perSecond, other.perSecond]);
      work.push([mine.perCpuSecond, other.perCpuSecond]);
    }
    return [
      row("CPU per full mutual handshake", cpu, "ms", (a, b) => a / b, `${NOTE}; below 1 is better here`),
      row("CPU per handshake, A71CH signs", chip, "ms", (a, b) => a / b, CHIP_NOTE),
      row("bulk receive", rate, "MB/s", (a, b) => a / b, NOTE),
      row("bulk receive per CPU", work, "MB/s of CPU", (a, b) => a / b, `${NOTE}; this process's CPU time only`),
    ];
  } finally {
    child.disconnect();
  }
}

/** A device whose key is in an A71CH in this process. */
async function chipIdentity(hierarchy: Hierarchy): Promise<Pick<Holder, "signer" | "chain">> {
  const chip = new A71chChip({ crypto: nodeChipCrypto, entropy: nodeEntropy, clock: nodeClock });
  const element = await A71ch.open(localTransport(chip), { hash: nodeHash, clock: nodeClock });
  await element.generateKeyPair(0);
  const signer = await element.signer(0);
  return { signer, chain: await hierarchy.deviceFor(signer.publicKey) };
}

function row(
  name: string,
  pairs: readonly [number, number][],
  unit: string,
  compare: (a: number, b: number) => number,
  note: string,
): BenchRow {
  return {
    name,
    ours: median(pairs.map(([a]) => a)),
    peer: median(pairs.map(([, b]) => b)),
    ratio: median(pairs.map(([a, b]) => compare(a, b))),
    unit,
    note,
  };
}

async function closed(connecting: Promise<Duplex>): Promise<void> {
  const stream = await connecting;
  stream.resume();
  stream.end();
  await once(stream, "close");
}

async function bulk(connecting: Promise<Duplex>): Promise<{ perSecond: number; perCpuSecond: number }> {
  const stream = await connecting;
  const start = performance.now();
  const before = process.cpuUsage();
  let left = BULK_BYTES;
  const arrived = new Promise<void>((resolve, reject) => {
    stream.on("data", (chunk: Uint8Array) => {
      left -= chunk.length;
      if (left <= 0) resolve();
    });
    stream.once("error", reject);
  });
  stream.write(Uint8Array.of(1));
  await arrived;
  const elapsedMs = performance.now() - start;
  const { user, system } = process.cpuUsage(before);
  stream.end();
  await once(stream, "close");
  return { perSecond: BULK_BYTES / 1e3 / elapsedMs, perCpuSecond: BULK_BYTES / (user + system) };
}
