import { empty, Writer } from "../../codec/index.ts";
import { prf12 } from "../../crypto/index.ts";
import { misuse } from "../errors.ts";
import { bodyOf, HANDSHAKE_TYPES, type HandshakeMessage } from "../messages.ts";
import type { FinishedVerified } from "../proofs.ts";
import { type Handshake, type KeyExport, State } from "../state.ts";
import type { Negotiation12 } from "./negotiation.ts";
import { type Agreed, chainOf } from "./trust.ts";

/** The connection is up: it cannot be built without proof of the server's chain, signature (or session) and Finished. */
export class Connected12 extends State {
  readonly name = "application data";
  override readonly isConnected = true;

  readonly #negotiation: Negotiation12;
  readonly #master: Uint8Array | undefined;

  constructor(handshake: Handshake, negotiation: Negotiation12, agreed: Agreed, _finished: FinishedVerified) {
    super(handshake);
    const { config, wire } = handshake;
    this.#negotiation = negotiation;
    // Without the extended master secret two connections might export the same keys. RFC 7627, section 6.1
    const mayExport = config.exportsKeys && negotiation.extendedMasterSecret && agreed.master.kind === "bytes";
    this.#master = mayExport && agreed.master.kind === "bytes" ? agreed.master.bytes.slice() : undefined;
    if (config.logsKeys && agreed.master.kind === "bytes") {
      wire.logKey("CLIENT_RANDOM", negotiation.randoms.client, agreed.master.bytes);
    }
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

  /** RFC 5705, section 4: no context and an empty one are different things here. */
  override exportKeys({ label, context, length }: KeyExport): Uint8Array {
    if (!this.#master) return super.exportKeys({ label, length });
    const { randoms, suite } = this.#negotiation;
    const seed = new Writer().bytes(randoms.client).bytes(randoms.server);
    if (context) seed.prefixed(2, (w) => w.bytes(context));
    const input = { secret: this.#master, label, seed: [seed.finish()], length };
    return prf12(this.handshake.config.hash, suite.hash, input);
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
