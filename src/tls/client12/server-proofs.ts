import { concat, type HawserError } from "../../codec/index.ts";
import { certificateFailure } from "../certificate-failure.ts";
import type { Answer } from "../effects.ts";
import { TlsError } from "../errors.ts";
import { CertificateVerified, ServerSignatureVerified } from "../proofs.ts";
import { keyKindOf, schemeFitsKey, SIGNATURE_SCHEMES } from "../signature-schemes.ts";
import { Awaiting, type Handshake, type State } from "../state.ts";
import { shareKeys } from "./client-flight.ts";
import type { Negotiation12 } from "./negotiation.ts";
import type { ServerFlight } from "./server-flight.ts";

/** Asks whether the server's chain is valid, trusted and for this name. RFC 5246, section 7.4.2 */
export class VerifyChain extends Awaiting<"chain-verified"> {
  readonly name = "the check of the server's certificate";
  readonly #negotiation: Negotiation12;
  readonly #flight: ServerFlight;

  constructor(handshake: Handshake, negotiation: Negotiation12, flight: ServerFlight) {
    const { servername } = handshake.config;
    super(handshake, { do: "verify-chain", chain: flight.chain, servername }, "chain-verified");
    this.#negotiation = negotiation;
    this.#flight = flight;
  }

  protected resume(answer: Extract<Answer, { on: "chain-verified" }>): State {
    const certificate = CertificateVerified.from(this.#flight.chain, answer);
    const { suite, suiteName } = this.#negotiation;
    const key = keyKindOf(certificate.publicKey);
    if (key === undefined || key.kind !== suite.authentication) {
      throw new TlsError("certificate-not-for-suite", `${suiteName} with a ${key?.kind ?? "foreign"} key`);
    }
    if (!schemeFitsKey(this.#flight.scheme, key, "TLSv1.2")) {
      throw new TlsError("scheme-not-for-key", `${this.#flight.scheme} with a ${key.kind} key`);
    }
    return new VerifySignature(this.handshake, this.#negotiation, this.#flight, certificate);
  }

  override failure(cause: unknown): HawserError {
    return certificateFailure(cause);
  }
}

/** Asks whether the server signed its key share and both randoms. RFC 8422, section 5.4 */
class VerifySignature extends Awaiting<"verified"> {
  readonly name = "the check of the server's signature";
  readonly #negotiation: Negotiation12;
  readonly #flight: ServerFlight;
  readonly #certificate: CertificateVerified;

  constructor(
    handshake: Handshake,
    negotiation: Negotiation12,
    flight: ServerFlight,
    certificate: CertificateVerified,
  ) {
    const { exchange, scheme } = flight;
    super(
      handshake,
      {
        do: "verify",
        publicKey: certificate.publicKey,
        algorithm: SIGNATURE_SCHEMES[scheme].algorithm,
        content: concat(negotiation.randoms.client, negotiation.randoms.server, exchange.raw),
        signature: exchange.signed.signature,
      },
      "verified",
    );
    this.#negotiation = negotiation;
    this.#flight = flight;
    this.#certificate = certificate;
  }

  protected resume(answer: Extract<Answer, { on: "verified" }>): State {
    const proofs = { certificate: this.#certificate, signature: ServerSignatureVerified.from(answer) };
    return shareKeys(this.handshake, this.#negotiation, this.#flight, proofs);
  }
}
