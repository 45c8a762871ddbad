import { execFileSync, fork, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { utf8Bytes } from "../../src/codec/index.ts";
import {
  type CallName,
  CKA,
  CKM,
  CKO,
  encodeFrame,
  encodeRequest,
  FrameParser,
  readAnswer,
  type RequestOf,
  type ResponseOf,
} from "../../src/pkcs11/index.ts";
import type { BenchOptions, BenchRow } from "./bench-row.ts";
import { interleaved, type Measured, onOneProcessor, ratioOf, type Side } from "./interleaved.ts";

const MAIN = join(import.meta.dirname, "../../src/cli/main.ts");
const SOFTHSM = globSync("/usr/lib/*/softhsm/libsofthsm2.so")[0] ?? "";
const CLIENT = globSync("/usr/lib/*/pkcs11/p11-kit-client.so")[0] ?? "";
const ECDSA = { type: CKM.ECDSA, parameter: { kind: "none" } } as const;
const PIN = "1234";
const LABEL = "bench";

/** A token server in processes of its own. */
type Server = { readonly path: string; readonly pids: readonly number[]; readonly stop: () => void };

/**
 * Round trips and signatures of the token, and what it costs a program, against SoftHSM behind `p11-kit server`. All are
 * asked by the same client in this process, one call after the other, in slices of some milliseconds that take turns.
 */
export async function run({ long, progress }: BenchOptions): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), "pkcs11-bench-"));
  const minimumMs = long ? 20_000 : 2500;
  const servers: Server[] = [];
  const started = async <T extends Server | undefined>(server: Promise<T>): Promise<T> => {
    const up = await server;
    if (up) servers.push(up);
    return up;
  };
  try {
    const inside = await started(startInside(folder));
    const behind = await started(startBehind(folder));
    const peer = await started(startSoftHsm(folder));
    const seats = await Promise.all([inside, behind, ...(peer ? [peer] : [])].map(seatAt));
    progress("  round trips");
    const calls = sidesOf(await onOneProcessor(minimumMs / 5, seats.map(callsOf)));
    progress("  signatures");
    const signs = sidesOf(await onOneProcessor(minimumMs, seats.map(signaturesOf)));
    progress("  signatures, where the kernel puts them");
    const spread = sidesOf(await interleaved(minimumMs / 2, seats.map(signaturesOf)));
    for (const { client } of seats) client.end();
    progress("  programs");
    const programs = sidesOf(
      await interleaved(
        minimumMs / 2,
        servers.map(({ path }) => ({ ask: () => signOnce(path), pids: [] })),
      ),
    );
    const goal = "C_SignInit and C_Sign, all on one processor; goal: at most 1.5";
    const free = "C_SignInit and C_Sign; goal: at most 1.5";
    const more = "one process and one TCP round trip more";
    const cpu = "C_SignInit and C_Sign, processor time of the server's processes";
    const program = "openssl dgst by engine, whole process; chip behind JRCP";
    return [
      timeRow("a round trip", "C_GetSessionInfo, all on one processor", calls.inside, calls.peer),
      timeRow("a signature, chip in the server", goal, signs.inside, signs.peer),
      timeRow("a signature, chip behind JRCP", `${goal}; ${more}`, signs.behind, signs.peer),
      timeRow("… in the server, where the kernel puts it", free, spread.inside, spread.peer),
      timeRow("… behind JRCP, where the kernel puts it", `${free}; ${more}`, spread.behind, spread.peer),
      cpuRow("CPU of a signature, chip in the server", cpu, signs.inside, signs.peer),
      cpuRow("CPU of a signature, chip behind JRCP", `${cpu}, two of them`, signs.behind, signs.peer),
      timeRow("a program that signs once", program, programs.behind, programs.peer),
    ];
  } finally {
    for (const { stop } of servers) stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

type Sides = { readonly inside: Measured; readonly behind: Measured; readonly peer: Measured | undefined };

function sidesOf([inside, behind, peer]: readonly Measured[]): Sides {
  if (!inside || !behind) throw new Error("two servers of ours are measured");
  return { inside, behind, peer };
}

function timeRow(name: string, note: string, ours: Measured, peer: Measured | undefined): BenchRow {
  const spread = [ours, ...(peer ? [peer] : [])].map(({ quarters }) =>
    quarters.map((each) => each.toFixed(3)).join("-"),
  );
  const what = `${note}; the middle of slices that take turns, half of which took ${spread.join(" and ")} ms`;
  return row(name, what, ours.ms, peer && { value: peer.ms, ratio: ratioOf(ours, peer) });
}

function cpuRow(name: string, note: string, ours: Measured, peer: Measured | undefined): BenchRow {
  return row(name, note, ours.cpuMs, peer && { value: peer.cpuMs, ratio: ours.cpuMs / peer.cpuMs });
}

function row(
  name: string,
  note: string,
  ours: number,
  peer: { readonly value: number; readonly ratio: number } | undefined,
): BenchRow {
  const against = peer ? "SoftHSM 2 behind p11-kit server, P-256" : "SoftHSM or p11-kit is not installed";
  return { name, ours, peer: peer?.value, ratio: peer?.ratio, unit: "ms", note: `${against}; ${note}` };
}

/** A program's place at a server: its session, with a key to sign with. */
type Seat = { readonly server: Server; readonly client: Client; readonly session: bigint; readonly key: bigint };

async function seatAt(server: Server): Promise<Seat> {
  const client = await Client.to(server.path);
  await client.call("C_Initialize", utf8Bytes("PRIVATE-GNOME-KEYRING-PKCS11-PROTOCOL-V-1"), 0, Uint8Array.of(0));
  const [slots] = await client.call("C_GetSlotList", 1, 16);
  const slot = await slotOf(client, "needed" in slots ? [] : slots);
  const [session] = await client.call("C_OpenSession", slot, 4n);
  await client.call("C_Login", session, 1n, utf8Bytes(PIN));
  await client.call("C_FindObjectsInit", session, [{ type: CKA.CLASS, state: "value", value: CKO.PRIVATE_KEY }]);
  const [found] = await client.call("C_FindObjects", session, 1);
  await client.call("C_FindObjectsFinal", session);
  return { server, client, session, key: "needed" in found ? 0n : (found[0] ?? 0n) };
}

function callsOf({ client, session, server }: Seat): Side {
  return { ask: () => client.call("C_GetSessionInfo", session), pids: server.pids };
}

function signaturesOf({ client, session, key, server }: Seat): Side {
  const digest = new Uint8Array(32).fill(0x61);
  const ask = async () => {
    await client.call("C_SignInit", session, ECDSA, key);
    await client.call("C_Sign", session, digest, 128);
  };
  return { ask, pids: server.pids };
}

async function slotOf(client: Client, slots: readonly bigint[]): Promise<bigint> {
  for (const slot of slots) if ((await client.call("C_GetTokenInfo", slot))[0] === LABEL) return slot;
  return slots[0] ?? 0n;
}

/** A whole process that loads the engine, logs in, finds the key and signs once. */
function signOnce(path: string): Promise<void> {
  const key = `pkcs11:token=${LABEL};object=devkey;type=private;pin-value=${PIN}`;
  const argv = ["dgst", "-sha256", "-engine", "pkcs11", "-keyform", "engine", "-sign", key, "-out", "/dev/null", MAIN];
  const env = { ...process.env, P11_KIT_SERVER_ADDRESS: `unix:path=${path}`, PKCS11_MODULE_PATH: CLIENT };
  return ended(spawn("openssl", argv, { env, stdio: "ignore" }));
}

async function startInside(folder: string): Promise<Server> {
  const path = join(folder, "inside", "pkcs11");
  const child = fork(join(import.meta.dirname, "pkcs11-server.ts"), { stdio: "inherit" });
  child.send({ path, label: LABEL, pin: PIN });
  await once(child, "message");
  makeKey(path);
  return { path, pids: [child.pid ?? 0], stop: () => child.disconnect() };
}

/** A chip behind JRCP and the token before it, each in its own process, as users start them. */
async function startBehind(folder: string): Promise<Server> {
  const chip = await started(["chip", "serve", "--port", "0", "--json"]);
  writeFileSync(join(folder, "pin"), PIN, { mode: 0o600 });
  const path = join(folder, "behind", "pkcs11");
  const more = ["--pin-file", join(folder, "pin"), "--label", LABEL, "--json"];
  const token = await started(["pkcs11", "serve", "--socket", path, "--chip", String(chip.facts["address"]), ...more]);
  makeKey(path);
  const stop = () => [token, chip].forEach(({ child }) => child.kill());
  return { path, pids: [token.child.pid ?? 0, chip.child.pid ?? 0], stop };
}

async function startSoftHsm(folder: string): Promise<Server | undefined> {
  const isThere = spawnSync("sh", ["-c", "command -v softhsm2-util && command -v p11-kit"]).status === 0;
  if (!isThere || !existsSync(SOFTHSM)) return undefined;
  mkdirSync(join(folder, "tokens"));
  const settings = `directories.tokendir = ${folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n`;
  writeFileSync(join(folder, "softhsm2.conf"), settings);
  const env = { ...process.env, SOFTHSM2_CONF: join(folder, "softhsm2.conf") };
  const init = ["--init-token", "--free", "--label", LABEL, "--pin", PIN, "--so-pin", PIN];
  execFileSync("softhsm2-util", init, { env, stdio: "ignore" });
  const path = join(folder, "peer");
  const argv = ["server", "-f", "-n", path, "--provider", SOFTHSM, `pkcs11:token=${LABEL}`];
  const child = spawn("p11-kit", argv, { env, stdio: ["ignore", "pipe", "inherit"] });
  // It prints the environment for its clients once it listens.
  await once(child.stdout, "data");
  makeKey(path);
  return { path, pids: [child.pid ?? 0], stop: () => void child.kill() };
}

function makeKey(path: string): void {
  const env = { ...process.env, P11_KIT_SERVER_ADDRESS: `unix:path=${path}` };
  const make = ["--keypairgen", "--key-type", "EC:prime256v1", "--label", "devkey", "--id", "01"];
  const argv = ["--module", CLIENT, "--token-label", LABEL, "--login", "--pin", PIN, ...make];
  execFileSync("pkcs11-tool", argv, { env, stdio: "ignore" });
}

async function started(argv: readonly string[]): Promise<{ child: ChildProcess; facts: Record<string, unknown> }> {
  const child = spawn(process.execPath, [MAIN, ...argv], { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: child.stdout })) {
    const facts = JSON.parse(line) as Record<string, unknown>;
    if (facts["event"] === "listening") return { child, facts };
  }
  throw new Error(`hawser ${argv.join(" ")} ended before it listened`);
}

