import { empty, Writer } from "../../codec/index.ts";
import { prf12 } from "../../crypto/index.ts";
import { Established12 } from "../established12.ts";
import { bodyOf, HANDSHAKE_TYPES, type HandshakeMessage } from "../messages.ts";
import type { FinishedVerified } from "../proofs.ts";
import type { Handshake, KeyExport, State } from "../state.ts";
import type { Negotiation12 } from "./negotiation.ts";
import { type Agreed, chainOf } from "./trust.ts";

/** The connection is up: it cannot be built without proof of the server's chain, signature (or session) and Finished. */
export class Connected12 extends Established12<Handshake> {
  readonly #negotiation: Negotiation12;
  readonly #master: Uint8Array | undefined;

  constructor(handshake: Handshake, negotiation: Negotiation12, agreed: Agreed, _finished: FinishedVerified) {
    const { config, wire } = handshake;
    const { suiteName: suite, alpn, extendedMasterSecret } = negotiation;
    const { group, clientCertificate, trust, master } = agreed;
    if (config.logsKeys && master.kind === "bytes") {
      wire.logKey("CLIENT_RANDOM", negotiation.randoms.client, master.bytes);
    }
    super(handshake, {
      protocol: "TLSv1.2",
      suite,
      group,
      servername: config.servername,
      alpn,
      peerChain: chainOf(trust),
      extendedMasterSecret,
      resumed: "resumed" in trust,
      clientCertificate,
    });
    this.#negotiation = negotiation;
    // Without the extended master secret two connections might export the same keys. RFC 7627, section 6.1
    const mayExport = config.exportsKeys && extendedMasterSecret && master.kind === "bytes";
    this.#master = mayExport ? master.bytes.slice() : undefined;
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
}
