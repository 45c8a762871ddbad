import { bodyOf, finished, HANDSHAKE_TYPES, type HandshakeMessage, newSessionTicket12 } from "../messages.ts";
import { FinishedVerified } from "../proofs.ts";
import { protect12 } from "../protection-elsewhere.ts";
import { MAX_SESSION_LIFETIME } from "../sessions.ts";
import { type Handshake, State } from "../state.ts";
import { sendFinished } from "./client-finish.ts";
import { Connected12 } from "./connected.ts";
import type { Negotiation12 } from "./negotiation.ts";
import { Derivations } from "./secrets.ts";
import { type Agreed, chainOf } from "./trust.ts";

/** A ticket for this session, as the server sent it. RFC 5077, section 3.3 */
type Ticket = { readonly lifetime: number; readonly ticket: Uint8Array };

/** Before the server's change_cipher_spec, where its ticket comes if it announced one. RFC 5246, section 7.1; RFC 5077, section 3.3 */
export class ExpectServerFinish extends State {
  readonly name = "change_cipher_spec";
  readonly #negotiation: Negotiation12;
  readonly #agreed: Agreed;
  readonly #ticket: Ticket | undefined;

  constructor(handshake: Handshake, negotiation: Negotiation12, agreed: Agreed, ticket?: Ticket) {
    super(handshake);
    this.#negotiation = negotiation;
    this.#agreed = agreed;
    this.#ticket = ticket;
  }

  override onMessage(message: HandshakeMessage): State {
    const isExpected = this.#negotiation.sendsTicket && this.#ticket === undefined;
    if (message.type !== HANDSHAKE_TYPES.new_session_ticket || !isExpected) return super.onMessage(message);
    this.accept(message, "new_session_ticket");
    const ticket = bodyOf(newSessionTicket12, message);
    return new ExpectServerFinish(this.handshake, this.#negotiation, this.#agreed, ticket);
  }

  override onChangeCipherSpec(): State {
    if (this.#negotiation.sendsTicket && !this.#ticket) return super.onChangeCipherSpec();
    const { config, wire } = this.handshake;
    const { suite, encryptThenMac } = this.#negotiation;
    wire.protectReads(protect12(config, suite, { block: this.#agreed.block, sender: "server", encryptThenMac }));
    return new ExpectFinished(this.handshake, this.#negotiation, this.#agreed, this.#ticket);
  }
}

/** RFC 5246, section 7.4.9 */
class ExpectFinished extends State {
  readonly name = "finished";
  readonly #negotiation: Negotiation12;
  readonly #agreed: Agreed;
  readonly #ticket: Ticket | undefined;

  constructor(handshake: Handshake, negotiation: Negotiation12, agreed: Agreed, ticket: Ticket | undefined) {
    super(handshake);
    this.#negotiation = negotiation;
    this.#agreed = agreed;
    this.#ticket = ticket;
  }

  override onMessage(message: HandshakeMessage): State {
    this.expect(message, "finished");
    const { master } = this.#agreed;
    return new Derivations(this.handshake, this.#negotiation, master).verifyData("server", (expected) => {
      const proof = FinishedVerified.check(expected, bodyOf(finished, message));
      this.handshake.transcript.add(message.raw);
      // In a resumption the server ends first. RFC 5246, section 7.3
      if (!("resumed" in this.#agreed.trust)) return this.#connect(proof);
      return sendFinished(this.handshake, this.#negotiation, this.#agreed, () => this.#connect(proof));
    });
  }

  #connect(proof: FinishedVerified): State {
    const connected = new Connected12(this.handshake, this.#negotiation, this.#agreed, proof);
    this.#keepSession();
    if (this.#agreed.master.kind === "bytes") this.#agreed.master.bytes.fill(0);
    return connected;
  }

  /** Only a session that is bound to its whole handshake, and whose server a certificate proves, is worth keeping. RFC 7627, section 5.3 */
  #keepSession(): void {
    const { suiteName: suite, sessionId, extendedMasterSecret } = this.#negotiation;
    const { config, wire } = this.handshake;
    const { master, trust } = this.#agreed;
    const peerChain = chainOf(trust);
    const ticket = this.#ticket?.ticket.length ? this.#ticket.ticket : undefined;
    const hasId = sessionId.length > 0 && !("resumed" in trust);
    if (!config.wantsSessions || !extendedMasterSecret || (!ticket && !hasId)) return;
    if (master.kind !== "bytes" || peerChain.length === 0) return;
    // A lifetime of zero leaves it to us. RFC 5077, section 3.3
    const lifetimeSeconds = Math.min(this.#ticket?.lifetime || MAX_SESSION_LIFETIME, MAX_SESSION_LIFETIME);
    wire.emit({
      do: "session",
      session: {
        version: "TLSv1.2",
        suite,
        servername: config.servername,
        peerChain,
        lifetimeSeconds,
        masterSecret: master.bytes.slice(),
        sessionId: ticket ? new Uint8Array(0) : sessionId,
        ticket,
      },
    });
  }
}
