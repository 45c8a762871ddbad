import { type Certificate, certificateFromPem } from "../../pki/index.ts";
import type { PolicyDocument } from "../policy/index.ts";
import type { CaCertificateRow, CertificateRow } from "../store/index.ts";

/**
 * The registry's answers to per-connect and per-packet questions: small immutable entries of an in-memory index.
 * A change replaces the entry; who holds an old one holds the past.
 */

export type CaStatus = "ACTIVE" | "INACTIVE";
export type AutoRegistration = "ENABLE" | "DISABLE";
export type CertificateMode = "DEFAULT" | "SNI_ONLY";
export type CertificateStatus = "ACTIVE" | "INACTIVE" | "REVOKED" | "PENDING_ACTIVATION" | "PENDING_TRANSFER";

/** A registered CA. Ids are lower-case hex SHA-256 of the DER. */
export type CaEntry = {
  readonly id: string;
  readonly status: CaStatus;
  readonly autoRegistration: AutoRegistration;
  readonly mode: CertificateMode;
  readonly certificate: Certificate;
};

/** A registered device certificate with what is attached to it. */
export type CertificateEntry = {
  readonly id: string;
  readonly status: CertificateStatus;
  /** The CA that was found to have signed it, when it was registered. */
  readonly caId: string | undefined;
  readonly mode: CertificateMode;
  /** When it was registered, in milliseconds since 1970. */
  readonly registeredAt: number;
  /** Names of attached policies, in order of attachment. */
  readonly policies: readonly string[];
  /** Names of things that it is attached to, in order of attachment. */
  readonly things: readonly string[];
};

/** The version of a policy that is in force. */
export type PolicyEntry = {
  readonly name: string;
  readonly version: number;
  readonly document: PolicyDocument;
};

/** The index entry of a CA's row. */
export function caEntryOf(row: CaCertificateRow): CaEntry {
  const { id, status, mode } = row;
  return { id, status, mode, autoRegistration: row.auto_registration, certificate: certificateFromPem(row.pem) };
}

/** The index entry of a certificate's row with its attachments. */
export function certificateEntryOf(
  row: Pick<CertificateRow, "id" | "status" | "ca_id" | "mode" | "created_at">,
  attached: Pick<CertificateEntry, "policies" | "things">,
): CertificateEntry {
  const { id, status, mode } = row;
  return { id, status, mode, caId: row.ca_id ?? undefined, registeredAt: row.created_at, ...attached };
}

/** What a new certificate has attached. */
export const NOTHING_ATTACHED: Pick<CertificateEntry, "policies" | "things"> = { policies: [], things: [] };