async function ended(child: ChildProcess): Promise<void> {
  const [status] = (await once(child, "exit")) as [number];
  if (status !== 0) throw new Error(`a program ended with status ${status}`);
}

/** p11-kit's side of the wire, at protocol version 0. */
class Client {
  readonly #socket: Socket;
  readonly #parser = new FrameParser();
  #wake: () => void = () => undefined;
  #serial = 0x10;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Uint8Array) => {
      this.#parser.push(chunk);
      this.#wake();
    });
  }

  static async to(path: string): Promise<Client> {
    const socket = connect({ path });
    await once(socket, "connect");
    socket.write(Uint8Array.of(0));
    await once(socket, "data");
    return new Client(socket);
  }

  async call<Name extends CallName>(name: Name, ...values: RequestOf<Name>): Promise<ResponseOf<Name>> {
    this.#socket.write(encodeFrame({ serial: this.#serial++, body: encodeRequest(name, values, 0) }));
    let frame = this.#parser.next();
    while (!frame) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
      frame = this.#parser.next();
    }
    const answer = readAnswer(name, frame.body, 0);
    if (!answer.ok) throw new Error(`${name} answered 0x${answer.ckr.toString(16)}`);
    return answer.values;
  }

  end(): void {
    this.#socket.destroy();
  }
}
