import { existsSync, readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { createServer, type TLSSocket } from "node:tls";

import { fromHex, parsePem } from "../codec/index.ts";
import { nodeClock } from "../crypto/node.ts";
import { parseCertificate } from "../pki/index.ts";
import { opensslSuiteName, type SuiteName, SUITES } from "../tls/index.ts";
import { serveDemonstration } from "../tls/server12/node.ts";
import { correlated, Ledger, renderTimeline } from "../trace/index.ts";
import { badOption } from "./errors.ts";
import { aborted } from "./interrupt.ts";
import { FILES, opensslList, PSK_IDENTITY, SERVER_MODES, type ServerMode } from "./oem-words.ts";
import type { Output } from "./output.ts";
import { appendEvents } from "./trace-file.ts";

export type ServerOptions = {
  readonly ecc: string;
  readonly host: string;
  readonly port: number;
  /** Another private key than that of the folder. */
  readonly key?: string;
  readonly trace?: string;
};

type Facts = {
  readonly address: string;
  readonly protocol: string;
  readonly suite: string;
  readonly resumed: boolean;
  readonly client: string;
  readonly timeline: string;
};

type Running = { readonly port: number; readonly close: () => Promise<void> };

/** `tlsServer.sh`: listens until interrupted, echoes, and says what each connection agreed on. AN12132, section 5.6 */
export async function serveOem(
  mode: ServerMode,
  options: ServerOptions,
  { output, signal }: { readonly output: Output; readonly signal: AbortSignal },
): Promise<void> {
  const { by } = SERVER_MODES[mode];
  checkFiles(mode, options);
  const suites: readonly SuiteName[] = SERVER_MODES[mode].suites;
  const tell = (facts: Facts) => output.line({ event: "connected", ...facts }, textOf(facts));
  const parts = { mode, options, suites, output, tell };
  banner(parts);
  const running = await (by === "hawser" ? serveHawser(parts) : serveNode(parts));
  const address = `${options.host}:${running.port}`;
  output.line({ event: "listening", address, mode, suites }, `listening on ${address} for ${mode}`);
  await aborted(signal);
  await running.close();
}

/** Throws `bad-option` where a credential is missing, before anything is said about a server. */
function checkFiles(mode: ServerMode, { ecc, key }: ServerOptions): void {
  const needed = mode.endsWith("psk")
    ? [join(ecc, FILES.psk)]
    : [join(ecc, FILES.root), join(ecc, FILES.server), key ?? join(ecc, FILES.serverKey)];
  const missing = needed.find((path) => !existsSync(path));
  if (missing !== undefined) {
    throw badOption(
      `${missing} is missing: create the credentials first (tlsCreateCredentialsRunOnClientOnce.sh), or copy their folder here`,
    );
  }
}

type Parts = {
  readonly mode: ServerMode;
  readonly options: ServerOptions;
  readonly suites: readonly SuiteName[];
  readonly output: Output;
  readonly tell: (facts: Facts) => void;
};

/** What it is, how OpenSSL would have been asked for it, and where it can be reached. AN12132, figures 19 and 20 */
function banner({ mode, options, suites, output }: Parts): void {
  output.warn("a demonstration server, to be adapted before any commercial use (AN12132, chapter 5)");
  const weak = suites.filter((name) => /_ECDH_|_CBC_/.test(name)).map(opensslSuiteName);
  if (weak.length > 0) output.warn(`without forward secrecy, or with CBC: ${weak.join(", ")}`);
  const file = (name: keyof typeof FILES) => join(options.ecc, FILES[name]);
  const credentials = mode.endsWith("psk")
    ? `-nocert -psk_identity ${PSK_IDENTITY} -psk $(cat ${file("psk")})`
    : `-CAfile ${file("root")} -cert ${file("server")} -key ${options.key ?? file("serverKey")} -Verify 2`;
  const command = `openssl s_server -accept ${options.port} -tls1_2 ${credentials} -cipher ${opensslList(suites)}`;
  const addresses = Object.entries(networkInterfaces()).flatMap(([name, all]) =>
    (all ?? []).filter(({ family }) => family === "IPv4").map(({ address }) => `${name} ${address}`),
  );
  output.line({ event: "server", mode, openssl: command, addresses }, `as OpenSSL has it: ${command}`);
  output.note(`this machine's addresses: ${addresses.join(", ")}`);
}

/** Static ECDH is spoken by our own server alone. */
async function serveHawser({ options, suites, output, tell }: Parts): Promise<Running> {
  const ledger = new Ledger({ clock: nodeClock });
  const closeTrace = options.trace === undefined ? () => undefined : appendEvents(ledger, options.trace);
  const { certificate, key, ca } = credentialsOf(options);
  const server = await serveDemonstration({
    host: options.host,
    port: options.port,
    suites: suites as (typeof SERVER_MODES)["max"]["suites"],
    certificate,
    key,
    ca,
    clientCertificates: "required",
    trace: correlated(ledger, {}),
    onConnection: (stream, address) => {
      const { protocol, suite, resumed, peerChain } = stream.facts;
      const [leaf] = peerChain;
      const client = leaf ? parseCertificate(leaf).subject.text : "";
      tell({
        address,
        protocol,
        suite,
        resumed,
        client,
        timeline: renderTimeline(ledger.events(), { connection: address }),
      });
      stream.on("data", (data: Uint8Array) => stream.write(data));
    },
    onFailure: (error, address) => refused(error, address, output),
  });
  return {
    port: server.port,
    close: async () => {
      await server.close();
      closeTrace();
    },
  };
}

/** Everything else is node:tls's business. */
async function serveNode({ mode, options, suites, output, tell }: Parts): Promise<Running> {
  const isPsk = mode.endsWith("psk");
  const psk = isPsk ? fromHex(readFileSync(join(options.ecc, FILES.psk), "utf8").trim()) : undefined;
  const { certificate: cert, key, ca } = psk ? {} : credentialsOf(options);
  const server = createServer({
    maxVersion: "TLSv1.2",
    // OpenSSL counts a suite with CBC and a pre-shared key of 128 bits as weak.
    ciphers: `${opensslList(suites)}${psk ? ":@SECLEVEL=0" : ""}`,
    ...(psk
      ? { pskCallback: (_socket: TLSSocket, identity: string) => (identity === PSK_IDENTITY ? psk : null) }
      : { cert, key, ca, requestCert: true, rejectUnauthorized: true }),
  });
  const open = new Set<TLSSocket>();
  server.on("secureConnection", (socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    const address = `${socket.remoteAddress}:${socket.remotePort}`;
    socket.on("error", (error) => refused(error, address, output));
    const { raw } = psk ? { raw: undefined } : socket.getPeerCertificate();
    const client = raw ? parseCertificate(new Uint8Array(raw)).subject.text : PSK_IDENTITY;
    const suite = standardName(socket.getCipher().name);
    tell({
      address,
      protocol: socket.getProtocol() ?? "",
      suite,
      resumed: socket.isSessionReused(),
      client,
      timeline: "",
    });
    socket.pipe(socket);
  });
  server.on("tlsClientError", (error, socket) =>
    refused(error, `${socket.remoteAddress}:${socket.remotePort}`, output),
  );
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, resolve);
  });
  const bound = server.address();
  return {
    port: typeof bound === "object" && bound ? bound.port : options.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

function standardName(openssl: string): string {
  const names = Object.keys(SUITES) as SuiteName[];
  return names.find((name) => opensslSuiteName(name) === openssl) ?? openssl;
}

function refused(error: Error, address: string, output: Output): void {
  const code = (error as { code?: string }).code ?? "";
  output.line({ event: "refused", address, code, reason: error.message }, `refused ${address}: ${error.message}`);
}

/** Certificate, key and trusted CA; a public key in the place of the private one is explained. AN12132, section 5.6 */
function credentialsOf({ ecc, key: path = join(ecc, FILES.serverKey) }: ServerOptions) {
  const read = (name: keyof typeof FILES) => readFileSync(join(ecc, FILES[name]), "utf8");
  const key = readFileSync(path, "utf8");
  if (parsePem(key).some(({ label }) => label === "PUBLIC KEY")) {
    throw badOption(
      `${path} holds a public key; what AN12132 calls the server public key is the private one: ${FILES.serverKey}`,
    );
  }
  return { certificate: read("server"), key, ca: read("root") };
}

function textOf({ address, protocol, suite, resumed, client, timeline }: Facts): string {
  return [
    `connected ${address}`,
    `  ${protocol}, ${suite}${resumed ? ", resumed" : ""}`,
    `  client ${client}`,
    ...(timeline === "" ? [] : [timeline.trimEnd()]),
  ].join("\n");
}
