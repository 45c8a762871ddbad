import type { ErrorTable } from "../../codec/index.ts";

/** The codes of `pki/ca`. */
export const CA_ERRORS = {
  "ca-missing": {
    cause: "The directory holds no CA.",
    cure: "Check the path; hawser ca init --dir DIR makes a CA there.",
  },
  "issuer-exists": {
    cause: "This CA has an issuer of that label already.",
    cure: "Choose another name; an issuer is never replaced, since its certificates would lose their CA.",
  },
  "issuer-unknown": {
    cause: "This CA has no issuer of that label.",
    cure: "hawser ca list names the issuers; hawser ca init makes the first ones.",
  },
  "invalid-label": {
    cause: "A label holds other characters than lower-case letters, digits and hyphens, or is too long.",
    cure: "Use 1 to 64 of these characters; the label becomes the name of a directory.",
  },
  "serial-exists": {
    cause: "The issuer has given this serial number to another certificate.",
    cure: "Issue again; if it happens twice, the source of randomness is broken and nothing must be issued with it.",
  },
  "certificate-unknown": {
    cause: "The issuer has issued no certificate of this serial number.",
    cure: "hawser ca list shows what was issued, with serial numbers.",
  },
  "already-revoked": {
    cause: "The certificate is revoked already; the first time and reason stay.",
    cure: "Nothing is to do but to publish the list: hawser ca crl.",
  },
  "issuer-expired": {
    cause: "The issuer's own certificate is not valid now, so that nothing it issues would be accepted.",
    cure: "Check the clock; otherwise make a new intermediate CA and register it.",
  },
  "faulty-signer": {
    cause: "The signature that the issuer's key gave does not verify with its public key.",
    cure: "The signer is broken or attacked with faults: stop using it. Nothing was issued.",
  },
  "passphrase-needed": {
    cause: "The issuer's private key is encrypted and no passphrase was given, or an empty one should encrypt it.",
    cure: "Give --passphrase-file with a file whose first line is the passphrase.",
  },
  "directory-not-private": {
    cause: "Other users may read or change the directory that keeps the CA's keys.",
    cure: "chmod 700 the directory after making sure that nobody has tampered with it, or choose another one.",
  },
  "store-damaged": {
    cause: "A file of the CA's directory cannot be read as what it should be.",
    cure: "The message names the file; restore it from a backup. Do not delete issued certificates or CRL numbers.",
  },
} as const satisfies ErrorTable;

export type CaErrorCode = keyof typeof CA_ERRORS;
