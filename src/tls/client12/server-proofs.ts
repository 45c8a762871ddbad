import { concat, type HawserError } from "../../codec/index.ts";
import { certificateFailure } from "../certificate-failure.ts";
import type { Answer } from "../effects.ts";
import { TlsError } from "../errors.ts";
import { GROUP_OF_CURVE } from "../groups.ts";
import { CertificateVerified, ServerSignatureVerified } from "../proofs.ts";
import { type KeyKind, keyKindOf, schemeFitsKey, SIGNATURE_SCHEMES } from "../signature-schemes.ts";
import { Awaiting, type Handshake, type State } from "../state.ts";
import type { Suite12 } from "../suites.ts";
import { exchangeKeys } from "./key-exchange.ts";
import type { Negotiation12 } from "./negotiation.ts";
import type { ServerFlight, SignedPart } from "./server-parameters.ts";

/** What the server's key is used for: to sign its key share, or, where it has none, for the agreement itself. RFC 8422, section 5.3 */
export function keyUsageOf({ keyExchange }: Suite12): "digitalSignature" | "keyAgreement" {
  return keyExchange === "ECDH" ? "keyAgreement" : "digitalSignature";
}

/** Asks whether the server's chain is valid, trusted and for this name. RFC 5246, section 7.4.2 */
export class VerifyChain extends Awaiting<"chain-verified"> {
  readonly name = "the check of the server's certificate";
  readonly #negotiation: Negotiation12;
  readonly #flight: ServerFlight;

  constructor(handshake: Handshake, negotiation: Negotiation12, flight: ServerFlight) {
    const { servername, asksStatus } = handshake.config;
    const keyUsage = keyUsageOf(negotiation.suite);
    const { chain, staple } = flight;
    const staples = asksStatus ? [staple] : undefined;
    super(handshake, { do: "verify-chain", chain, staples, servername, keyUsage }, "chain-verified");
    this.#negotiation = negotiation;
    this.#flight = flight;
  }

  protected resume(answer: Extract<Answer, { on: "chain-verified" }>): State {
    const certificate = CertificateVerified.from(this.#flight.chain, answer);
    const { suite, suiteName } = this.#negotiation;
    const key = keyKindOf(certificate.publicKey);
    // RFC 8422, section 5.10: Ed25519 signs in the suites of ECDSA.
    const authentication = key?.kind === "ed25519" ? "ecdsa" : key?.kind;
    if (key === undefined || authentication !== suite.authentication) {
      throw new TlsError("certificate-not-for-suite", `${suiteName} with a ${key?.kind ?? "foreign"} key`);
    }
    // RFC 8422, section 5.3: the certificate's curve is one of those that were offered too.
    if (key.kind === "ecdsa" && !this.handshake.config.groups.includes(GROUP_OF_CURVE[key.curve])) {
      throw new TlsError(
        "certificate-not-for-suite",
        `the certificate's key is on ${key.curve}, which was not offered`,
      );
    }
    const { keys } = this.#flight;
    if (keys.kind === "ecdh") {
      // Nothing is signed: only who holds the certificate's key can agree on the secret, and so make the Finished.
      return exchangeKeys(this.handshake, this.#negotiation, this.#flight, { certificate, staticKey: true });
    }
    if (!("signed" in keys)) throw new TlsError("unexpected-message", "a certificate in a suite without one");
    checkScheme(keys.signed, key);
    return new VerifySignature(this.handshake, this.#negotiation, {
      flight: this.#flight,
      signed: keys.signed,
      certificate,
    });
  }

  override failure(cause: unknown): HawserError {
    return certificateFailure(cause);
  }
}

function checkScheme({ scheme }: SignedPart, key: KeyKind): void {
  if (!schemeFitsKey(scheme, key, "TLSv1.2")) {
    throw new TlsError("scheme-not-for-key", `${scheme} with a ${key.kind} key`);
  }
}

type Unproven = {
  readonly flight: ServerFlight;
  readonly signed: SignedPart;
  readonly certificate: CertificateVerified;
};

/** Asks whether the server signed its key share and both randoms. RFC 5246, section 7.4.3; RFC 8422, section 5.4 */
class VerifySignature extends Awaiting<"verified"> {
  readonly name = "the check of the server's signature";
  readonly #negotiation: Negotiation12;
  readonly #unproven: Unproven;

  constructor(handshake: Handshake, negotiation: Negotiation12, unproven: Unproven) {
    const { signed, certificate } = unproven;
    const { client, server } = negotiation.randoms;
    super(
      handshake,
      {
        do: "verify",
        publicKey: certificate.publicKey,
        algorithm: SIGNATURE_SCHEMES[signed.scheme].algorithm,
        content: concat(client, server, signed.raw),
        signature: signed.signature,
      },
      "verified",
    );
    this.#negotiation = negotiation;
    this.#unproven = unproven;
  }

  protected resume(answer: Extract<Answer, { on: "verified" }>): State {
    const { flight, certificate } = this.#unproven;
    const proofs = { certificate, signature: ServerSignatureVerified.from(answer) };
    return exchangeKeys(this.handshake, this.#negotiation, flight, proofs);
  }
}
