import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Clock } from "../../crypto/index.ts";
import { bubblewrapPath, launch, type Boundary } from "./node-isolation.ts";
import type { IsolationReport, Reach } from "./runtime.ts";

const ALL: readonly Reach[] = [
  "read-file",
  "write-file",
  "database-file",
  "network",
  "child-process",
  "worker-thread",
  "native-addon",
  "foreign-function",
  "inspector",
  "signal-server",
];

/** What a process cannot be kept from by Node alone; it is told to the operator, and functions run nevertheless. */
const TOLERATED: readonly Reach[] = ["signal-server"];

const PROBE_TIMEOUT_MS = 10_000;
/** Less than any tmpfs has that nobody bounds. */
const PROBE_TMP_BYTES = 1024 * 1024;

/**
 * Finds the best boundary of this machine by trying: under each one a process attempts everything that a function
 * must not do. The first boundary under which nothing is reachable wins, else the first that leaves only what is
 * tolerated. `folderFor` gives a folder that processes behind a boundary may enter.
 */
export async function probeIsolation(
  folderFor: (boundary: Boundary) => string,
  clock: Clock,
  candidates: readonly Boundary[] = boundariesHere(),
): Promise<IsolationReport> {
  const reports: IsolationReport[] = [];
  for (const boundary of candidates) {
    const report = reportOn(boundary, await bestAnswerUnder(boundary, folderFor(boundary), clock));
    if (report.reachable.length === 0) return report;
    reports.push(report);
  }
  const usable = reports.find((report) => report.runs) ?? reports.at(-1);
  return usable ?? reportOn("none", { silence: "there is no boundary to try" });
}

/** The boundaries that this machine may have, strongest first. */
export function boundariesHere(): Boundary[] {
  return [
    ...(bubblewrapPath() ? ["bubblewrap" as const] : []),
    ...(process.getuid?.() === 0 ? ["user" as const] : []),
    "none",
  ];
}

/** What the probing process said it could reach; where it gave no answer, what it said instead. */
type Answer = { readonly reached: readonly Reach[]; readonly hasTmp: boolean } | { readonly silence: string };

function reportOn(boundary: Boundary, answer: Answer): IsolationReport {
  const reachable = "reached" in answer ? answer.reached : ALL;
  const runs = reachable.every((each) => TOLERATED.includes(each));
  const noTmp = noTmpUnder(boundary, answer);
  if (reachable.length === 0) return { boundary, reachable, runs, noTmp, warning: "" };
  const open =
    "reached" in answer ? `they could reach ${reachable.join(", ")}` : `no probe could run, ${answer.silence}`;
  const warning = runs
    ? "functions run as the server's own user and could send it signals: install bubblewrap"
    : `functions are refused: ${open} (Node ${process.version}, boundary ${boundary})`;
  return { boundary, reachable, runs, noTmp, warning };
}

function noTmpUnder(boundary: Boundary, answer: Answer): string {
  if ("reached" in answer && answer.hasTmp) return "";
  if (boundary !== "bubblewrap") return "without bubblewrap nothing keeps a /tmp private and bounded";
  return "this bubblewrap cannot bound a /tmp: it takes version 0.7 or later";
}

/** A bubblewrap that has never heard of `--size` runs functions, without a `/tmp`. */
async function bestAnswerUnder(boundary: Boundary, workspace: string, clock: Clock): Promise<Answer> {
  const answer = await answerUnder({ boundary, hasTmp: boundary === "bubblewrap" }, workspace, clock);
  if ("reached" in answer || boundary !== "bubblewrap") return answer;
  return answerUnder({ boundary, hasTmp: false }, workspace, clock);
}

type Under = { readonly boundary: Boundary; readonly hasTmp: boolean };

