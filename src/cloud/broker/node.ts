import { constants } from "node:crypto";
import { createServer as createPlainServer } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";

import { UsageError } from "../../codec/index.ts";
import type { BrokerErrorCode } from "./errors.ts";
import { Handshakes } from "./node-handshakes.ts";
import { attach, listening, peerOf, type Listening, type ListenOptions } from "./node-socket.ts";
import type { Defer } from "./ports.ts";

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
  const { key, cert } = options;
  const server = createTlsServer({
    ...SOCKETS,
    key,
    cert,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: "TLSv1.2",
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
  });
  const handshakes = new Handshakes(options);
  server.on("connection", (socket) => handshakes.begin(socket));
  server.on("secureConnection", (socket: TLSSocket) => {
    handshakes.succeed(socket);
    const servername = typeof socket.servername === "string" ? socket.servername : undefined;
    attach(socket, { ...peerOf(socket), certificates: presentedChain(socket), servername }, options);
  });
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
    handshakes.fail(socket, error);
    socket.destroy();
  });
  return listening(server, options);
}

/** The leaf and those of the sent certificates that issued one another: node:tls shows no others. */
export function presentedChain(socket: TLSSocket): Uint8Array[] {
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
