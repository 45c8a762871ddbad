import { empty } from "../../codec/index.ts";
import { TlsError } from "../errors.ts";
import { certificateStatus } from "../extensions.ts";
import { bodyOf, certificate12, certificateRequest12, HANDSHAKE_TYPES, type HandshakeMessage } from "../messages.ts";
import { type Handshake, State } from "../state.ts";
import { exchangeKeys } from "./key-exchange.ts";
import type { Negotiation12 } from "./negotiation.ts";
import { readServerKeys } from "./server-keys.ts";
import type { ServerFlight } from "./server-parameters.ts";
import { VerifyChain } from "./server-proofs.ts";

/** No chain that a device should follow is longer. */
const MAX_CHAIN = 10;

/** The state after a ServerHello that begins a full handshake. RFC 5246, section 7.3; RFC 4279, section 2 */
export function afterHello(handshake: Handshake, negotiation: Negotiation12): State {
  const { keyExchange, authentication } = negotiation.suite;
  if (authentication !== "psk") return new ExpectCertificate(handshake, negotiation);
  if (keyExchange === "PSK") return new ExpectPskHintOrDone(handshake, negotiation);
  return new ExpectServerKeyExchange(handshake, negotiation, { chain: [] });
}

/** RFC 5246, section 7.4.2 */
class ExpectCertificate extends State {
  readonly name = "certificate";
  readonly #negotiation: Negotiation12;

  constructor(handshake: Handshake, negotiation: Negotiation12) {
    super(handshake);
    this.#negotiation = negotiation;
  }

  override onMessage(message: HandshakeMessage): State {
    this.accept(message, "certificate");
    const chain = bodyOf(certificate12, message);
    if (chain.length === 0) throw new TlsError("no-server-certificate", "the server's certificate list is empty");
    if (chain.length > MAX_CHAIN) throw new TlsError("chain-too-long", `${chain.length} certificates`);
    if (this.#negotiation.maySendStatus) return new ExpectStatusOrMore(this.handshake, this.#negotiation, chain);
    return afterCertificate(this.handshake, this.#negotiation, { chain });
  }
}

type Certificates = Pick<ServerFlight, "chain" | "staple">;

function afterCertificate(handshake: Handshake, negotiation: Negotiation12, certificates: Certificates): State {
  if (negotiation.suite.keyExchange !== "ECDH") {
    return new ExpectServerKeyExchange(handshake, negotiation, certificates);
  }
  return new ExpectRequestOrDone(handshake, negotiation, { ...certificates, keys: { kind: "ecdh" } });
}

/** A server that said it may staple a response need not do it. RFC 6066, section 8 */
class ExpectStatusOrMore extends State {
  readonly name = "certificate_status or what follows it";
  readonly #negotiation: Negotiation12;
  readonly #chain: readonly Uint8Array[];

  constructor(handshake: Handshake, negotiation: Negotiation12, chain: readonly Uint8Array[]) {
    super(handshake);
    this.#negotiation = negotiation;
    this.#chain = chain;
  }

  override onMessage(message: HandshakeMessage): State {
    const chain = this.#chain;
    if (message.type !== HANDSHAKE_TYPES.certificate_status) {
      return afterCertificate(this.handshake, this.#negotiation, { chain }).onMessage(message);
    }
    this.accept(message, "certificate_status");
    const { response: staple } = bodyOf(certificateStatus, message);
    return afterCertificate(this.handshake, this.#negotiation, { chain, staple });
  }
}

/** RFC 5246, section 7.4.3; RFC 8422, section 5.4 */
class ExpectServerKeyExchange extends State {
  readonly name = "server_key_exchange";
  readonly #negotiation: Negotiation12;
  readonly #certificates: Certificates;

  constructor(handshake: Handshake, negotiation: Negotiation12, certificates: Certificates) {
    super(handshake);
    this.#negotiation = negotiation;
    this.#certificates = certificates;
  }

  override onMessage(message: HandshakeMessage): State {
    this.accept(message, "server_key_exchange");
    const keys = readServerKeys(this.handshake.config, this.#negotiation.suite.keyExchange, message);
    return new ExpectRequestOrDone(this.handshake, this.#negotiation, { ...this.#certificates, keys });
  }
}

/** A hint which key is meant may come or not. We have one key, so it tells us nothing. RFC 4279, section 2 */
class ExpectPskHintOrDone extends State {
  readonly name = "server_key_exchange or server_hello_done";
  readonly #negotiation: Negotiation12;

  constructor(handshake: Handshake, negotiation: Negotiation12) {
    super(handshake);
    this.#negotiation = negotiation;
  }

  override onMessage(message: HandshakeMessage): State {
    const next = new ExpectRequestOrDone(this.handshake, this.#negotiation, { chain: [], keys: { kind: "psk" } });
    if (message.type !== HANDSHAKE_TYPES.server_key_exchange) return next.onMessage(message);
    this.accept(message, "server_key_exchange");
    readServerKeys(this.handshake.config, "PSK", message);
    return next;
  }
}

/** RFC 5246, sections 7.4.4 and 7.4.5 */
class ExpectRequestOrDone extends State {
  readonly name: string;
  readonly #negotiation: Negotiation12;
  readonly #flight: ServerFlight;
  readonly #mayRequest: boolean;

  constructor(handshake: Handshake, negotiation: Negotiation12, flight: ServerFlight) {
    super(handshake);
    this.#negotiation = negotiation;
    this.#flight = flight;
    // A server that is not authenticated by certificate must not ask for one. RFC 5246, section 7.4.4
    this.#mayRequest = flight.request === undefined && flight.chain.length > 0;
    this.name = this.#mayRequest ? "certificate_request or server_hello_done" : "server_hello_done";
  }

  override onMessage(message: HandshakeMessage): State {
    if (message.type === HANDSHAKE_TYPES.certificate_request && this.#mayRequest) {
      this.accept(message, "certificate_request");
      const request = bodyOf(certificateRequest12, message);
      return new ExpectRequestOrDone(this.handshake, this.#negotiation, { ...this.#flight, request });
    }
    this.accept(message, "server_hello_done");
    bodyOf(empty, message);
    this.handshake.wire.endTheirFlight();
    if (this.#flight.chain.length > 0) return new VerifyChain(this.handshake, this.#negotiation, this.#flight);
    const { psk } = this.handshake.config;
    if (!psk) throw new TlsError("unoffered-suite", "a suite of a pre-shared key without one");
    return exchangeKeys(this.handshake, this.#negotiation, this.#flight, { psk });
  }
}
