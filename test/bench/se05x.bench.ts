import { fork } from "node:child_process";
import { createCipheriv, createECDH, createHash, createHmac, generateKeyPairSync, sign } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";

import { decodeLongResponse, encodeExtendedCommand } from "../../src/apdu/index.ts";
import { SE05X_AID, SE05X_COMMAND_SET, type Se05xCommandName, type Se05xRequest } from "../../src/apdu/se05x/index.ts";
import { nodeSe05xCrypto, serveChip } from "../../src/chip/node.ts";
import { Se05xChip } from "../../src/chip/se05x/index.ts";
import { nodeClock, nodeEntropy } from "../../src/crypto/node.ts";
import type { Transport } from "../../src/host/index.ts";
import { connectChip } from "../../src/host/node.ts";
import { bareJrcp } from "./bare-chip.ts";
import { type BenchOptions, type BenchRow, ratePerSecond } from "./bench-row.ts";
import { barePeer, connectPeer } from "./se05x-peer.ts";

const EC = 0x20000001;
const AES = 0x20000002;
const HMAC = 0x20000003;
const RSA = 0x20000004;
const block = new Uint8Array(256).fill(0x61);
const digest = new Uint8Array(32).fill(7);

const BATCH_MS = 3;
const SELECT = built("select", { aid: SE05X_AID });

/** The keys that the measured commands use. */
const KEYS = [
  built("writeEcKey", { part: 0x60, objectId: EC, curve: 0x03 }),
  built("writeSymmKey", { kind: 3, objectId: AES, value: block.slice(0, 16) }),
  built("writeSymmKey", { kind: 5, objectId: HMAC, value: block.slice(0, 32) }),
  built("writeRsaKey", { part: 0x60, form: 0x00, objectId: RSA, bits: 2048 }),
];

type Measured = { readonly name: string; readonly command: Uint8Array; readonly peer: (() => unknown) | undefined };

/**
 * Commands per second of a simulated SE051, in process and over TCP; beside them what node:crypto takes for the same work
 * and, where HAWSER_SE05X_PEER names another simulated chip, how many of the same commands that does.
 */
export async function run({ long, progress }: BenchOptions): Promise<BenchRow[]> {
  const minimumMs = long ? 3000 : 300;
  const chip = await Se05xChip.open({
    model: "se051",
    crypto: nodeSe05xCrypto,
    entropy: nodeEntropy,
    clock: nodeClock,
  });
  for (const command of KEYS) done(chip.exchange(command));
  const point = answerOf(chip, built("readObject", { objectId: EC })).slice(4);
  const { signature } = SE05X_COMMAND_SET.readResponse(
    "sign",
    answerOf(chip, built("sign", { objectId: EC, algorithm: 0x21, digest })),
  );
  const served = await serveChip({ chip, port: 0 });
  const transport = await connectChip(`127.0.0.1:${served.port}`);
  const rows: BenchRow[] = [];
  for (const { name, command, peer } of measured(point, signature)) {
    progress(`se05x: ${name}`);
    const base = peer && (await ratePerSecond(minimumMs, peer));
    const inProcess = await ratePerSecond(minimumMs, () => done(chip.exchange(command)));
    const overTcp = await ratePerSecond(minimumMs, async () => done(await transport.exchange(command)));
    for (const [where, ours] of [
      ["in process", inProcess],
      ["over TCP (JRCP v1)", overTcp],
    ] as const) {
      const note = base ? "node:crypto doing the same work with a software key" : "nothing comparable";
      rows.push({ name: `${name}, ${where}`, ours, peer: base, ratio: base && ours / base, unit: "commands/s", note });
    }
  }
  const other = await connectPeer();
  if (other) rows.push(...(await besidePeer(other, { minimumMs, progress })));
  await other?.close();
  await transport.close();
  await served.close();
  return rows;
}

/**
 * The same commands to both chips over TCP, each in its own process and with keys of its own. What the peer refuses is
 * left out. Asked once by a client that does next to nothing, and the same for both, and once through the host library.
 */
async function besidePeer(
  peer: Transport,
  { minimumMs, progress }: { readonly minimumMs: number; readonly progress: (line: string) => void },
): Promise<BenchRow[]> {
  const child = fork(join(import.meta.dirname, "se05x-server.ts"), { stdio: "inherit" });
  const [port] = (await once(child, "message")) as [number];
  const ours = await connectChip(`127.0.0.1:${port}`);
  const [bare, barePeers] = [await bareJrcp("127.0.0.1", port), await barePeer()];
  for (const command of [SELECT, ...KEYS]) {
    await peer.exchange(command);
    await ours.exchange(command);
  }
  const rows: BenchRow[] = [];
  const names = measured(new Uint8Array(65), new Uint8Array(1)).map(({ name }) => name);
  const [own = [], others = []] = await Promise.all([ours, peer].map((chip) => commandsFor(chip)));
  for (const [i, name] of names.entries()) {
    const [command, same] = [own[i], others[i]];
    if (!command || !same || decodeLongResponse(await peer.exchange(same)).sw !== 0x9000) {
      progress(`se05x: the peer does not do ${name}`);
      continue;
    }
    progress(`se05x: ${name}, beside the peer`);
    const pairs: readonly (readonly [string, string, () => Promise<unknown>, () => Promise<unknown>])[] = [
      [
        "beside a peer",
        "one client for both, which sends ready frames",
        bare.prepare(command),
        barePeers?.prepare(same) ?? (() => peer.exchange(same)),
      ],
      [
        "beside a peer, by the host library",
        "each with its own transport",
        async () => done(await ours.exchange(command)),
        async () => done(await peer.exchange(same)),
      ],
    ];
    for (const [how, client, ask, askPeer] of pairs) {
      const rates = await besideEachOther(minimumMs, ask, askPeer);
      const note = `the chip that HAWSER_SE05X_PEER names; ours over JRCP v1; ${client}`;
      rows.push({ name: `${name}, ${how}`, ...rates, unit: "commands/s", note });
    }
  }
  for (const each of [bare, barePeers]) each?.close();
  await ours.close();
  child.disconnect();
  return rows;
}

