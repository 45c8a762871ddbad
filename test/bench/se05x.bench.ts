import { fork } from "node:child_process";
import { createCipheriv, createECDH, createHash, createHmac, generateKeyPairSync, sign } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";

import { decodeLongResponse, encodeExtendedCommand, encodeJrcp1, JRCP1_TYPE } from "../../src/apdu/index.ts";
import { SE05X_AID, SE05X_COMMAND_SET, type Se05xCommandName, type Se05xRequest } from "../../src/apdu/se05x/index.ts";
import { nodeSe05xCrypto, serveChip } from "../../src/chip/node.ts";
import { Se05xChip } from "../../src/chip/se05x/index.ts";
import { nodeClock, nodeEntropy } from "../../src/crypto/node.ts";
import type { Transport } from "../../src/host/index.ts";
import { connectChip } from "../../src/host/node.ts";
import { bareJrcp } from "./bare-chip.ts";
import { type BenchOptions, type BenchRow, ratePerSecond } from "./bench-row.ts";
import { type Measured, onOneProcessor, ratioOf } from "./interleaved.ts";
import { connectPeer, type Peer } from "./se05x-peer.ts";

const EC = 0x20000001;
const AES = 0x20000002;
const HMAC = 0x20000003;
const RSA = 0x20000004;
const block = new Uint8Array(256).fill(0x61);
const digest = new Uint8Array(32).fill(7);

const SELECT = built("select", { aid: SE05X_AID });

/** The keys that the measured commands use. */
const KEYS = [
  built("writeEcKey", { part: 0x60, objectId: EC, curve: 0x03 }),
  built("writeSymmKey", { kind: 3, objectId: AES, value: block.slice(0, 16) }),
  built("writeSymmKey", { kind: 5, objectId: HMAC, value: block.slice(0, 32) }),
  built("writeRsaKey", { part: 0x60, form: 0x00, objectId: RSA, bits: 2048 }),
];

type Command = { readonly name: string; readonly command: Uint8Array; readonly peer: (() => unknown) | undefined };

/**
 * Commands per second of a simulated SE051, in process and over TCP; beside them what node:crypto takes for the same work
 * and, where HAWSER_SE05X_PEER names another simulated chip, how many of the same commands that does.
 */
export async function run({ long, progress }: BenchOptions): Promise<BenchRow[]> {
  const minimumMs = long ? 5000 : 500;
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
  await other?.transport.close();
  await transport.close();
  await served.close();
  return rows;
}

/**
 * The same commands to both chips over TCP, each in its own process and with keys of its own. What the peer refuses is
 * left out. Asked once by a client that does next to nothing, and the same for both, and once through the host library.
 */
async function besidePeer(
  peer: Peer,
  { minimumMs, progress }: { readonly minimumMs: number; readonly progress: (line: string) => void },
): Promise<BenchRow[]> {
  const child = fork(join(import.meta.dirname, "se05x-server.ts"), { stdio: "inherit" });
  const [port] = (await once(child, "message")) as [number];
  const ours = await connectChip(`127.0.0.1:${port}`);
  const bare = await bareJrcp("127.0.0.1", port);
  for (const command of [SELECT, ...KEYS]) {
    await peer.transport.exchange(command);
    await ours.exchange(command);
  }
  const pids = [[child.pid ?? 0], peer.pids] as const;
  const rows: BenchRow[] = [];
  const names = measured(new Uint8Array(65), new Uint8Array(1)).map(({ name }) => name);
  const [own = [], others = []] = await Promise.all([ours, peer.transport].map((chip) => commandsFor(chip)));
  for (const [i, name] of names.entries()) {
    const [command, same] = [own[i], others[i]];
    if (!command || !same || decodeLongResponse(await peer.transport.exchange(same)).sw !== 0x9000) {
      progress(`se05x: the peer does not do ${name}`);
      continue;
    }
    progress(`se05x: ${name}, beside the peer`);
    const [byClient, peerByClient] = await beside(minimumMs, pids, [bare.prepare(command), peer.bare.prepare(same)]);
    const [byLibrary, peerByLibrary] = await beside(minimumMs, pids, [
      async () => done(await ours.exchange(command)),
      async () => done(await peer.transport.exchange(same)),
    ]);
    rows.push(
      rateRow(`${name}, beside a peer`, "one client for both, which sends ready frames", byClient, peerByClient),
      rateRow(`${name}, beside a peer, by the host library`, "each with its own transport", byLibrary, peerByLibrary),
      cpuRow(`${name}, CPU beside a peer`, byClient, peerByClient),
    );
  }
  rows.push(await leastOfNode(minimumMs, peer, own[0] ?? SELECT, others[0] ?? SELECT));
  for (const each of [bare, peer.bare]) each.close();
  await ours.close();
  child.disconnect();
  return rows;
}

