import type { NamedGroup } from "../../crypto/index.ts";
import type { CertificateRequest12 } from "../messages.ts";
import type { SignatureScheme } from "../signature-schemes.ts";

/** A signature over the server's parameters, which are kept as received. */
export type SignedPart = {
  readonly raw: Uint8Array;
  readonly scheme: SignatureScheme;
  readonly signature: Uint8Array;
};

/** The server's half of the key exchange. */
export type ServerKeys =
  | { readonly kind: "ecdhe"; readonly group: NamedGroup; readonly publicKey: Uint8Array; readonly signed: SignedPart }
  | {
      readonly kind: "dhe";
      readonly prime: Uint8Array;
      readonly generator: Uint8Array;
      readonly publicKey: Uint8Array;
      readonly signed: SignedPart;
    }
  /** The key stands in the certificate. */
  | { readonly kind: "ecdh" }
  | { readonly kind: "psk" }
  | { readonly kind: "ecdhe_psk"; readonly group: NamedGroup; readonly publicKey: Uint8Array };

/** What the server said between its hello and server_hello_done, in form right but not yet verified. */
export type ServerFlight = {
  /** Empty in suites of a pre-shared key. */
  readonly chain: readonly Uint8Array[];
  /** The OCSP response about the first of them. */
  readonly staple?: Uint8Array;
  readonly keys: ServerKeys;
  /** Absent where the server wants no certificate. */
  readonly request?: CertificateRequest12;
};
