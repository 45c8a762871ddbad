import { Conflict, NotFound, UsageError } from "../../codec/index.ts";
import type { Certificate, Revocation } from "../index.ts";
import type { CaErrorCode } from "./errors.ts";

/** Where an issuer's private key is: beside its certificate as PKCS#8 PEM, or in a slot of a secure element. */
export type KeyPlace =
  | { readonly in: "store"; readonly pem: string }
  | { readonly in: "chip"; readonly address: string; readonly slot: number };

/** A CA certificate that can issue. `parent` is the label of its issuer, undefined for a root. */
export type StoredIssuer = {
  readonly label: string;
  readonly certificate: Certificate;
  readonly parent: string | undefined;
  readonly key: KeyPlace;
};

/**
 * What a CA must not forget. Every write is durable before it returns, and happens whole or not at all.
 * Methods other than `addIssuer` throw `NotFound` `issuer-unknown` for a label that is not there.
 */
export interface CaStore {
  /** All issuers, in no particular order. */
  issuers(): Promise<readonly StoredIssuer[]>;
  /** Throws `Conflict` `issuer-exists`, `UsageError` `invalid-label`. */
  addIssuer(issuer: StoredIssuer): Promise<void>;
  issued(label: string): Promise<readonly Certificate[]>;
  findIssued(label: string, serialNumber: string): Promise<Certificate | undefined>;
  /** Throws `Conflict` `serial-exists` where the issuer used the serial number before. */
  addIssued(label: string, certificate: Certificate): Promise<void>;
  revocations(label: string): Promise<ReadonlyMap<string, Revocation>>;
  /** Throws `Conflict` `already-revoked`. */
  addRevocation(label: string, serialNumber: string, revocation: Revocation): Promise<void>;
  /** A number higher than every one that this gave before. RFC 5280, section 5.2.3 */
  nextCrlNumber(label: string): Promise<number>;
}

/** Throws `UsageError` `invalid-label` where a label could not name a directory anywhere. */
export function checkLabel(label: string): void {
  if (/^[a-z0-9](-?[a-z0-9])*$/.test(label) && label.length <= 64) return;
  throw new UsageError<CaErrorCode>("invalid-label", `label ${JSON.stringify(label)}`);
}

/** A label from a name: `Demo CA, NXP` becomes `demo-ca-nxp`. Empty where nothing of the name is left. */
export function labelFrom(name: string): string {
  const words = name
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .match(/[a-z0-9]+/g);
  return (words ?? []).join("-").slice(0, 64).replace(/-$/, "");
}

export function issuerUnknown(label: string): NotFound<CaErrorCode> {
  return new NotFound<CaErrorCode>("issuer-unknown", `no issuer ${JSON.stringify(label)}`);
}

export function issuerExists(label: string): Conflict<CaErrorCode> {
  return new Conflict<CaErrorCode>("issuer-exists", `issuer ${label} exists`);
}

export function serialExists(label: string, serialNumber: string): Conflict<CaErrorCode> {
  return new Conflict<CaErrorCode>("serial-exists", `${label} has issued serial number ${serialNumber} before`);
}

export function alreadyRevoked(label: string, serialNumber: string): Conflict<CaErrorCode> {
  return new Conflict<CaErrorCode>("already-revoked", `${serialNumber} of ${label} is revoked already`);
}
