/** Where in a secure element's storage a device keeps its certificate and that of the CA that issued it. AN12131, section 4.2 */
export const CERTIFICATE_INDEX = { device: 0, issuer: 1 } as const;

/** A key pair with its certificate that a part was born with: names of its maker's, places of its own. AN13501, section 4 */
export type BornIdentity = { readonly name: string; readonly slot: number; readonly certificate: number };

/** Where a line puts what it gives to a part, and where it finds what a part was born with. */
export type LinePlaces = {
  /** The key slot of the device's identity; its certificates go to `CERTIFICATE_INDEX`. */
  readonly slot: number;
  /** None where the family is delivered blank. */
  readonly born: readonly BornIdentity[];
};

/** Where the certificate of a key lies that an SE05x was born with: its maker puts it behind the key. SE05x object ids */
export function bornCertificateOf(slot: number): number | undefined {
  return slot > 0xff ? slot + 1 : undefined;
}
