import type { Duplex } from "node:stream";

import type { Clock, Performer, SecureElement } from "../crypto/index.ts";
import { chipOperations, type ChipOperation } from "./node-chip-operations.ts";
import { connect, type CertificateSource, type ConnectOptions } from "../tls/node.ts";
import { CertificateError, nameValues } from "../pki/index.ts";
import type { Trace } from "../trace/index.ts";
import type { DeviceIdentity } from "./identity.ts";

/** Who performs which operation of a handshake. The client's signature is always made where its key is. */
export type Performers = Readonly<
  Record<
    | "client-random"
    | "key-agreement"
    | "premaster-secret"
    | "master-secret"
    | "verify-chain"
    | "verify-server-signature",
    Performer
  >
>;

/**
 * As the vendor's OpenSSL engine does it (random numbers, signatures and their checks in the chip), but with the ephemeral key on
 * the host: a chip writes a new key to its non-volatile memory for each handshake, which wears it. AN12131, section 4.3.2
 */
export const DEFAULT_PERFORMERS: Performers = {
  "client-random": "chip",
  "key-agreement": "host",
  "premaster-secret": "host",
  "master-secret": "host",
  "verify-chain": "host",
  "verify-server-signature": "chip",
};

export type ChipStreamOptions = {
  readonly host: string;
  readonly port: number;
  /** The name that the server's certificate must bear; `host` where absent. */
  readonly servername?: string;
  /** Whom to trust. */
  readonly ca: CertificateSource;
  readonly identity: DeviceIdentity;
  readonly element: SecureElement;
  readonly performers: Performers;
  /** The slot that ephemeral keys replace, where the chip agrees. */
  readonly agreementSlot: number;
  readonly clock: Clock;
};

/** Makes the TLS stream of one attempt, with the chip's key and as much else in the chip as the performers say. */
export function chipStream(
  options: ChipStreamOptions,
): (attempt: { readonly signal: AbortSignal; readonly trace: Trace }) => Promise<Duplex> {
  const { host, port, servername, ca, identity, clock } = options;
  return async ({ signal, trace }) => {
    const connecting = connect({
      host,
      port,
      ca,
      signer: identity.signer,
      certificate: identity.chain.map(({ der }) => der),
      clock,
      trace,
      signal,
      ...(servername === undefined ? {} : { servername }),
      ...chipParts(options),
    });
    try {
      return await connecting;
    } catch (error) {
      noteNameMismatch(error, { trace, options });
      throw error;
    }
  };
}

/** Only the client knows that the name was wrong: the server is told no more than bad_certificate. RFC 8446, section 6.2 */
function noteNameMismatch(
  error: unknown,
  { trace, options }: { readonly trace: Trace; readonly options: ChipStreamOptions },
): void {
  const reason = error instanceof Error ? error.cause : undefined;
  if (!(reason instanceof CertificateError) || reason.code !== "name-mismatch") return;
  const { host, port, servername = host, identity } = options;
  const leaf = identity.chain[0];
  const clientId = leaf === undefined ? "" : (nameValues(leaf.subject, "CommonName")[0] ?? "");
  const evidence = { servername, certificateSubject: reason.subject, finding: reason.message };
  trace.emit("host", {
    kind: "refusal",
    cause: "server-name-mismatch",
    clientId,
    address: `${host}:${port}`,
    evidence,
  });
}

/** The performers' words for what the chip is to do. */
const OPERATIONS: Readonly<Record<keyof Performers, ChipOperation>> = {
  "client-random": "random",
  "key-agreement": "key-share",
  "premaster-secret": "premaster",
  "master-secret": "master",
  "verify-chain": "chain",
  "verify-server-signature": "verify",
};

function chipParts({ element, performers, agreementSlot, clock }: ChipStreamOptions): Partial<ConnectOptions> {
  const wanted = (Object.keys(OPERATIONS) as (keyof Performers)[]).filter((each) => performers[each] === "chip");
  const operations = new Set(wanted.map((each) => OPERATIONS[each]));
  return {
    ...chipOperations({ element, operations, agreementSlot, clock }),
    // A server that is asked for what the chip cannot check would be refused for nothing.
    ...(operations.has("verify") ? { suites: ECDSA_SUITES } : {}),
  };
}

const ECDSA_SUITES = ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"] as const;
