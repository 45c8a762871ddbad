import { sameBytes } from "../codec/index.ts";
import type { HashName } from "../crypto/index.ts";
import type { OfferedPsk } from "./sessions.ts";
import type { Answer } from "./effects.ts";
import { TlsError } from "./errors.ts";

/**
 * Proofs that a check was made. Their constructors are private, so only the check itself can make one, and a connected
 * state, which asks for all of them, cannot be built by code that forgot one.
 */
export class CertificateVerified {
  readonly chain: readonly Uint8Array[];
  /** DER SubjectPublicKeyInfo of the peer's certificate. */
  readonly publicKey: Uint8Array;

  private constructor(chain: readonly Uint8Array[], publicKey: Uint8Array) {
    this.chain = chain;
    this.publicKey = publicKey;
  }

  /** From the answer to `verify-chain` or `verify-client`, for the chain that it was asked about. */
  static from(chain: readonly Uint8Array[], answer: Extract<Answer, { on: "chain-verified" }>): CertificateVerified {
    return new CertificateVerified(chain, answer.publicKey);
  }
}

/** The server signed this handshake with its certificate's key. RFC 5246, section 7.4.3; RFC 8446, section 4.4.3 */
export class ServerSignatureVerified {
  readonly #proof = true;

  private constructor() {}

  /** From the answer to `verify`; throws `bad-server-signature`. */
  static from(answer: Extract<Answer, { on: "verified" }>): ServerSignatureVerified {
    if (!answer.valid) throw new TlsError("bad-server-signature", "the server's signature does not verify");
    return new ServerSignatureVerified();
  }

  get isProven(): true {
    return this.#proof;
  }
}

/** The client signed this handshake with its certificate's key. RFC 5246, section 7.4.8 */
export class ClientSignatureVerified {
  readonly #proof = true;

  private constructor() {}

  /** From the answer to `verify`; throws `bad-client-signature`. */
  static from(answer: Extract<Answer, { on: "verified" }>): ClientSignatureVerified {
    if (!answer.valid) throw new TlsError("bad-client-signature", "the client's signature does not verify");
    return new ClientSignatureVerified();
  }

  get isProven(): true {
    return this.#proof;
  }
}

/** The server holds the key of a session that a verified server was given, or one that both were given beforehand. RFC 8446, section 2.2 */
export class PskAccepted {
  readonly psk: OfferedPsk;

  private constructor(psk: OfferedPsk) {
    this.psk = psk;
  }

  /** The offered key that a server chose for a suite of this hash; throws `bad-selected-psk`. */
  static check(offered: readonly OfferedPsk[], selected: number, hash: HashName): PskAccepted {
    const psk = offered[selected];
    if (!psk) throw new TlsError("bad-selected-psk", `key ${selected} of ${offered.length}`);
    if (psk.hash !== hash) throw new TlsError("bad-selected-psk", `a key for ${psk.hash} with a suite of ${hash}`);
    return new PskAccepted(psk);
  }
}

/** The peer saw the same handshake as we did. RFC 5246, section 7.4.9; RFC 8446, section 4.4.4 */
export class FinishedVerified {
  readonly #proof = true;

  private constructor() {}

  /** Throws `bad-finished` unless the verify_data are the same. */
  static check(expected: Uint8Array, received: Uint8Array): FinishedVerified {
    if (!sameBytes(expected, received)) throw new TlsError("bad-finished", "the peer's verify_data is wrong");
    return new FinishedVerified();
  }

  get isProven(): true {
    return this.#proof;
  }
}
