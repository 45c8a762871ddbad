import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

import type { Clock } from "../../crypto/index.ts";
import {
  nodeAead,
  nodeClock,
  nodeHash,
  nodeKeyAgreement,
  nodeRandom,
  nodeSigner,
  nodeVerifier,
  privateKeyFromPem,
} from "../../crypto/node.ts";
import { nodeHeldAgreement } from "../../crypto/node-curves.ts";
import { type Certificate, validatePath } from "../../pki/index.ts";
import { correlated, silentTrace, type Trace } from "../../trace/index.ts";
import type { ClientVerifier, Performers } from "../effect-performer.ts";
import { misuse } from "../errors.ts";
import { nodeCbc, nodeDh } from "../node-ciphers.ts";
import { TlsDuplex } from "../node-duplex.ts";
import { certificates, type CertificateSource } from "../node-options.ts";
import { type ServerConfig, serverConfig } from "./server-config.ts";
import { ServerConnection } from "./server-connection.ts";
import { SessionCache } from "./session-cache.ts";

/** What a demonstration server needs and may do. */
export type ServeOptions = Partial<Pick<ServerConfig, "suites" | "groups" | "clientCertificates">> & {
  /** Loopback unless told otherwise. */
  readonly host?: string;
  /** 0, the default, takes any free one. */
  readonly port?: number;
  /** The server's certificate and those above it, its own first. */
  readonly certificate: CertificateSource;
  /** PEM of its EC private key. */
  readonly key: string;
  /** Certificates that are trusted to issue clients'; needed where clients are asked for theirs. */
  readonly ca?: CertificateSource;
  /** Whether sessions are kept to be resumed; true unless told otherwise. */
  readonly resumes?: boolean;
  /** Connections at the same time; one more is closed at once. */
  readonly maxConnections?: number;
  /** For each handshake. */
  readonly timeoutMs?: number;
  readonly trace?: Trace;
  readonly clock?: Clock;
  /** Gets each connection once its handshake is complete, with the client's address. */
  readonly onConnection: (stream: TlsDuplex, address: string) => void;
  /** Gets what ended a handshake or a connection, with the client's address. */
  readonly onFailure?: (error: Error, address: string) => void;
};

/** A server that listens. */
export type DemonstrationServer = {
  readonly address: string;
  readonly port: number;
  /** Stops listening and ends all connections. */
  readonly close: () => Promise<void>;
};

/**
 * Listens with static ECDH and ECDHE over TLS 1.2, for demonstrations: static ECDH gives no forward secrecy, and
 * OpenSSL, GnuTLS and Node have dropped it. Rejects with `UsageError` `bad-option` for what cannot work.
 */
export async function serveDemonstration(options: ServeOptions): Promise<DemonstrationServer> {
  const { host = "127.0.0.1", port = 0, trace = silentTrace, clock = nodeClock, maxConnections = 64 } = options;
  const { config, performers } = parts(options, clock);
  const open = new Set<TlsDuplex>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket: Socket) => {
    const address = `${socket.remoteAddress}:${socket.remotePort}`;
    const stream = new TlsDuplex(socket, new ServerConnection(config), {
      performers,
      clock,
      timeoutMs: options.timeoutMs ?? 30_000,
      trace: correlated(trace, { connection: address }),
    });
    open.add(stream);
    stream.once("close", () => open.delete(stream));
    stream.on("error", (error) => options.onFailure?.(error, address));
    stream.ready.then(
      () => options.onConnection(stream, address),
      () => undefined,
    );
  });
  server.maxConnections = maxConnections;
  await listening(server, host, port);
  const bound = server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const stream of open) stream.destroy();
    });
  return { address: bound.address, port: bound.port, close };
}

function parts(options: ServeOptions, clock: Clock): { config: ServerConfig; performers: Performers } {
  const key = privateKeyFromPem(options.key);
  const signer = nodeSigner(key);
  const chain = certificates(options.certificate, "certificate");
  const anchors = options.ca === undefined ? [] : certificates(options.ca, "ca");
  if (Buffer.compare(chain[0]?.publicKey.der ?? new Uint8Array(0), signer.publicKey) !== 0) {
    throw misuse("bad-option", "the certificate's public key is not that of the private key");
  }
  const { suites, groups, clientCertificates, resumes = true } = options;
  const config = serverConfig({
    chain: chain.map(({ der }) => der),
    publicKey: signer.publicKey,
    algorithms: signer.algorithms,
    authorities: anchors.map(({ subject }) => subject.der),
    sessions: resumes ? new SessionCache(clock) : undefined,
    hash: nodeHash,
    aead: nodeAead,
    cbc: nodeCbc,
    ...(suites ? { suites } : {}),
    ...(groups ? { groups } : {}),
    ...(clientCertificates ? { clientCertificates } : {}),
  });
  const performers: Performers = {
    random: nodeRandom,
    keyAgreement: nodeKeyAgreement,
    dh: nodeDh,
    secrets: undefined,
    verifier: nodeVerifier,
    signers: [signer],
    chain: { performer: "host", verify: () => Promise.reject(misuse("unexpected-answer", "a server has no server")) },
    server: { staticKey: nodeHeldAgreement(key), clients: clientVerifier(anchors, clock) },
  };
  return { config, performers };
}

/** Path validation for clients. RFC 5280, section 6 */
function clientVerifier(anchors: readonly Certificate[], clock: Clock): ClientVerifier {
  return {
    performer: "host",
    async verify(chain) {
      const time = clock.now();
      const path = await validatePath({
        chain,
        anchors,
        time,
        purpose: "clientAuth",
        verifier: nodeVerifier,
        conformance: "deployed",
      });
      return path.leaf.publicKey.der;
    },
  };
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
