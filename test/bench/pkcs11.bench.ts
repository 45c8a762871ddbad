import { execFileSync, fork, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
import { type BenchOptions, type BenchRow, median, ratePerSecond } from "./bench-row.ts";

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
 * asked by the same client in this process, one call after the other, in turns: what else the machine does hits each.
 */
export async function run({ long, progress }: BenchOptions): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), "pkcs11-bench-"));
  const minimumMs = long ? 4000 : 500;
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
    const rounds: Round[] = [];
    for (let round = 0; round < (long ? 9 : 5); round++) {
      progress(`  round ${round + 1}`);
      const [ofInside, ofBehind, ofPeer] = await measure(seats, minimumMs);
      if (ofInside && ofBehind) rounds.push({ inside: ofInside, behind: ofBehind, peer: ofPeer });
    }
    for (const { client } of seats) client.end();
    const cpu = "C_SignInit and C_Sign, processor time of the servers";
    const goal = "C_SignInit and C_Sign, fastest quarter of batches; goal: at most 1.5";
    return [
      row(
        rounds,
        { name: "round trips", unit: "calls/s", note: "C_GetSessionInfo" },
        (round) => round.inside.calls,
        "calls",
      ),
      row(
        rounds,
        { name: "a signature, chip in the server", unit: "ms", note: goal },
        (round) => round.inside.signMs,
        "signMs",
      ),
      row(
        rounds,
        { name: "a signature, chip behind JRCP", unit: "ms", note: `${goal}; one process and one TCP round trip more` },
        (round) => round.behind.signMs,
        "signMs",
      ),
      row(
        rounds,
        { name: "CPU of a signature, chip in the server", unit: "ms", note: `${cpu}; goal: at most 1.5` },
        (round) => round.inside.signCpuMs,
        "signCpuMs",
      ),
      row(
        rounds,
        { name: "CPU of a signature, chip behind JRCP", unit: "ms", note: `${cpu}, both processes` },
        (round) => round.behind.signCpuMs,
        "signCpuMs",
      ),
      row(
        rounds,
        {
          name: "a program that signs once",
          unit: "ms",
          note: "openssl dgst by engine, whole process; chip behind JRCP",
        },
        (round) => round.behind.programMs,
        "programMs",
      ),
    ];
  } finally {
    for (const { stop } of servers) stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

type Round = { readonly inside: Rates; readonly behind: Rates; readonly peer: Rates | undefined };

function row(
  rounds: readonly Round[],
  { name, unit, note }: { readonly name: string; readonly unit: string; readonly note: string },
  ours: (round: Round) => number,
  theirs: keyof Rates,
): BenchRow {
  const peers = rounds.flatMap(({ peer }) => (peer ? [peer[theirs]] : []));
  const ratios = rounds.flatMap((round) => (round.peer ? [ours(round) / round.peer[theirs]] : []));
  const isThere = peers.length > 0;
  return {
    name,
    ours: median(rounds.map(ours)),
    peer: isThere ? median(peers) : undefined,
    ratio: isThere ? median(ratios) : undefined,
    unit,
    note: `${isThere ? "SoftHSM 2 behind p11-kit server, P-256" : "SoftHSM or p11-kit is not installed"}; ${note}`,
  };
}

type Rates = {
  readonly calls: number;
  readonly signMs: number;
  readonly signCpuMs: number;
  readonly programMs: number;
};

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

async function measure(seats: readonly Seat[], minimumMs: number): Promise<Rates[]> {
  const digest = new Uint8Array(32).fill(0x61);
  const calls = await undisturbedMs(
    minimumMs,
    seats.map(
      ({ client, session }) =>
        () =>
          client.call("C_GetSessionInfo", session),
    ),
  );
  const signatures = seats.map(() => 0);
  const before = seats.map(({ server }) => cpuMs(server.pids));
  const signs = await undisturbedMs(
    minimumMs,
    seats.map(({ client, session, key }, i) => async () => {
      await client.call("C_SignInit", session, ECDSA, key);
      await client.call("C_Sign", session, digest, 128);
      signatures[i] = (signatures[i] ?? 0) + 1;
    }),
  );
  const spent = seats.map(({ server }, i) => cpuMs(server.pids) - (before[i] ?? 0));
  const rates: Rates[] = [];
  for (const [i, { server }] of seats.entries()) {
    rates.push({
      calls: 1000 / (calls[i] ?? Number.NaN),
      signMs: signs[i] ?? Number.NaN,
      signCpuMs: (spent[i] ?? Number.NaN) / (signatures[i] ?? 0),
      programMs: await programMs(server.path, minimumMs),
    });
  }
  return rates;
}

/** Milliseconds of processor time that processes and their children have had: what else the machine does is not in it. */
function cpuMs(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /, "")
      .split(" ");
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean);
    // Ticks of 10 ms, in fields 14 and 15 of the file, of which two were cut off.
    return sum + (Number(fields[11]) + Number(fields[12])) * 10 + cpuMs(children.map(Number));
  }, 0);
}

/**
 * Milliseconds of one call of each, from the fastest quarter of batches: up to three processes hand each other the work,
 * so on a machine with two cores the mean tells mostly what else was running. A batch of one comes behind a batch of
 * the other, so that what disturbs hits all alike; `minimumMs` is for each.
 */
async function undisturbedMs(minimumMs: number, calls: readonly (() => Promise<unknown>)[]): Promise<number[]> {
  const size = 25;
  const batches = calls.map((): number[] => []);
  const start = performance.now();
  while (performance.now() - start < minimumMs * calls.length || (batches[0]?.length ?? 0) < 8) {
    for (const [i, call] of calls.entries()) {
      const before = performance.now();
      for (let n = 0; n < size; n++) await call();
      batches[i]?.push((performance.now() - before) / size);
    }
  }
  return batches.map((each) => each.sort((a, b) => a - b)[Math.floor(each.length / 4)] ?? Number.NaN);
}

async function slotOf(client: Client, slots: readonly bigint[]): Promise<bigint> {
  for (const slot of slots) if ((await client.call("C_GetTokenInfo", slot))[0] === LABEL) return slot;
  return slots[0] ?? 0n;
}

/** Milliseconds of wall clock of a whole process that loads the engine, logs in, finds the key and signs once. */
async function programMs(path: string, minimumMs: number): Promise<number> {
  const key = `pkcs11:token=${LABEL};object=devkey;type=private;pin-value=${PIN}`;
  const argv = ["dgst", "-sha256", "-engine", "pkcs11", "-keyform", "engine", "-sign", key, "-out", "/dev/null", MAIN];
  const env = { ...process.env, P11_KIT_SERVER_ADDRESS: `unix:path=${path}`, PKCS11_MODULE_PATH: CLIENT };
  const rate = await ratePerSecond(minimumMs, () => ended(spawn("openssl", argv, { env, stdio: "ignore" })));
  return 1000 / rate;
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
