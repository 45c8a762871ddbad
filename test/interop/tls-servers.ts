/** openssl s_server and gnutls-serv as TLS peers, on a port of their own, echoing what they are sent. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

import { chainPem, type Hierarchy, type Holder, keyPem } from "../tls/hierarchy.ts";

export type PeerServer = {
  readonly port: number;
  /** Everything that the program has printed. */
  readonly output: () => string;
  /** Resolves once the program's output matches. */
  readonly printed: (pattern: RegExp) => Promise<RegExpExecArray>;
};

export type PeerOptions = {
  readonly hierarchy: Hierarchy;
  readonly server: Holder;
  /** Demands a client certificate of the hierarchy's. */
  readonly demandsCertificate?: boolean;
  /** More arguments, in the program's own words. */
  readonly args?: readonly string[];
};

/** What ends when a test does, or a whole suite of them. */
export type Lifetime = Pick<TestContext, "after">;

/** The two programs by name, each as a function that starts it. */
export const TLS_SERVERS = { openssl: startOpenssl, "gnutls-serv": startGnutls } as const;

async function startOpenssl(t: TestContext, options: PeerOptions): Promise<PeerServer> {
  const files = credentials(t, options);
  const verify = options.demandsCertificate ? ["-Verify", "3", "-verify_return_error", "-CAfile", files.ca] : [];
  const credential = ["-cert", files.cert, "-key", files.key, "-cert_chain", files.cert];
  const args = [
    "s_server",
    "-accept",
    "127.0.0.1:0",
    "-rev",
    "-state",
    ...credential,
    ...verify,
    ...(options.args ?? []),
  ];
  const peer = startProgram(t, "openssl", args);
  const [, port] = await peer.printed(/ACCEPT 127\.0\.0\.1:(\d+)/);
  return { ...peer, port: Number(port) };
}

async function startGnutls(t: TestContext, options: PeerOptions): Promise<PeerServer> {
  const files = credentials(t, options);
  const port = await freePort();
  const verify = options.demandsCertificate
    ? ["--x509cafile", files.ca, "--require-client-cert", "--verify-client-cert"]
    : ["--disable-client-cert"];
  const credential = ["--x509certfile", files.cert, "--x509keyfile", files.key];
  const args = ["-p", String(port), "--echo", "-d", "5", ...credential, ...verify, ...(options.args ?? [])];
  const peer = startProgram(t, "gnutls-serv", args);
  await peer.printed(/listening on IPv4.*done/);
  return { ...peer, port };
}

function credentials(t: TestContext, { hierarchy, server }: PeerOptions): { cert: string; key: string; ca: string } {
  const folder = mkdtempSync(join(tmpdir(), "hawser-tls-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const files = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem"), ca: join(folder, "ca.pem") };
  writeFileSync(files.cert, chainPem(server.chain));
  writeFileSync(files.key, keyPem(server.key), { mode: 0o600 });
  writeFileSync(files.ca, chainPem([hierarchy.root.certificate.der]));
  return files;
}

/** A program that runs until the test ends, and what it prints. */
export function startProgram(t: Lifetime, program: string, args: readonly string[]): Omit<PeerServer, "port"> {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
  t.after(() => stop(child));
  let output = "";
  const waiting = new Set<() => void>();
  const take = (text: string) => {
    output += text;
    for (const look of waiting) look();
  };
  child.stdout.setEncoding("utf8").on("data", take);
  child.stderr.setEncoding("utf8").on("data", take);
  const printed = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(output);
        if (!match) return;
        waiting.delete(look);
        resolve(match);
      };
      waiting.add(look);
      child.once("exit", () => reject(new Error(`${program} ended without printing ${pattern}:\n${output}`)));
      look();
    });
  return { output: () => output, printed };
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once("exit", () => resolve());
    child.kill("SIGKILL");
  });
}

/** A port that was free a moment ago, for programs that cannot pick one themselves. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const listener = createServer().listen(0, "127.0.0.1", () => {
      const { port } = listener.address() as AddressInfo;
      listener.close(() => resolve(port));
    });
  });
}
