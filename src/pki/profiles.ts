import type { KeyPurpose, KeyUsage } from "./oids.ts";

/** What a certificate is issued for, as data. */
export type Profile = {
  readonly ca: boolean;
  /** pathLenConstraint of a CA certificate. */
  readonly pathLength: number | undefined;
  readonly keyUsage: readonly KeyUsage[];
  readonly extendedKeyUsage: readonly KeyPurpose[];
  /** Whether nobody shall ask if it was revoked: it answers that question for others. RFC 6960, section 4.2.2.2.1 */
  readonly ocspNoCheck?: true;
};

/** The certificates that this room issues under another one. RFC 5280, section 4.2.1 */
export const PROFILES = {
  /** A CA that signs end-entity certificates only. */
  intermediateCa: { ca: true, pathLength: 0, keyUsage: ["keyCertSign", "cRLSign"], extendedKeyUsage: [] },
  /** A TLS server; its names are in the subjectAltName. */
  server: { ca: false, pathLength: undefined, keyUsage: ["digitalSignature"], extendedKeyUsage: ["serverAuth"] },
  /** A TLS server whose certified key also agrees on secrets, as static ECDH needs it. RFC 8422, section 5.3 */
  agreeingServer: {
    ca: false,
    pathLength: undefined,
    keyUsage: ["digitalSignature", "keyAgreement"],
    extendedKeyUsage: ["serverAuth"],
  },
  /** A device's identity in the spirit of IEEE 802.1AR: signs, and authenticates a TLS client. */
  device: { ca: false, pathLength: undefined, keyUsage: ["digitalSignature"], extendedKeyUsage: ["clientAuth"] },
  /** Proof that a CA's private key is at hand: the common name is a registration code. */
  verification: { ca: false, pathLength: undefined, keyUsage: ["digitalSignature"], extendedKeyUsage: ["clientAuth"] },
  /** A responder to whom a CA delegates OCSP; short-lived, for nobody asks about it. RFC 6960, section 4.2.2.2 */
  ocspResponder: {
    ca: false,
    pathLength: undefined,
    keyUsage: ["digitalSignature"],
    extendedKeyUsage: ["OCSPSigning"],
    ocspNoCheck: true,
  },
} as const satisfies Readonly<Record<string, Profile>>;

export type ProfileName = keyof typeof PROFILES;

/** A trust anchor: self-signed, any depth below it. */
export const ROOT_PROFILE: Profile = {
  ca: true,
  pathLength: undefined,
  keyUsage: ["keyCertSign", "cRLSign"],
  extendedKeyUsage: [],
};