/** What Node's sockets leave to be reached, for the command that takes a chip the least time. */
async function leastOfNode(minimumMs: number, peer: Peer, command: Uint8Array, same: Uint8Array): Promise<BenchRow> {
  const child = fork(join(import.meta.dirname, "bare-server.ts"), { stdio: "inherit" });
  const frame = { type: JRCP1_TYPE.apdu, node: 0, payload: new Uint8Array(15).with(13, 0x90) };
  child.send(Buffer.from(encodeJrcp1(frame)).toString("hex"));
  const [port] = (await once(child, "message")) as [number];
  const bare = await bareJrcp("127.0.0.1", port);
  const asks = [bare.prepare(command), peer.bare.prepare(same)] as const;
  const [least, theirs] = await beside(minimumMs, [[child.pid ?? 0], peer.pids], asks);
  bare.close();
  child.disconnect();
  const note = "a Node server that answers whatever comes with the same bytes, in the place of ours";
  return rateRow("GetVersion, the least of a Node server", note, least, theirs);
}

async function beside(
  minimumMs: number,
  [ownPids, peerPids]: readonly [readonly number[], readonly number[]],
  [ask, askPeer]: readonly [() => Promise<unknown>, () => Promise<unknown>],
): Promise<readonly [Measured, Measured]> {
  const [ours, peer] = await onOneProcessor(minimumMs, [
    { ask, pids: ownPids },
    { ask: askPeer, pids: peerPids },
  ]);
  if (!ours || !peer) throw new Error("two chips are measured");
  return [ours, peer];
}

const BESIDE = "the chip that HAWSER_SE05X_PEER names; ours over JRCP v1; client and chips on one processor";

function rateRow(name: string, client: string, ours: Measured, peer: Measured): BenchRow {
  const spread = [ours, peer].map(({ quarters: [fast, slow] }) => `${whole(1000 / slow)}-${whole(1000 / fast)}`);
  const note = `${BESIDE}; ${client}; the middle of slices that take turns, half of which did ${spread.join(" and ")}`;
  const [rate, peerRate] = [1000 / ours.ms, 1000 / peer.ms];
  return { name, ours: rate, peer: peerRate, ratio: 1 / ratioOf(ours, peer), unit: "commands/s", note };
}

/** As commands per second, so that more is better here too. */
function cpuRow(name: string, ours: Measured, peer: Measured): BenchRow {
  const note = `${BESIDE}; commands in a second of processor time of the chip's process; the same client`;
  const isKnown = peer.cpuMs > 0;
  const [rate, peerRate] = [1000 / ours.cpuMs, isKnown ? 1000 / peer.cpuMs : undefined];
  return { name, ours: rate, peer: peerRate, ratio: peerRate && rate / peerRate, unit: "commands/s of CPU", note };
}

function whole(value: number): string {
  return value.toFixed(0);
}

/** The measured commands for a chip that has made its own keys. */
async function commandsFor(chip: Transport): Promise<readonly (Uint8Array | undefined)[]> {
  const dataOf = async (command: Uint8Array) => decodeLongResponse(await chip.exchange(command));
  const { data: key } = await dataOf(built("readObject", { objectId: EC }));
  const { data: signature } = await dataOf(built("sign", { objectId: EC, algorithm: 0x21, digest }));
  const point = SE05X_COMMAND_SET.readResponse("readObject", key).bytes;
  return measured(point, SE05X_COMMAND_SET.readResponse("sign", signature).signature).map(({ command }) => command);
}

function measured(point: Uint8Array, signature: Uint8Array): readonly Command[] {
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
