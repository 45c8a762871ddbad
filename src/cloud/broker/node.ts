import { constants } from "node:crypto";
import { createServer as createPlainServer } from "node:net";
import { createServer as createTlsServer, type TlsOptions, type TLSSocket } from "node:tls";

import { UsageError } from "../../codec/index.ts";
import type { BrokerErrorCode } from "./errors.ts";
import { Handshakes } from "./node-handshakes.ts";
import { peerOfSession, resumeBySessionId, RESUMING } from "./node-resumption.ts";
import { attach, listening, peerOf, type Listening, type ListenOptions } from "./node-socket.ts";
import type { Defer, Peer } from "./ports.ts";

export { Handshakes } from "./node-handshakes.ts";
export { attach, listening, peerOf, type Listening, type ListenOptions } from "./node-socket.ts";

/** Ends a turn after all sockets that were ready have been read. */
export const nodeDefer: Defer = (task) => void setImmediate(task);

/** Small writes go out at once, and `drain` is told below the broker's soft bound. */
export const SOCKETS = { noDelay: true, highWaterMark: 64 * 1024 } as const;

/** MQTT without TLS, for development: only on a loopback address, else `UsageError` `not-loopback`. */
export async function listenPlain(options: ListenOptions): Promise<Listening> {
  if (!/^(127\.|::1$|localhost$)/.test(options.host)) {
    throw new UsageError<BrokerErrorCode>("not-loopback", `plain MQTT is not offered on ${options.host}`);
  }
  const server = createPlainServer(SOCKETS, (socket) => {
    attach(socket, { ...peerOf(socket), certificates: [], servername: undefined }, options);
  });
  return listening(server, options);
}

/** PEM: the server's private key and its certificate followed by its intermediates, one pair for each kind of key. */
export type ServerTls = Pick<TlsOptions, "key" | "cert" | "ciphers" | "dhparam">;

export type TlsListenOptions = ListenOptions &
  ServerTls & {
    /** Decides within the handshake, which is then TLS 1.2 only; without it, CONNECT decides. */
    readonly handshakeGate?: HandshakeGate;
    /** Whether a client may resume its TLS session, which saves both sides a signature; AWS IoT Core resumes none. */
    readonly resumption?: boolean;
  };

/** Decides, while a handshake completes, whether the server's Finished may leave. */
export type HandshakeGate = {
  mayFinish(peer: Peer): boolean;
  /** Told of each handshake that was reset. */
  wasReset(peer: Peer): void;
};

/**
 * MQTT over TLS 1.2 and 1.3. Asks for a client certificate and accepts any, or none: the gatekeeper decides at CONNECT.
 * A session that is resumed, where that is allowed, shows the client's own certificate and no chain: it is decided anew.
 */
export async function listenTls(options: TlsListenOptions): Promise<Listening> {
  const { key, cert, ciphers, dhparam, handshakeGate: gate, resumption = false } = options;
  const byTicket = resumption && !gate;
  const server = createTlsServer({
    ...SOCKETS,
    key,
    cert,
    ciphers,
    dhparam,
    // In TLS 1.3 the server's Finished has left before the client's certificate comes.
    ...(gate && { maxVersion: "TLSv1.2" as const }),
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: "TLSv1.2",
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | (byTicket ? 0 : constants.SSL_OP_NO_TICKET),
    ...(resumption && RESUMING),
  });
  if (resumption && gate) {
    const unconnected = { connection: "", address: "", servername: undefined };
    resumeBySessionId(server, (certificate) => gate.mayFinish({ ...unconnected, certificates: [certificate] }));
  }
  const handshakes = new Handshakes(options);
  server.on("connection", (socket) => handshakes.begin(socket));
  server.on("secureConnection", (socket: TLSSocket) => {
    const transport = handshakes.succeed(socket);
    const servername = typeof socket.servername === "string" ? socket.servername : undefined;
    const facts = { ...peerOf(socket), servername, ...tlsVersionOf(socket) };
    // A socket that is reset shows nobody's certificates any more.
    const peer: Peer = gate
      ? { ...facts, certificates: presentedChain(socket) }
      : { ...facts, certificates: presentedLeaf(socket), chain: () => presentedChain(socket) };
    if (!gate || gate.mayFinish(peer)) return attach(socket, peer, options);
    // What OpenSSL has written last is still in memory: a reset now keeps it there. Node can send no alert here.
    transport?.resetAndDestroy();
    return gate.wasReset(peer);
  });
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
    handshakes.fail(socket, error);
    socket.destroy();
  });
  return listening(server, options);
}

/** The version of TLS that a connection speaks. */
export function tlsVersionOf(socket: TLSSocket): Pick<Peer, "tlsVersion"> {
  const tlsVersion = socket.getProtocol();
  return tlsVersion === null ? {} : { tlsVersion };
}

/**
 * The client's own certificate alone. To ask node:tls for it makes an object of each certificate sent and has OpenSSL look
 * for the last one's issuer, which takes ten times as long.
 */
function presentedLeaf(socket: TLSSocket): Uint8Array[] {
  const session = socket.getSession();
  if (!session) return [];
  const certificate = peerOfSession(session);
  const copies = certificate ? [new Uint8Array(certificate)] : [];
  // It holds the session's secrets as well.
  session.fill(0);
  return copies;
}

/** The leaf and those of the sent certificates that issued one another: node:tls shows no others. */
export function presentedChain(socket: TLSSocket): Uint8Array[] {
  const chain: Uint8Array[] = [];
  let certificate = socket.getPeerX509Certificate();
  while (certificate && chain.length < 16) {
    const { raw } = certificate;
    // A root names itself as its issuer.
    if (chain.some((der) => raw.equals(der))) break;
    chain.push(new Uint8Array(raw));
    certificate = certificate.issuerCertificate;
  }
  return chain;
}
