import { type HawserError, UsageError } from "../../codec/index.ts";
import { type ChosenIdentity, chooseIdentity12 } from "../client-identity.ts";
import type { Answer, ConnectionFacts } from "../effects.ts";
import { TlsError } from "../errors.ts";
import { certificate12, clientKeyExchangeEcdhe, digitallySigned, finished, handshakeMessage } from "../messages.ts";
import type { CertificateVerified, ServerSignatureVerified } from "../proofs.ts";
import { Aead12Protection } from "../protection.ts";
import type { Session12 } from "../sessions.ts";
import { SIGNATURE_SCHEMES } from "../signature-schemes.ts";
import { Awaiting, type Handshake, type State } from "../state.ts";
import type { Negotiation12 } from "./negotiation.ts";
import { ExpectServerFinish } from "./server-finish.ts";
import type { ServerFlight } from "./server-flight.ts";

/** What is proven about the server before any secret is shared with it. */
export type ServerProofs = {
  readonly certificate: CertificateVerified;
  readonly signature: ServerSignatureVerified;
  readonly resumed?: never;
};

/** The way on once the server is verified: an ephemeral key pair on its group, unless there is one already. */
export function shareKeys(
  handshake: Handshake,
  negotiation: Negotiation12,
  flight: ServerFlight,
  proofs: ServerProofs,
): State {
  const { share } = negotiation;
  if (share?.group !== flight.group) return new GenerateKeyShare(handshake, negotiation, flight, proofs);
  return new AgreeSecret(handshake, negotiation, { ...flight, publicKey: share.publicKey }, proofs);
}

class GenerateKeyShare extends Awaiting<"generated"> {
  readonly name = "our key share";
  readonly #negotiation: Negotiation12;
  readonly #flight: ServerFlight;
  readonly #proofs: ServerProofs;

  constructor(handshake: Handshake, negotiation: Negotiation12, flight: ServerFlight, proofs: ServerProofs) {
    super(handshake, { do: "generate", group: flight.group }, "generated");
    this.#negotiation = negotiation;
    this.#flight = flight;
    this.#proofs = proofs;
  }

  protected resume({ publicKey }: Extract<Answer, { on: "generated" }>): State {
    return new AgreeSecret(this.handshake, this.#negotiation, { ...this.#flight, publicKey }, this.#proofs);
  }
}

/** Asks for the premaster secret, then says Certificate and ClientKeyExchange. RFC 8422, sections 5.6, 5.7 and 5.10 */
class AgreeSecret extends Awaiting<"agreed"> {
  readonly name = "the key agreement";
  readonly #negotiation: Negotiation12;
  readonly #flight: ServerFlight & { readonly publicKey: Uint8Array };
  readonly #proofs: ServerProofs;

  constructor(
    handshake: Handshake,
    negotiation: Negotiation12,
    flight: ServerFlight & { readonly publicKey: Uint8Array },
    proofs: ServerProofs,
  ) {
    super(handshake, { do: "agree", group: flight.group, peerKey: flight.exchange.params.publicKey }, "agreed");
    this.#negotiation = negotiation;
    this.#flight = flight;
    this.#proofs = proofs;
  }

  protected resume({ secret }: Extract<Answer, { on: "agreed" }>): State {
    const { config, transcript } = this.handshake;
    const { request, publicKey, group } = this.#flight;
    const identity = request && chooseIdentity12(config.identities, request);
    if (request) {
      // RFC 5246, section 7.4.6: a client without a fitting certificate sends an empty list.
      this.send(handshakeMessage("certificate", certificate12, identity?.identity.chain ?? []));
    }
    this.send(handshakeMessage("client_key_exchange", clientKeyExchangeEcdhe, publicKey));
    const { schedule, randoms, extendedMasterSecret } = this.#negotiation;
    const master = extendedMasterSecret
      ? schedule.extendedMasterSecret(secret, transcript.digest())
      : schedule.masterSecret(secret, randoms);
    secret.fill(0);
    const agreed: Agreed = {
      ...this.#proofs,
      master,
      group,
      clientCertificate: identity ? "sent" : request ? "none-fitting" : "not-requested",
    };
    if (identity) return new SignTranscript(this.handshake, this.#negotiation, agreed, identity);
    return finishFlight(this.handshake, this.#negotiation, agreed);
  }

  override failure(cause: unknown): HawserError {
    if (cause instanceof UsageError && cause.code === "bad-peer-key") {
      return new TlsError("bad-key-share", `${this.#flight.group}: ${cause.message}`, { cause });
    }
    return super.failure(cause);
  }
}

/** What is proven about the server, directly or by a session whose first handshake proved it. */
export type Trusted = ServerProofs | { readonly certificate: CertificateVerified; readonly resumed: Session12 };

/** Everything that is settled once both sides hold the master secret. */
export type Agreed = Trusted & Pick<ConnectionFacts, "group" | "clientCertificate"> & { readonly master: Uint8Array };

/** Asks for the proof that we hold our certificate's key. RFC 5246, section 7.4.8 */
class SignTranscript extends Awaiting<"signed"> {
  readonly name = "our signature";
  readonly #negotiation: Negotiation12;
  readonly #agreed: Agreed;
  readonly #identity: ChosenIdentity;

  constructor(handshake: Handshake, negotiation: Negotiation12, agreed: Agreed, identity: ChosenIdentity) {
    const { algorithm } = SIGNATURE_SCHEMES[identity.scheme];
    const content = handshake.transcript.content();
    super(handshake, { do: "sign", identity: identity.index, algorithm, content }, "signed");
    this.#negotiation = negotiation;
    this.#agreed = agreed;
    this.#identity = identity;
  }

  protected resume({ signature }: Extract<Answer, { on: "signed" }>): State {
    const scheme = SIGNATURE_SCHEMES[this.#identity.scheme].code;
    this.send(handshakeMessage("certificate_verify", digitallySigned, { scheme, signature }));
    return finishFlight(this.handshake, this.#negotiation, this.#agreed);
  }
}

/** The end of our flight, and what the server's is then opened with and compared to. */
function finishFlight(handshake: Handshake, negotiation: Negotiation12, agreed: Agreed): State {
  sendFinished(handshake, negotiation, agreed.master);
  return new ExpectServerFinish(handshake, negotiation, agreed);
}

/** ChangeCipherSpec and Finished. RFC 5246, sections 7.1 and 7.4.9 */
export function sendFinished(handshake: Handshake, negotiation: Negotiation12, master: Uint8Array): void {
  const { config, wire, transcript } = handshake;
  const { schedule, randoms, suite } = negotiation;
  const keys = schedule.directionKeys(master, randoms, suite.aead);
  const verifyData = schedule.verifyData(master, "client", transcript.digest());
  wire.sendChangeCipherSpec();
  wire.protectWrites(new Aead12Protection(config.aead, suite.aead, keys.client));
  const message = handshakeMessage("finished", finished, verifyData);
  transcript.add(message.raw);
  wire.sendMessage(message);
  wire.endFlight();
}
