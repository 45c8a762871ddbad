import { Established12 } from "../established12.ts";
import { bodyOf, clientHello, HANDSHAKE_TYPES, type HandshakeMessage } from "../messages.ts";
import type { FinishedVerified } from "../proofs.ts";
import type { State } from "../state.ts";
import type { Hellos } from "./hellos.ts";
import type { ServerHandshake } from "./server-config.ts";
import type { ClientTrust, Settled } from "./trust.ts";

/** The connection is up: it cannot be built without the proofs about the client, if any were asked for, and its Finished. */
export class ConnectedServer extends Established12<ServerHandshake> {
  constructor(handshake: ServerHandshake, hellos: Hellos, { trust, master }: Settled, _finished: FinishedVerified) {
    const { config } = handshake;
    const { suiteName: suite, servername, extendedMasterSecret, sessionId: id } = hellos;
    const clientChain = clientChainOf(trust);
    const resumed = "resumed" in trust;
    if (!resumed && id.length > 0) {
      config.sessions?.keep({ id, suite, servername, clientChain, masterSecret: master.slice() });
    }
    master.fill(0);
    const isRequested = config.clientCertificates !== "none" && !resumed;
    super(handshake, {
      protocol: "TLSv1.2",
      suite,
      group: resumed ? undefined : hellos.exchange.group,
      servername,
      alpn: undefined,
      peerChain: clientChain,
      extendedMasterSecret,
      resumed,
      clientCertificate: !isRequested ? "not-requested" : clientChain.length > 0 ? "sent" : "none-fitting",
    });
  }

  override onMessage(message: HandshakeMessage): State<ServerHandshake> {
    if (message.type !== HANDSHAKE_TYPES.client_hello) return super.onMessage(message);
    bodyOf(clientHello, message);
    // RFC 5246, section 7.2.2: a server that does not renegotiate says so and goes on.
    this.handshake.wire.sendAlert("no_renegotiation", "warning");
    return this;
  }
}

/** The client's certificates as verified; none where it was not asked or had none. */
function clientChainOf(trust: ClientTrust): readonly Uint8Array[] {
  return "certificate" in trust ? (trust.certificate?.chain ?? []) : [];
}
