/** TLS peers over mbedTLS and wolfSSL: small C programs of our own, compiled against Debian's libraries once a run. */
import { execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { promisify } from "node:util";

import { requirePeer } from "./peers.ts";
import { type Lifetime, type PeerServer, startProgram } from "./tls-servers.ts";

const LIBRARIES = {
  mbedtls: { header: "/usr/include/mbedtls/ssl.h", link: ["-lmbedtls", "-lmbedx509", "-lmbedcrypto"] },
  wolfssl: { header: "/usr/include/wolfssl/ssl.h", link: ["-lwolfssl", "-lm"] },
} as const;

export type PeerLibrary = keyof typeof LIBRARIES;
export type PeerProgram = "mbedtls-server" | "mbedtls-client" | "wolfssl-server";
/** Settings in the program's own words; a list sets one word several times. */
export type PeerSettings = Readonly<Record<string, string | readonly string[]>>;

/** Whether gcc and a library's headers are here; where they are not, the test is skipped, or fails where CI=true. */
export function requireLibrary(t: TestContext, library: PeerLibrary): boolean {
  if (!requirePeer(t, "gcc")) return false;
  if (existsSync(LIBRARIES[library].header)) return true;
  const what = `lib${library}-dev`;
  if (process.env.CI === "true") throw new Error(`${what} is not installed; npm run peers installs it`);
  t.skip(`${what} is not installed`);
  return false;
}

/** A server that echoes, on a port of its own, one connection after another. */
export async function startCompiled(
  t: Lifetime,
  program: "mbedtls-server" | "wolfssl-server",
  settings: PeerSettings,
): Promise<PeerServer> {
  const peer = startProgram(t, await compiled(program), words(settings));
  const [, port] = await peer.printed(/listening port=(\d+)/);
  return { ...peer, port: Number(port) };
}

/** Runs the mbedTLS client to its end: status 0 only where the server was verified and answered its line. */
export async function runMbedtlsClient(settings: PeerSettings): Promise<{ status: number; output: string }> {
  const child = spawn(await compiled("mbedtls-client"), words(settings), { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => resolve({ status: status ?? -1, output }));
  });
}

const programs = new Map<PeerProgram, Promise<string>>();
let folder: string | undefined;

function compiled(program: PeerProgram): Promise<string> {
  const known = programs.get(program) ?? compile(program);
  programs.set(program, known);
  return known;
}

async function compile(program: PeerProgram): Promise<string> {
  folder ??= newFolder();
  const path = join(folder, program);
  const source = join(import.meta.dirname, "peers-c", `${program}.c`);
  const { link } = LIBRARIES[program.startsWith("mbedtls") ? "mbedtls" : "wolfssl"];
  await promisify(execFile)("gcc", ["-std=gnu11", "-Wall", "-Wextra", "-o", path, source, ...link]);
  return path;
}

function newFolder(): string {
  const made = mkdtempSync(join(tmpdir(), "hawser-peers-"));
  process.once("exit", () => rmSync(made, { recursive: true, force: true }));
  return made;
}

function words(settings: PeerSettings): string[] {
  return Object.entries(settings).flatMap(([name, value]) => [value].flat().map((each) => `${name}=${each}`));
}
