/** A chip behind JRCP, served as a PKCS #11 token to programs that nobody here wrote, and servers for them to meet. */
import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttps } from "node:https";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { TLSSocket } from "node:tls";

import { A71chChip } from "../../src/chip/a71ch/index.ts";
import { nodeChipCrypto, nodeSe05xCrypto, serveChip } from "../../src/chip/node.ts";
import { Se05xChip } from "../../src/chip/se05x/index.ts";
import { SeededEntropy } from "../../src/crypto/index.ts";
import { nodeClock, nodeHash } from "../../src/crypto/node.ts";
import { A71ch } from "../../src/host/a71ch/index.ts";
import { connectChip } from "../../src/host/node.ts";
import { Se05x } from "../../src/host/se05x/index.ts";
import { Token } from "../../src/pkcs11/index.ts";
import { serveToken } from "../../src/pkcs11/node.ts";
import { Ledger } from "../../src/trace/index.ts";
import { chainPem, type Hierarchy, keyPem } from "../tls/hierarchy.ts";
import { requirePeer } from "./peers.ts";

export const PIN = "1234";
export const LABEL = "SE";

/** p11-kit's client library: Debian's, or another version's that P11_KIT_CLIENT names; and OpenSSL's engine that loads it. */
export const P11_KIT_CLIENT = process.env["P11_KIT_CLIENT"] ?? globSync("/usr/lib/*/pkcs11/p11-kit-client.so")[0] ?? "";
const ENGINE = globSync("/usr/lib/*/engines-3/pkcs11.so")[0] ?? "";

/** Whether these programs and p11-kit's client are installed; where not, a reported skip, a failure where CI=true. */
export function requirePkcs11(t: TestContext, ...programs: readonly string[]): boolean {
  for (const program of programs) if (!requirePeer(t, program)) return false;
  if (existsSync(P11_KIT_CLIENT) && existsSync(ENGINE)) return true;
  if (process.env["CI"] === "true") throw new Error("p11-kit-modules or libengine-pkcs11-openssl is not installed");
  t.skip("p11-kit-modules or libengine-pkcs11-openssl is not installed");
  return false;
}

export type Finished = { readonly status: number; readonly stdout: string; readonly stderr: string };

export type TestToken = {
  readonly folder: string;
  readonly socket: string;
  readonly env: NodeJS.ProcessEnv;
  /** What the chip and the token told. */
  readonly ledger: Ledger;
  /** The chip as its host sees it, over a connection of its own. */
  readonly chip: () => Promise<A71ch | Se05x>;
  /** Runs a program in the folder; it reaches the token by its environment. */
  readonly run: (program: string, args: readonly string[], input?: string | Uint8Array) => Promise<Finished>;
  /** Runs a program that must succeed. */
  readonly ok: (program: string, args: readonly string[], input?: string | Uint8Array) => Promise<Finished>;
  /** `pkcs11-tool` on the token; with the PIN. */
  readonly tool: (...args: readonly string[]) => Promise<Finished>;
  readonly write: (name: string, content: string | Uint8Array) => string;
  readonly stopChip: () => Promise<void>;
  readonly startChip: () => Promise<void>;
};

/** The URI of a private key by its label, with the PIN. RFC 7512 */
export function keyUri(label: string): string {
  return `pkcs11:token=${LABEL};object=${label};type=private;pin-value=${PIN}`;
}

