import type { Certificate } from "../../pki/index.ts";
import type { RefusalCause } from "../../trace/index.ts";
import type { SystemMessage } from "../broker/index.ts";
import type { PolicyDocument } from "../policy/index.ts";
import type { OnboardingFacts } from "./decision.ts";

/** A registered CA as the gatekeeper sees it. */
export type KnownCa = {
  readonly id: string;
  readonly status: OnboardingFacts["caStatus"];
  readonly autoRegistration: OnboardingFacts["autoRegistration"];
  readonly certificate: Certificate;
};

/** A registered device certificate. A change makes a new object; the old one stays as it was. */
export type KnownCertificate = {
  readonly id: string;
  readonly status: Exclude<OnboardingFacts["record"], "unknown">;
  readonly caId: string | undefined;
  /** Milliseconds since 1970. */
  readonly registeredAt: number;
  /** Names of attached policies and things. */
  readonly policies: readonly string[];
  readonly things: readonly string[];
};

/** A policy in force. A new version makes a new object. */
export type KnownPolicy = { readonly name: string; readonly document: PolicyDocument };

/** Tells of changes, after the directory shows them; the returned function ends that. */
export type Changes<T> = { add(listener: (change: T) => void): () => void };

/** A certificate was registered, changed, or deleted (`after` is undefined). */
export type KnownCertificateChange = {
  readonly id: string;
  readonly before: KnownCertificate | undefined;
  readonly after: KnownCertificate | undefined;
};

/** What the gatekeeper asks at every connect and every packet: in memory, never behind an acknowledged change. */
export interface CertificateDirectory {
  certificate(id: string): KnownCertificate | undefined;
  policy(name: string): KnownPolicy | undefined;
  /** Registered CAs whose subject is the certificate's issuer name; whether one of them signed it is still open. */
  casNamedBy(certificate: Certificate): readonly KnownCa[];
  readonly certificateChanges: Changes<KnownCertificateChange>;
  readonly policyChanges: Changes<{ readonly name: string }>;
}

/** Writes the record of a device that registers itself: PENDING_ACTIVATION, under the CA that signed it. */
export type RegisterDevice = (certificate: Certificate, ca: KnownCa) => Promise<void>;

/** Who a session belongs to. */
export type SessionOwner = { readonly clientId: string; readonly principalId: string };

/** What the gatekeeper needs of the broker. */
export type BrokerAccess = {
  publish(message: SystemMessage): void;
  /** The owners of all sessions that are connected. */
  liveSessions(): Iterable<SessionOwner>;
  /** Closes the live connections of matching sessions at once, and writes their refusals. */
  closeSessions(
    matches: (owner: SessionOwner) => boolean,
    closing: { readonly cause: RefusalCause; readonly evidence: Evidence },
  ): void;
};

/** What a refusal was based on. */
export type Evidence = Readonly<Record<string, string | number | boolean>>;
