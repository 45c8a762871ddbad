import type { Certificate } from "../../pki/index.ts";
import type { RefusalCause } from "../../trace/index.ts";
import type { SystemMessage } from "../broker/index.ts";
import type { ConnectedThing } from "../policy/index.ts";
import type { CaEntry, Directory } from "../registry/index.ts";
import type { Revocations } from "../revocation/index.ts";

/** What the gatekeeper asks at every connect and every packet. */
export type CertificateDirectory = Pick<
  Directory,
  | "certificate"
  | "certificateEpoch"
  | "ca"
  | "policy"
  | "policyNamesOf"
  | "casNamedBy"
  | "certificateChanges"
  | "policyChanges"
  | "groups"
  | "events"
>;

/**
 * Writes the record of a device that registers itself: PENDING_ACTIVATION, under the CA that signed it. `isNew` is
 * false where somebody else has just written it.
 */
export type RegisterDevice = (certificate: Certificate, ca: CaEntry) => Promise<{ readonly isNew: boolean }>;

/** Fetches what policies may ask of a thing, or undefined where there is none of this name. Must not reject. */
export type FetchThing = (name: string) => Promise<ConnectedThing | undefined>;

/** Carries out the template of a CA for a device that waits for activation; gives whether the CA has one. */
export type ProvisionDevice = (certificate: Certificate, caId: string) => Promise<boolean>;

/** Why no rule acts on an event of a topic: none listens, or the one that does is disabled; undefined where one does. */
export type UnheardEvents = (
  topic: string,
) => { readonly cause: "registration-unheard" | "registration-rule-disabled"; readonly evidence: Evidence } | undefined;

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

/** What takes a certificate's standing away besides its record, and when that may have changed. */
export type WithdrawalSource = Pick<Revocations, "withdrawalOf" | "changes">;

/** What a refusal was based on. */
export type Evidence = Readonly<Record<string, string | number | boolean>>;