async function answerUnder({ boundary, hasTmp }: Under, workspace: string, clock: Clock): Promise<Answer> {
  // A list or a wildcard in the path would open more to the process than its folder.
  if (boundary !== "bubblewrap" && /[,*]/.test(workspace))
    return { silence: "for a comma or star in the folder's path" };
  const folder = join(workspace, "probe");
  const canary = join(workspace, "canary");
  const program = join(workspace, `probe-${boundary}.cjs`);
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  writeFileSync(canary, "outside", { mode: 0o644 });
  writeFileSync(program, probeProgram({ canary, folder, server: process.pid, tmpBytes: PROBE_TMP_BYTES }), {
    mode: 0o644,
  });
  const tmpBytes = hasTmp ? PROBE_TMP_BYTES : undefined;
  const { child, channel, pid } = launch({ boundary, program, folder, memoryMb: 128, slot: 0, tmpBytes });
  pid.catch(() => undefined);
  let said = "";
  let complained = "";
  channel.on("data", (chunk: Buffer) => void (said += chunk.toString("utf8")));
  channel.on("error", () => undefined);
  child.stdout?.resume();
  child.stderr?.on("data", (chunk: Buffer) => void (complained += chunk.toString("utf8").slice(0, 500)));
  await new Promise<void>((resolve) => {
    const stop = clock.after(PROBE_TIMEOUT_MS, () => child.kill("SIGKILL"));
    child.once("error", ({ message }) => void (complained += message));
    child.once("close", () => {
      stop();
      resolve();
    });
  });
  return reachedIn(said) ?? { silence: complained.split("\n")[0] || "without a word" };
}

function reachedIn(said: string): Answer | undefined {
  try {
    const reached = JSON.parse(said) as unknown;
    if (!Array.isArray(reached)) return undefined;
    return { reached: ALL.filter((each) => reached.includes(each)), hasTmp: reached.includes("tmp") };
  } catch {
    return undefined;
  }
}

/** The program that tries everything that a function must not do, as JavaScript text. */
export function probeProgram(facts: Facts): string {
  return `"use strict";\n${String(attempt)}\nvoid attempt(${JSON.stringify(facts)});\n`;
}

type Facts = {
  readonly canary: string;
  readonly folder: string;
  readonly server: number;
  readonly tmpBytes: number;
};

/** Runs in the probing process, as text: no imports, no names from outside. Writes what worked to descriptor 3. */
async function attempt({ canary, folder, server, tmpBytes }: Facts): Promise<void> {
  const codeOf = (error: unknown) => (error as { code?: string } | null)?.code;
  const attempts: Record<string, () => unknown> = {
    "read-file": () => process.getBuiltinModule("node:fs").readFileSync(canary),
    "write-file": () => process.getBuiltinModule("node:fs").writeFileSync(`${folder}/written`, ""),
    "database-file"() {
      const sqlite = process.getBuiltinModule("node:sqlite");
      new sqlite.DatabaseSync(`${folder}/database`).exec("CREATE TABLE t (a)");
    },
    network: async () => {
      const net = process.getBuiltinModule("node:net");
      // Refused by the other side means that this side would have let it through.
      const answer = await new Promise((resolve) => {
        net.connect(1, "127.0.0.1").on("error", resolve).on("connect", resolve);
      });
      if (codeOf(answer) === "ERR_ACCESS_DENIED") throw answer;
    },
    "child-process"() {
      const childProcess = process.getBuiltinModule("node:child_process");
      const { error } = childProcess.spawnSync(process.execPath, ["--version"]);
      if (error) throw error;
    },
    "worker-thread": async () => {
      const threads = process.getBuiltinModule("node:worker_threads");
      await new threads.Worker("", { eval: true }).terminate();
    },
    "native-addon"() {
      try {
        process.dlopen({ exports: {} }, canary);
      } catch (error) {
        if (codeOf(error) !== "ERR_DLOPEN_FAILED") throw error;
      }
    },
    "foreign-function"() {
      const ffi = process.getBuiltinModule("node:ffi") as unknown as { dlopen(path: null, symbols: object): unknown };
      ffi.dlopen(null, {});
    },
    inspector: () => process.getBuiltinModule("node:inspector").open(0, "127.0.0.1"),
    // No harm, but a fact about the boundary: a place to write to that is bounded.
    tmp() {
      const fs = process.getBuiltinModule("node:fs");
      const { blocks, bsize } = fs.statfsSync("/tmp");
      return blocks * bsize > tmpBytes ? Promise.reject() : fs.writeFileSync("/tmp/probe", "");
    },
    "signal-server"() {
      // In a process namespace of its own the server's number is nobody's, or this process's own.
      return process.pid === server ? Promise.reject() : process.kill(server, 0);
    },
  };
  const reached: string[] = [];
  for (const [name, act] of Object.entries(attempts)) {
    try {
      await act();
      reached.push(name);
    } catch {
      // Refused, as it should be.
    }
  }
  process.getBuiltinModule("node:fs").writeSync(3, JSON.stringify(reached));
  process.exit(0);
}
