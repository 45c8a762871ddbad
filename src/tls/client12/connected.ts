import { empty } from "../../codec/index.ts";
import { misuse } from "../errors.ts";
import { bodyOf, HANDSHAKE_TYPES, type HandshakeMessage } from "../messages.ts";
import type { FinishedVerified } from "../proofs.ts";
import { type Handshake, State } from "../state.ts";
import type { Negotiation12 } from "./negotiation.ts";
import { type Agreed, chainOf } from "./trust.ts";

/** The connection is up: it cannot be built without proof of the server's chain, signature (or session) and Finished. */
export class Connected12 extends State {
  readonly name = "application data";
  override readonly isConnected = true;

  constructor(handshake: Handshake, negotiation: Negotiation12, agreed: Agreed, _finished: FinishedVerified) {
    super(handshake);
    const { suiteName: suite, alpn, extendedMasterSecret } = negotiation;
    const { group, clientCertificate, trust } = agreed;
    const { servername } = handshake.config;
    const facts = { protocol: "TLSv1.2", suite, group, servername, alpn } as const;
    handshake.wire.emit({
      do: "trace",
      event: { kind: "tls.connected", ...facts, group: group ?? "", alpn: alpn ?? "" },
    });
    if (negotiation.suite.legacy) {
      const detail = `${suite} is legacy: an old message may be read once the server's key is known`;
      handshake.wire.emit({ do: "trace", event: { kind: "process", what: "warning", detail } });
    }
    handshake.wire.emit({
      do: "connected",
      facts: {
        ...facts,
        peerChain: chainOf(trust),
        extendedMasterSecret,
        resumed: "resumed" in trust,
        clientCertificate,
      },
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