/**
 * Commands per second of both, from the fastest quarter of batches of a few milliseconds: two processes hand each other
 * the work, so on a machine with two cores the mean tells mostly what else was running. A batch of one comes behind a
 * batch of the other, so that what disturbs hits both alike; `minimumMs` is for each.
 */
async function besideEachOther(minimumMs: number, ...asks: readonly [() => unknown, () => unknown]) {
  const sizes: number[] = [];
  // Both run warm: what is compiled as it goes has been compiled by then.
  for (const ask of asks) sizes.push(Math.ceil((await ratePerSecond(minimumMs, ask)) * (BATCH_MS / 1000)));
  const batches: [number[], number[]] = [[], []];
  const start = performance.now();
  while (performance.now() - start < 2 * minimumMs) {
    for (const [i, ask] of asks.entries()) {
      const size = sizes[i] ?? 1;
      const before = performance.now();
      for (let n = 0; n < size; n++) await ask();
      batches[i]?.push((size * 1000) / (performance.now() - before));
    }
  }
  const [ours = Number.NaN, peer = Number.NaN] = batches.map(
    (each) => each.sort((a, b) => b - a)[Math.floor(each.length / 4)],
  );
  return { ours, peer, ratio: ours / peer };
}

/** The measured commands for a chip that has made its own keys. */
async function commandsFor(chip: Transport): Promise<readonly (Uint8Array | undefined)[]> {
  const dataOf = async (command: Uint8Array) => decodeLongResponse(await chip.exchange(command));
  const { data: key } = await dataOf(built("readObject", { objectId: EC }));
  const { data: signature } = await dataOf(built("sign", { objectId: EC, algorithm: 0x21, digest }));
  const point = SE05X_COMMAND_SET.readResponse("readObject", key).bytes;
  return measured(point, SE05X_COMMAND_SET.readResponse("sign", signature).signature).map(({ command }) => command);
}

function measured(point: Uint8Array, signature: Uint8Array): readonly Measured[] {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  const ecdh = createECDH("prime256v1");
  ecdh.generateKeys();
  const aes = { objectId: AES, direction: 0x37, input: block };
  const key = block.slice(0, 16);
  return [
    { name: "GetVersion", command: built("getVersion", {}), peer: undefined },
    { name: "ReadObject, a public key", command: built("readObject", { objectId: EC }), peer: undefined },
    {
      name: "ECDSASign P-256",
      command: built("sign", { objectId: EC, algorithm: 0x21, digest }),
      peer: () => sign("sha256", digest, privateKey),
    },
    {
      name: "ECDSAVerify P-256",
      command: built("verify", { objectId: EC, algorithm: 0x21, digest, signature }),
      peer: undefined,
    },
    {
      name: "ECDH P-256",
      command: built("agree", { objectId: EC, peerPoint: point }),
      peer: () => ecdh.computeSecret(point),
    },
    {
      name: "RSASign 2048",
      command: built("sign", { objectId: RSA, algorithm: 0x28, digest: block }),
      peer: () => sign("sha256", block, rsa),
    },
    {
      name: "AES-CBC of 256 bytes",
      command: built("cipher", { ...aes, mode: 0x0d, iv: key }),
      peer: () => createCipheriv("aes-128-cbc", key, key).setAutoPadding(false).update(block),
    },
    {
      name: "HMAC-SHA256 of 256 bytes",
      command: built("mac", { objectId: HMAC, algorithm: 0x19, input: block }),
      peer: () => createHmac("sha256", key).update(block).digest(),
    },
    {
      name: "SHA-256 of 256 bytes",
      command: built("digest", { algorithm: 0x04, input: block }),
      peer: () => createHash("sha256").update(block).digest(),
    },
  ];
}

function built<Key extends Se05xCommandName>(key: Key, request: Se05xRequest<Key>): Uint8Array {
  return encodeExtendedCommand(SE05X_COMMAND_SET.build(key, request));
}

function answerOf(chip: Se05xChip, command: Uint8Array): Uint8Array {
  return done(chip.exchange(command));
}

/** The answer's data; a refusal would be measured for work otherwise. */
function done(answer: Uint8Array): Uint8Array {
  const { data, sw } = decodeLongResponse(answer);
  if (sw !== 0x9000) throw new Error(`the chip answered ${sw.toString(16)}`);
  return data;
}
