import { createServer as createPlainServer, type AddressInfo, type Server, type Socket } from "node:net";
import { constants } from "node:crypto";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";

import { toHex, UsageError } from "../../codec/index.ts";
import type { Clock } from "../../crypto/index.ts";
import { nodeEntropy } from "../../crypto/node.ts";
import type { RefusalCause, Trace } from "../../trace/index.ts";
import type { Broker } from "./broker.ts";
import type { BrokerErrorCode } from "./errors.ts";
import type { Defer, Peer, Sink } from "./ports.ts";

/** Ends a turn after all sockets that were ready have been read. */
export const nodeDefer: Defer = (task) => void setImmediate(task);

/** How long a closed connection may take to send its last bytes before it is cut. */
const LINGER_MS = 5000;
const HIGH_WATER_BYTES = 64 * 1024;

export type ListenOptions = {
  readonly broker: Broker;
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  readonly clock: Clock;
  readonly trace: Trace;
};

/** A running listener. */
export type Listening = {
  readonly host: string;
  readonly port: number;
  /** Stops listening and cuts the connections that are left. */
  close(): Promise<void>;
};

/** MQTT without TLS, for development: only on a loopback address, else `UsageError` `not-loopback`. */
export async function listenPlain(options: ListenOptions): Promise<Listening> {
  if (!/^(127\.|::1$|localhost$)/.test(options.host)) {
    throw new UsageError<BrokerErrorCode>("not-loopback", `plain MQTT is not offered on ${options.host}`);
  }
  const sockets = new Set<Socket>();
  const server = createPlainServer({ noDelay: true, highWaterMark: HIGH_WATER_BYTES }, (socket) => {
    track(sockets, socket);
    attach(socket, { ...peerOf(socket), certificates: [], servername: undefined }, options);
  });
  return listening(server, sockets, options);
}

export type TlsListenOptions = ListenOptions & {
  /** PEM: the server's private key, and its certificate followed by its intermediates. */
  readonly key: string;
  readonly cert: string;
};

/**
 * MQTT over TLS 1.2 and 1.3. Asks for a client certificate and accepts any, or none: the gatekeeper decides at CONNECT.
 * Sessions are never resumed, since a resumed one would show no certificate chain.
 */
export async function listenTls(options: TlsListenOptions): Promise<Listening> {
  const { key, cert, broker, clock, trace } = options;
  const sockets = new Set<Socket>();
  const handshakes = new Map<string, () => void>();
  const server = createTlsServer({
    key,
    cert,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: "TLSv1.2",
    noDelay: true,
    highWaterMark: HIGH_WATER_BYTES,
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
  });
  const refuse = (address: string, cause: RefusalCause, evidence: Record<string, string | number>): void =>
    trace.emit("cloud", { kind: "refusal", cause, clientId: "", address, evidence });
  server.on("connection", (socket: Socket) => {
    track(sockets, socket);
    const { address } = peerOf(socket);
    const afterMs = broker.settings.limits.connectTimeoutMs;
    const cancel = clock.after(afterMs, () => {
      refuse(address, "connect-timeout", { afterMs, awaited: "TLS handshake" });
      socket.destroy();
    });
    handshakes.set(endpoint(socket), cancel);
    socket.once("close", cancel);
  });
  server.on("secureConnection", (socket: TLSSocket) => {
    handshakes.get(endpoint(socket))?.();
    handshakes.delete(endpoint(socket));
    const servername = typeof socket.servername === "string" ? socket.servername : undefined;
    attach(socket, { ...peerOf(socket), certificates: presentedChain(socket), servername }, options);
  });
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
    refuse(peerOf(socket).address, tlsCause(error.code), { code: error.code ?? "", said: error.message });
    socket.destroy();
  });
  return listening(server, sockets, options);
}

/** Which refusal an error of the TLS library stands for. */
export function tlsCause(code: string | undefined): RefusalCause {
  if (/UNSUPPORTED_PROTOCOL|WRONG_VERSION|PROTOCOL_VERSION|VERSION_TOO_LOW/.test(code ?? "")) return "tls-version";
  if (/NO_SHARED_(CIPHER|GROUP|SIGNATURE)|NO_SUITABLE|HANDSHAKE_FAILURE/.test(code ?? "")) return "tls-cipher-suite";
  return "tls-failed";
}

function attach(socket: Socket, peer: Peer, { broker, clock }: ListenOptions): void {
  const sink: Sink = {
    write: (bytes) => void socket.write(bytes),
    end() {
      socket.end();
      // Reading goes on, unheard, so that a peer that still sends sees our FIN and not a reset.
      socket.resume();
      const cancel = clock.after(LINGER_MS, () => socket.destroy());
      socket.once("close", cancel);
    },
    destroy: () => void socket.destroy(),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    get writableLength() {
      return socket.writableLength;
    },
  };
  socket.on("error", () => undefined);
  const connection = broker.open(peer, sink);
  socket.on("data", (chunk: Uint8Array) => connection.receive(chunk));
  socket.on("drain", () => connection.drained());
  socket.on("close", () => connection.closed());
}

async function listening(server: Server, sockets: Set<Socket>, { host, port }: ListenOptions): Promise<Listening> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, backlog: 1024 }, resolve);
  });
  const { port: bound } = server.address() as AddressInfo;
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  return { host, port: bound, close };
}

function track(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket);
  socket.on("error", () => undefined);
  socket.once("close", () => sockets.delete(socket));
}

function peerOf(socket: Socket): { connection: string; address: string } {
  const address = (socket.remoteAddress ?? "unknown").replace(/^::ffff:/, "");
  return { connection: toHex(nodeEntropy.bytes(8)), address };
}

function endpoint(socket: Socket): string {
  return `${socket.remoteAddress}:${socket.remotePort}`;
}

/** The leaf and those of the sent certificates that issued one another: node:tls shows no others. */
function presentedChain(socket: TLSSocket): Uint8Array[] {
  const chain: Uint8Array[] = [];
  const seen = new Set<string>();
  let certificate = socket.getPeerX509Certificate();
  while (certificate && !seen.has(certificate.fingerprint256) && chain.length < 16) {
    seen.add(certificate.fingerprint256);
    chain.push(new Uint8Array(certificate.raw));
    certificate = certificate.issuerCertificate;
  }
  return chain;
}
