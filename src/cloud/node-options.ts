import type { Clock, Entropy } from "../crypto/index.ts";
import type { Ledger } from "../trace/index.ts";
import type { ApiLogLevel } from "./logging/index.ts";
import { AWS_PROFILE, SPEC_PROFILE } from "./broker/index.ts";
import type { SigningKey } from "./rules/node.ts";

/** What rules may do outside of the cloud. */
export type HttpActionOptions = {
  /** Whether HTTP actions may go to loopback, private and link-local addresses, and without TLS. */
  readonly allowPrivate?: boolean;
  /** The access key with which they sign, where a rule asks for it. */
  readonly signingKey?: SigningKey;
};

/** How a cloud is to run. */
export type CloudOptions = {
  /** Holds everything that outlives the process; made with mode 0700. */
  readonly directory: string;
  /** The address that both listeners take; the control plane speaks HTTPS where it is not a loopback address. */
  readonly host: string;
  /** 0 takes a free port. */
  readonly apiPort: number;
  readonly mqttPort: number;
  /** Listeners that tell MQTT, WebSocket and HTTPS apart, as AWS has on 443 and 8443; 0 takes a free port. */
  readonly httpsPorts?: readonly number[];
  /** Names and addresses of this machine, for the server certificate; the first is what devices are told. */
  readonly serverNames: readonly string[];
  /** Whether TLS is also offered to clients that have DHE_RSA and no elliptic curves. */
  readonly legacyDhe?: boolean;
  /**
   * The control plane's URL as relying parties reach it: certificates that the cloud issues then say where their
   * revocation can be looked up. Without it they are as AWS's, which say nothing of it.
   */
  readonly revocationUrl?: string;
  readonly region?: string;
  /** Twelve digits that stand in every ARN; random unless chosen at the first start. */
  readonly accountId?: string;
  /** How MQTT behaves: as AWS IoT Core, or as OASIS writes. */
  readonly profile?: keyof typeof PROFILES;
  /** Settings and limits of the broker that differ from the profile's, each `name=value`. */
  readonly mqttSettings?: readonly string[];
  /** Limits of the account that differ from AWS's, each `name=value`. */
  readonly limits?: readonly string[];
  /** MQTT without TLS on loopback, beside the TLS listener; 0 takes a free port. */
  readonly plainMqttPort?: number;
  /**
   * For test suites of others: clients come in without a certificate where there is no TLS, anonymous or by any user
   * name, and the control plane registers texts that are no certificates.
   */
  readonly relaxedCertificates?: boolean;
  /**
   * When a device that is not ACTIVE is turned away: at CONNECT, as AWS was observed to do, or within the handshake, as
   * AN12131, section 7.2, has it.
   */
  readonly jitr?: "aws-observed" | "note-literal";
  /** Whether a CA that has expired may still register devices just in time. */
  readonly expiredCasRegister?: boolean;
  /** Whether MQTT clients may resume TLS sessions; whether they are let in is decided anew each time. */
  readonly tlsResumption?: boolean;
  readonly httpActions?: HttpActionOptions;
  /** A folder whose `node_modules` every function may import from, such as AWS's SDK of version 2. */
  readonly functionLayer?: string;
  readonly clock?: Clock;
  readonly entropy?: Entropy;
  /** Called with the level that the API set for the log: at the start where one was set, and at each change. */
  readonly onLogLevel?: (level: ApiLogLevel) => void;
  /** Called with the ledger before anything is written to it. */
  readonly onLedger?: (ledger: Ledger) => void;
};

/** The broker's profiles, by the names that an operator gives. */
export const PROFILES = { aws: AWS_PROFILE, spec: SPEC_PROFILE } as const;

/** The name under which devices reach this machine, as far as it can be known. */
export function nameOf({ host, serverNames }: CloudOptions): string {
  return serverNames[0] ?? (isLoopback(host) || isWildcard(host) ? "localhost" : host);
}

/** Whether nobody but this machine reaches the address. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}

/** Whether the address stands for all of the machine's. */
export function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}