/** Starts chip and token. Everything ends with the test. */
export async function startToken(
  t: TestContext,
  { withPin = true, model = "a71ch" }: { withPin?: boolean; model?: "a71ch" | "a5000" | "se051" } = {},
): Promise<TestToken> {
  const folder = mkdtempSync(join(tmpdir(), "hawser-p11-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const ledger = new Ledger({ clock: nodeClock });
  const entropy = new SeededEntropy(nodeHash, "pkcs11 chip");
  const parts = { entropy, clock: nodeClock, trace: ledger };
  const card =
    model === "a71ch"
      ? new A71chChip({ crypto: nodeChipCrypto, ...parts })
      : await Se05xChip.open({ model, crypto: nodeSe05xCrypto, ...parts });
  let served = await serveChip({ chip: card, port: 0 });
  const { port } = served;
  t.after(() => served.close());
  const openChip = async (): Promise<A71ch | Se05x> => {
    const connection = await connectChip(`127.0.0.1:${port}`);
    const ports = { hash: nodeHash, clock: nodeClock };
    return model === "a71ch" ? A71ch.open(connection, ports) : Se05x.open(connection, ports);
  };
  const open = async () => {
    const element = await openChip();
    return { element, close: () => element.close() };
  };
  const token = new Token({ open, hash: nodeHash, label: LABEL, trace: ledger, ...(withPin ? { pin: PIN } : {}) });
  const socket = join(folder, "run", "pkcs11");
  const server = await serveToken({ token, path: socket, trace: ledger });
  t.after(async () => {
    await server.close();
    await token.close();
  });
  const env = environment(folder, socket);
  const run: TestToken["run"] = (program, args, input) => runProgram(program, args, { cwd: folder, env, input });
  const ok: TestToken["ok"] = async (program, args, input) => {
    const finished = await run(program, args, input);
    assert.equal(finished.status, 0, `${program} ${args.join(" ")}\n${finished.stdout}${finished.stderr}`);
    return finished;
  };
  const login = withPin ? ["--login", "--pin", PIN] : [];
  return {
    folder,
    socket,
    env,
    ledger,
    run,
    ok,
    tool: (...args) => ok("pkcs11-tool", ["--module", P11_KIT_CLIENT, "--token-label", LABEL, ...login, ...args]),
    chip: async () => {
      const device = await openChip();
      t.after(() => device.close());
      return device;
    },
    write: (name, content) => {
      writeFileSync(join(folder, name), content);
      return join(folder, name);
    },
    stopChip: () => served.close(),
    startChip: async () => {
      served = await serveChip({ chip: card, port });
    },
  };
}

/** The environment of a program: it finds our socket, and nobody's home directory. */
function environment(folder: string, socket: string): NodeJS.ProcessEnv {
  const home = join(folder, "home");
  mkdirSync(home);
  return {
    PATH: process.env["PATH"],
    HOME: home,
    P11_KIT_SERVER_ADDRESS: `unix:path=${socket}`,
    PKCS11_MODULE_PATH: P11_KIT_CLIENT,
  };
}

type RunOptions = {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly input: string | Uint8Array | undefined;
};

function runProgram(program: string, args: readonly string[], { cwd, env, input }: RunOptions): Promise<Finished> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { cwd, env, timeout: 30_000 }, (error, stdout, stderr) => {
      const code = error?.code;
      resolve({ status: error ? (typeof code === "number" ? code : 255) : 0, stdout, stderr });
    });
    child.stdin?.on("error", () => undefined);
    // A program that ended already reads nothing; its status tells.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input);
  });
}

/** A program that runs until the test ends; gives what it has printed, and waits for more. */
export function startProgram(
  t: TestContext,
  [program, ...args]: readonly [string, ...string[]],
  options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv },
): { readonly child: ChildProcess; readonly printed: (pattern: RegExp) => Promise<RegExpExecArray> } {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  });
  let output = "";
  const waiting = new Set<() => void>();
  const look = (text: string) => {
    output += text;
    for (const each of waiting) each();
  };
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => look(String(bytes)));
  child.once("exit", (code) => look(`\n<ended with ${code}>`));
  const printed = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const check = () => {
        const match = pattern.exec(output);
        if (!match && !output.includes("<ended with")) return;
        waiting.delete(check);
        if (match) resolve(match);
        else reject(new Error(`${program} never printed ${pattern}:\n${output}`));
      };
      waiting.add(check);
      check();
    });
  return { child, printed };
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  listener.close();
  await once(listener, "close");
  return port;
}

/** An HTTPS server that demands a client certificate of the hierarchy and says whose it saw, over which protocol. */
export async function startHttps(t: TestContext, hierarchy: Hierarchy): Promise<{ port: number; url: string }> {
  const server = await hierarchy.server();
  const trusted = [hierarchy.root.certificate.der, hierarchy.intermediate.certificate.der];
  const options = {
    cert: chainPem(server.chain),
    key: keyPem(server.key),
    ca: chainPem(trusted),
    requestCert: true,
    rejectUnauthorized: true,
  };
  const https = createHttps(options, (request, response) => {
    const socket = request.socket as TLSSocket;
    response.setHeader("connection", "close");
    response.end(`hello ${socket.getPeerCertificate().subject.CN?.toString()} over ${socket.getProtocol()}\n`);
  });
  https.listen(0, "127.0.0.1");
  await once(https, "listening");
  t.after(() => https.close());
  const { port } = https.address() as AddressInfo;
  return { port, url: `https://localhost:${port}/` };
}
