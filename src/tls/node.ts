import { nodeClock, nodeKeyAgreement, nodeRandom, nodeVerifier } from "../crypto/node.ts";
import { CrlSet } from "../pki/index.ts";
import { correlated, silentTrace } from "../trace/index.ts";
import { chainVerifier } from "./chain-verifier.ts";
import { Connection } from "./connection.ts";
import { misuse } from "./errors.ts";
import { nodeDh } from "./node-ciphers.ts";
import { TlsDuplex } from "./node-duplex.ts";
import { TcpTransport } from "./node-tcp.ts";
import { KnownCertificates } from "./known-certificates.ts";
import { certificates, type ConnectOptions, engineConfig } from "./node-options.ts";

export { type KeptSession, TlsDuplex } from "./node-duplex.ts";
export type { CertificateSource, ConnectOptions } from "./node-options.ts";

const knownCertificates = new KnownCertificates();

/** Connects and resolves once the server is verified; rejects with the error that says why not. */
export async function connect(options: ConnectOptions): Promise<TlsDuplex> {
  const duplex = open(options);
  // The rejection tells; an `error` event that nobody listens to would end the process as well.
  const ignore = () => undefined;
  duplex.on("error", ignore);
  await duplex.ready;
  if (options.waitsForServer) await duplex.heard;
  duplex.off("error", ignore);
  return duplex;
}

/** The stream at once, for callers that want one to write to while it connects; it fails with `error`. */
export function open(options: ConnectOptions): TlsDuplex {
  const { host, port, transport, trace = silentTrace, correlation = {}, signer } = options;
  const servername = options.servername ?? host;
  if (servername === undefined) throw misuse("bad-option", "servername or host is needed");
  if (!transport && (host === undefined || port === undefined)) throw misuse("bad-option", "host and port are needed");
  const clock = options.clock ?? nodeClock;
  const keyAgreement = options.keyAgreement ?? nodeKeyAgreement;
  const connection = new Connection(engineConfig(options, servername, keyAgreement, clock.now()));
  const performers = {
    random: options.random ?? nodeRandom,
    keyAgreement,
    dh: nodeDh,
    secrets: options.secrets,
    records: options.records,
    verifier: options.verifier ?? nodeVerifier,
    signers: signer ? [signer] : [],
    chain: chainVerifier({
      known: knownCertificates,
      anchors: options.psk && options.ca === undefined ? [] : certificates(options.ca ?? [], "ca"),
      verifier: options.chainVerifier ?? nodeVerifier,
      conformance: options.conformance ?? "deployed",
      clock,
      revocation: options.revocation,
      crls: options.crls && new CrlSet(options.crls),
    }),
  };
  const tcp = new TcpTransport();
  return new TlsDuplex(transport ?? tcp.connect(host ?? "", port ?? 0), connection, {
    ...(transport ? {} : { incoming: tcp }),
    performers,
    trace: correlated(trace, correlation),
    clock,
    timeoutMs: options.timeoutMs ?? 30_000,
    ...(options.signal ? { signal: options.signal } : {}),
    ...(options.keyLog ? { keyLog: options.keyLog } : {}),
    ...(options.onSession ? { onSession: options.onSession } : {}),
  });
}
