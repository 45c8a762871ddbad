import { empty } from "../../codec/index.ts";
import { misuse } from "../errors.ts";
import { bodyOf, finished, HANDSHAKE_TYPES, type HandshakeMessage } from "../messages.ts";
import { FinishedVerified } from "../proofs.ts";
import type { RecordProtection } from "../protection.ts";
import { type Handshake, State } from "../state.ts";
import type { Agreed } from "./client-flight.ts";
import type { Negotiation12 } from "./negotiation.ts";

/** What the server's last flight is opened with and compared to. */
type Expected = { readonly reads: RecordProtection; readonly expected: Uint8Array };

/** After our Finished. RFC 5246, section 7.1 */
export class ExpectChangeCipherSpec extends State {
  readonly name = "change_cipher_spec";
  readonly #negotiation: Negotiation12;
  readonly #agreed: Agreed;
  readonly #expected: Expected;

  constructor(handshake: Handshake, negotiation: Negotiation12, agreed: Agreed, expected: Expected) {
    super(handshake);
    this.#negotiation = negotiation;
    this.#agreed = agreed;
    this.#expected = expected;
  }

  override onChangeCipherSpec(): State {
    this.handshake.wire.protectReads(this.#expected.reads);
    return new ExpectFinished(this.handshake, this.#negotiation, this.#agreed, this.#expected.expected);
  }
}

/** RFC 5246, section 7.4.9 */
class ExpectFinished extends State {
  readonly name = "finished";
  readonly #negotiation: Negotiation12;
  readonly #agreed: Agreed;
  readonly #expected: Uint8Array;

  constructor(handshake: Handshake, negotiation: Negotiation12, agreed: Agreed, expected: Uint8Array) {
    super(handshake);
    this.#negotiation = negotiation;
    this.#agreed = agreed;
    this.#expected = expected;
  }

  override onMessage(message: HandshakeMessage): State {
    this.accept(message, "finished");
    const proof = FinishedVerified.check(this.#expected, bodyOf(finished, message));
    return new Connected12(this.handshake, this.#negotiation, this.#agreed, proof);
  }
}

/** The connection is up: it cannot be built without proof of the server's chain, signature and Finished. */
class Connected12 extends State {
  readonly name = "application data";
  override readonly isConnected = true;

  constructor(handshake: Handshake, negotiation: Negotiation12, agreed: Agreed, _finished: FinishedVerified) {
    super(handshake);
    const { suiteName: suite, alpn, extendedMasterSecret } = negotiation;
    const { group, certificate, clientCertificate } = agreed;
    const { servername } = handshake.config;
    const facts = { protocol: "TLSv1.2", suite, group, servername, alpn } as const;
    handshake.wire.emit({ do: "trace", event: { kind: "tls.connected", ...facts, alpn: alpn ?? "" } });
    handshake.wire.emit({
      do: "connected",
      facts: { ...facts, peerChain: certificate.chain, extendedMasterSecret, clientCertificate },
    });
  }

  override onMessage(message: HandshakeMessage): State {
    if (message.type !== HANDSHAKE_TYPES.hello_request) return super.onMessage(message);
    bodyOf(empty, message);
    // RFC 5246, section 7.2.2: a client that does not renegotiate says so and goes on.
    this.handshake.wire.sendAlert("no_renegotiation", "warning");
    return this;
  }

  override onSend(data: Uint8Array): void {
    this.handshake.wire.sendData(data);
  }

  override onUpdateKeys(): State {
    throw misuse("bad-option", "TLS 1.2 cannot change keys within a connection");
  }

  override onData(data: Uint8Array): State {
    this.handshake.wire.emit({ do: "deliver", data });
    return this;
  }
}
