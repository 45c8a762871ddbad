import { DecodeError, type Codec } from "../../codec/index.ts";

/** What a session may do with an object: bits of `rights`. SE05x policy table */
export const RIGHT = {
  tlsKdf: 0x8000_0000,
  tlsPremaster: 0x4000_0000,
  forbidAll: 0x2000_0000,
  sign: 0x1000_0000,
  verify: 0x0800_0000,
  keyAgreement: 0x0400_0000,
  encrypt: 0x0200_0000,
  decrypt: 0x0100_0000,
  derive: 0x0080_0000,
  wrap: 0x0040_0000,
  read: 0x0020_0000,
  write: 0x0010_0000,
  generate: 0x0008_0000,
  delete: 0x0004_0000,
  requireSecureMessaging: 0x0002_0000,
  requirePcr: 0x0001_0000,
  attest: 0x0000_8000,
  /** What these six stand for no command of these chips does; policies keep them. */
  desfireAuthentication: 0x0000_4000,
  desfireDump: 0x0000_2000,
  importExport: 0x0000_1000,
  forbidDerivedOutput: 0x0000_0800,
  kdfExternalRandom: 0x0000_0400,
  desfireChangeKey: 0x0000_0200,
  /** From applet 7 on: takes what is derived, also where hosts may not write it. */
  derivedInput: 0x0000_0100,
  pbkdf: 0x0000_0080,
  desfireKdf: 0x0000_0040,
  /** What is encrypted takes no initial block or nonce of the host's. */
  forbidExternalIv: 0x0000_0020,
  hmacPepper: 0x0000_0010,
  internalSign: 0x0000_0008,
} as const;

export type Right = keyof typeof RIGHT;

/** One entry of a policy: what whoever is authenticated with an object may do; 0 stands for everybody. */
export type PolicyEntry = {
  readonly authObjectId: number;
  readonly rights: number;
  /**
   * Behind the header: a register and its expected value where `requirePcr` is set, then the file that lists what is
   * signed where `internalSign` is.
   */
  readonly extension: Uint8Array;
};

const HEAD = 8;

/** A policy: entries one behind the other, each behind its length in one byte. SE05x policy table */
export const policyEntries: Codec<readonly PolicyEntry[]> = {
  write(w, entries) {
    for (const { authObjectId, rights, extension } of entries) {
      w.prefixed(1, (body) => body.u32(authObjectId).u32(rights).bytes(extension));
    }
  },
  read(r) {
    const entries: PolicyEntry[] = [];
    while (r.remaining > 0) {
      const at = r.at;
      if (r.peek() < HEAD) throw new DecodeError("length", `a policy entry of ${r.peek()} bytes`, at);
      entries.push(
        r.prefixed(1, (body) => ({
          authObjectId: body.u32(),
          rights: body.u32(),
          extension: body.rest().slice(),
        })),
      );
    }
    return entries;
  },
};
