import type { NamedGroup } from "../../crypto/index.ts";
import { type ChosenIdentity, chooseIdentity12 } from "../client-identity.ts";
import type { Answer, MasterSource } from "../effects.ts";
import { certificate12, digitallySigned, handshakeMessage, type HandshakeMessage } from "../messages.ts";
import { SIGNATURE_SCHEMES } from "../signature-schemes.ts";
import { Awaiting, type Handshake, type State } from "../state.ts";
import { sendFinished } from "./client-finish.ts";
import type { Negotiation12 } from "./negotiation.ts";
import { Derivations, DeriveMaster, type Master, masterOf } from "./secrets.ts";
import { ExpectServerFinish } from "./server-finish.ts";
import type { Agreed, Exchange } from "./trust.ts";

/** Our half of the key exchange, and what the master secret is made of: here, or by its keeper. */
type OurKeys = { readonly message: HandshakeMessage; readonly group: NamedGroup | undefined } & (
  | { readonly premaster: Uint8Array }
  | { readonly source: MasterSource }
);

/** Certificate and ClientKeyExchange, then the secrets, then the rest of the flight. RFC 5246, section 7.3 */
export function sayKeys(handshake: Handshake, exchange: Exchange, ours: OurKeys): State {
  const { config, transcript, wire } = handshake;
  const { negotiation, flight, trust } = exchange;
  const { request } = flight;
  const identity = request && chooseIdentity12(config.identities, request);
  const say = (message: HandshakeMessage) => {
    transcript.add(message.raw);
    wire.sendMessage(message);
  };
  // RFC 5246, section 7.4.6: a client without a fitting certificate sends an empty list.
  if (request) say(handshakeMessage("certificate", certificate12, identity?.identity.chain ?? []));
  say(ours.message);
  const goOn = (master: Master) =>
    new Derivations(handshake, negotiation, master).keyBlock((block) => {
      const clientCertificate = identity ? "sent" : request ? "none-fitting" : "not-requested";
      const agreed: Agreed = { trust, master, block, group: ours.group, clientCertificate };
      if (identity) return new SignTranscript(handshake, negotiation, agreed, identity);
      return finishFlight(handshake, negotiation, agreed);
    });
  if ("premaster" in ours) return goOn(masterOf(handshake, negotiation, ours.premaster));
  return new DeriveMaster(handshake, negotiation, ours.source, () => goOn({ kind: "elsewhere" }));
}

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

function finishFlight(handshake: Handshake, negotiation: Negotiation12, agreed: Agreed): State {
  return sendFinished(handshake, negotiation, agreed, () => new ExpectServerFinish(handshake, negotiation, agreed));
}
