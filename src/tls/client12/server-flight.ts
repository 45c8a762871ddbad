import type { NamedGroup } from "../../crypto/index.ts";
import { TlsError } from "../errors.ts";
import { groupName, isPublicKeyOf } from "../groups.ts";
import {
  bodyOf,
  certificate12,
  certificateRequest12,
  type CertificateRequest12,
  HANDSHAKE_TYPES,
  type HandshakeMessage,
  serverKeyExchange,
  type ServerKeyExchange,
} from "../messages.ts";
import { schemeName, type SignatureScheme } from "../signature-schemes.ts";
import { type Handshake, State } from "../state.ts";
import { empty } from "../../codec/index.ts";
import type { Negotiation12 } from "./negotiation.ts";
import { VerifyChain } from "./server-proofs.ts";

/** No chain that a device should follow is longer. */
const MAX_CHAIN = 10;

/** What the server said between its hello and server_hello_done, in form right but not yet verified. */
export type ServerFlight = {
  readonly chain: readonly Uint8Array[];
  readonly exchange: ServerKeyExchange;
  readonly group: NamedGroup;
  readonly scheme: SignatureScheme;
  /** Absent where the server wants no certificate. */
  readonly request?: CertificateRequest12;
};

/** After ServerHello. RFC 5246, section 7.4.2 */
export class ExpectCertificate extends State {
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
    return new ExpectServerKeyExchange(this.handshake, this.#negotiation, chain);
  }
}

/** RFC 8422, section 5.4 */
class ExpectServerKeyExchange extends State {
  readonly name = "server_key_exchange";
  readonly #negotiation: Negotiation12;
  readonly #chain: readonly Uint8Array[];

  constructor(handshake: Handshake, negotiation: Negotiation12, chain: readonly Uint8Array[]) {
    super(handshake);
    this.#negotiation = negotiation;
    this.#chain = chain;
  }

  override onMessage(message: HandshakeMessage): State {
    this.accept(message, "server_key_exchange");
    const { config } = this.handshake;
    const exchange = bodyOf(serverKeyExchange, message);
    const group = groupName(exchange.params.namedCurve);
    if (group === undefined || !config.groups.includes(group)) {
      throw new TlsError("unoffered-group", `group 0x${exchange.params.namedCurve.toString(16).padStart(4, "0")}`);
    }
    if (!isPublicKeyOf(group, exchange.params.publicKey)) {
      throw new TlsError("bad-key-share", `${exchange.params.publicKey.length} bytes are no public key of ${group}`);
    }
    const scheme = schemeName(exchange.signed.scheme);
    if (scheme === undefined || !config.schemes.includes(scheme)) {
      throw new TlsError(
        "unoffered-scheme",
        `signature scheme 0x${exchange.signed.scheme.toString(16).padStart(4, "0")}`,
      );
    }
    const flight = { chain: this.#chain, exchange, group, scheme };
    return new ExpectCertificateRequestOrDone(this.handshake, this.#negotiation, flight);
  }
}

/** RFC 5246, sections 7.4.4 and 7.4.5 */
class ExpectCertificateRequestOrDone extends State {
  readonly name: string = "certificate_request or server_hello_done";
  protected readonly negotiation: Negotiation12;
  protected readonly flight: ServerFlight;

  constructor(handshake: Handshake, negotiation: Negotiation12, flight: ServerFlight) {
    super(handshake);
    this.negotiation = negotiation;
    this.flight = flight;
  }

  override onMessage(message: HandshakeMessage): State {
    if (message.type === HANDSHAKE_TYPES.certificate_request) {
      this.accept(message, "certificate_request");
      const request = bodyOf(certificateRequest12, message);
      return new ExpectServerHelloDone(this.handshake, this.negotiation, { ...this.flight, request });
    }
    this.accept(message, "server_hello_done");
    bodyOf(empty, message);
    return new VerifyChain(this.handshake, this.negotiation, this.flight);
  }
}

class ExpectServerHelloDone extends State {
  readonly name = "server_hello_done";
  readonly #negotiation: Negotiation12;
  readonly #flight: ServerFlight;

  constructor(handshake: Handshake, negotiation: Negotiation12, flight: ServerFlight) {
    super(handshake);
    this.#negotiation = negotiation;
    this.#flight = flight;
  }

  override onMessage(message: HandshakeMessage): State {
    this.accept(message, "server_hello_done");
    bodyOf(empty, message);
    return new VerifyChain(this.handshake, this.#negotiation, this.#flight);
  }
}
