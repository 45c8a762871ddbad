import type { HawserError } from "../../codec/index.ts";
import { ecPublicPoint, type NamedGroup } from "../../crypto/index.ts";
import { agreementFailure } from "../agreement-failure.ts";
import type { Answer, MasterSource } from "../effects.ts";
import { misuse, TlsError } from "../errors.ts";
import { GROUP_OF_CURVE } from "../groups.ts";
import { pskPremaster } from "../key-schedule12.ts";
import {
  clientKeyExchangeDhe,
  clientKeyExchangeEcdhe,
  clientKeyExchangeEcdhePsk,
  clientKeyExchangePsk,
  handshakeMessage,
  type HandshakeMessage,
} from "../messages.ts";
import { Awaiting, type Handshake, type State } from "../state.ts";
import { sayKeys } from "./client-flight.ts";
import type { Negotiation12 } from "./negotiation.ts";
import type { ServerFlight, ServerKeys } from "./server-parameters.ts";
import type { Exchange, Trust } from "./trust.ts";

/** The way on once the server has said its part and is verified as far as it can be by then. */
export function exchangeKeys(
  handshake: Handshake,
  negotiation: Negotiation12,
  flight: ServerFlight,
  trust: Trust,
): State {
  const exchange = { negotiation, flight, trust };
  const { keys } = flight;
  if (keys.kind === "dhe") return new AgreeDh(handshake, exchange, keys);
  if (keys.kind === "psk") return sayPsk(handshake, exchange);
  const peer = keys.kind === "ecdh" ? staticPeer(handshake, trust) : keys;
  const { share } = negotiation;
  if (share?.group !== peer.group) return new GenerateKeyShare(handshake, exchange, peer);
  return agree(handshake, exchange, { ...peer, ourKey: share.publicKey });
}

type PeerKey = { readonly group: NamedGroup; readonly publicKey: Uint8Array };

/** The server's key of the agreement out of its certificate. RFC 8422, section 5.3 */
function staticPeer(handshake: Handshake, trust: Trust): PeerKey {
  const point = "certificate" in trust ? ecPublicPoint(trust.certificate.publicKey) : undefined;
  const group = point && GROUP_OF_CURVE[point.curve];
  if (!point || !group || !handshake.config.groups.includes(group)) {
    throw new TlsError("certificate-not-for-suite", "the certificate's key is on no group that we offered");
  }
  return { group, publicKey: point.point };
}

/** Asks for our ephemeral key pair on the server's group. */
class GenerateKeyShare extends Awaiting<"generated"> {
  readonly name = "our key share";
  readonly #exchange: Exchange;
  readonly #peer: PeerKey;

  constructor(handshake: Handshake, exchange: Exchange, peer: PeerKey) {
    super(handshake, { do: "generate", group: peer.group }, "generated");
    this.#exchange = exchange;
    this.#peer = peer;
  }

  protected resume({ publicKey }: Extract<Answer, { on: "generated" }>): State {
    return agree(this.handshake, this.#exchange, { ...this.#peer, ourKey: publicKey });
  }
}

type BothKeys = PeerKey & { readonly ourKey: Uint8Array };

/** A keeper of secrets makes agreement and master secret in one; else the agreement comes first. */
function agree(handshake: Handshake, exchange: Exchange, keys: BothKeys): State {
  const { kind } = exchange.flight.keys;
  if (!handshake.config.secretsElsewhere) return new AgreeSecret(handshake, exchange, keys);
  const source: MasterSource = {
    kind: kind === "ecdhe_psk" ? "ecdhe_psk" : "ecdhe",
    group: keys.group,
    peerKey: keys.publicKey,
  };
  return sayKeys(handshake, exchange, { message: keyMessage(handshake, kind, keys.ourKey), group: keys.group, source });
}

function keyMessage({ config }: Handshake, kind: ServerKeys["kind"], publicKey: Uint8Array): HandshakeMessage {
  if (kind !== "ecdhe_psk") return handshakeMessage("client_key_exchange", clientKeyExchangeEcdhe, publicKey);
  const identity = config.psk?.identity ?? new Uint8Array(0);
  return handshakeMessage("client_key_exchange", clientKeyExchangeEcdhePsk, { identity, publicKey });
}

/** Asks for the shared secret. RFC 8422, section 5.10 */
class AgreeSecret extends Awaiting<"agreed"> {
  readonly name = "the key agreement";
  readonly #exchange: Exchange;
  readonly #keys: BothKeys;

  constructor(handshake: Handshake, exchange: Exchange, keys: BothKeys) {
    super(handshake, { do: "agree", group: keys.group, peerKey: keys.publicKey }, "agreed");
    this.#exchange = exchange;
    this.#keys = keys;
  }

  protected resume({ secret }: Extract<Answer, { on: "agreed" }>): State {
    const { kind } = this.#exchange.flight.keys;
    const { psk } = this.handshake.config;
    const premaster = kind === "ecdhe_psk" && psk ? pskPremaster(psk.key, secret) : secret;
    const message = keyMessage(this.handshake, kind, this.#keys.ourKey);
    return sayKeys(this.handshake, this.#exchange, { message, group: this.#keys.group, premaster });
  }

  override failure(cause: unknown): HawserError {
    return agreementFailure(cause, this.#keys.group) ?? super.failure(cause);
  }
}

/** Asks for a whole agreement on the server's own group. RFC 5246, sections 7.4.7.2 and 8.1.2 */
class AgreeDh extends Awaiting<"dh-agreed"> {
  readonly name = "the key agreement";
  readonly #exchange: Exchange;

  constructor(handshake: Handshake, exchange: Exchange, keys: Extract<ServerKeys, { kind: "dhe" }>) {
    const { prime, generator, publicKey: peerKey } = keys;
    super(handshake, { do: "agree-dh", prime, generator, peerKey }, "dh-agreed");
    this.#exchange = exchange;
  }

  protected resume({ publicKey, secret }: Extract<Answer, { on: "dh-agreed" }>): State {
    const message = handshakeMessage("client_key_exchange", clientKeyExchangeDhe, publicKey);
    return sayKeys(this.handshake, this.#exchange, { message, group: undefined, premaster: secret });
  }

  override failure(cause: unknown): HawserError {
    return agreementFailure(cause, "the server's group") ?? super.failure(cause);
  }
}

/** RFC 4279, section 2 */
function sayPsk(handshake: Handshake, exchange: Exchange): State {
  const { psk, secretsElsewhere } = handshake.config;
  if (!psk) throw misuse("bad-option", "no pre-shared key");
  const message = handshakeMessage("client_key_exchange", clientKeyExchangePsk, psk.identity);
  const keys = secretsElsewhere ? { source: { kind: "psk" } as const } : { premaster: pskPremaster(psk.key) };
  return sayKeys(handshake, exchange, { message, group: undefined, ...keys });
}
