import { concat, empty, encode } from "../../codec/index.ts";
import type { Answer } from "../effects.ts";
import { GROUPS } from "../groups.ts";
import {
  certificate12,
  certificateRequest12,
  CLIENT_CERTIFICATE_TYPES,
  handshakeMessage,
  type HandshakeMessage,
  serverEcdhParams,
  serverKeyExchange,
} from "../messages.ts";
import { ALL_SCHEMES, SIGNATURE_SCHEMES } from "../signature-schemes.ts";
import { Awaiting, type State } from "../state.ts";
import { afterFlight } from "./client-flight.ts";
import { helloMessage, type Hellos } from "./hellos.ts";
import type { Exchange12 } from "./negotiation.ts";
import type { ServerHandshake } from "./server-config.ts";

/** Everything from ServerHello to ServerHelloDone, for which an ephemeral key has to be made and signed first. RFC 5246, section 7.3 */
export function sayAll(handshake: ServerHandshake, hellos: Hellos): State<ServerHandshake> {
  const { exchange } = hellos;
  if (exchange.kind === "ecdhe") return new GenerateKey(handshake, hellos, exchange);
  return sayFlight(handshake, hellos);
}

type Ephemeral = Extract<Exchange12, { kind: "ecdhe" }>;

/** Asks for the ephemeral key pair. RFC 8422, section 5.4 */
class GenerateKey extends Awaiting<"generated", ServerHandshake> {
  readonly name = "our ephemeral key";
  readonly #hellos: Hellos;
  readonly #exchange: Ephemeral;

  constructor(handshake: ServerHandshake, hellos: Hellos, exchange: Ephemeral) {
    super(handshake, { do: "generate", group: exchange.group }, "generated");
    this.#hellos = hellos;
    this.#exchange = exchange;
  }

  protected resume({ publicKey }: Extract<Answer, { on: "generated" }>): State<ServerHandshake> {
    return new SignParams(this.handshake, this.#hellos, { ...this.#exchange, publicKey });
  }
}

/** Asks for the signature over both randoms and the ephemeral key. RFC 8422, section 5.4 */
class SignParams extends Awaiting<"signed", ServerHandshake> {
  readonly name = "our signature";
  readonly #hellos: Hellos;
  readonly #exchange: Ephemeral & { readonly publicKey: Uint8Array };

  constructor(handshake: ServerHandshake, hellos: Hellos, exchange: Ephemeral & { readonly publicKey: Uint8Array }) {
    const content = concat(hellos.clientRandom, hellos.random, encode(serverEcdhParams, paramsOf(exchange)));
    const { algorithm } = SIGNATURE_SCHEMES[exchange.scheme];
    super(handshake, { do: "sign", identity: 0, algorithm, content }, "signed");
    this.#hellos = hellos;
    this.#exchange = exchange;
  }

  protected resume({ signature }: Extract<Answer, { on: "signed" }>): State<ServerHandshake> {
    const params = paramsOf(this.#exchange);
    const signed = { scheme: SIGNATURE_SCHEMES[this.#exchange.scheme].code, signature };
    const value = { params, raw: encode(serverEcdhParams, params), signed };
    const message = handshakeMessage("server_key_exchange", serverKeyExchange(serverEcdhParams), value);
    return sayFlight(this.handshake, this.#hellos, message);
  }
}

function paramsOf({ group, publicKey }: Ephemeral & { readonly publicKey: Uint8Array }) {
  return { curveType: 3, namedCurve: GROUPS[group].code, publicKey } as const;
}

function sayFlight(handshake: ServerHandshake, hellos: Hellos, keyExchange?: HandshakeMessage): State<ServerHandshake> {
  const { config, transcript, wire } = handshake;
  const { clientCertificates, authorities } = config;
  const request = handshakeMessage("certificate_request", certificateRequest12, {
    certificateTypes: [CLIENT_CERTIFICATE_TYPES.ecdsa_sign, CLIENT_CERTIFICATE_TYPES.rsa_sign],
    signatureSchemes: ALL_SCHEMES.map((name) => SIGNATURE_SCHEMES[name].code),
    certificateAuthorities: authorities,
  });
  const flight = [
    helloMessage(hellos),
    handshakeMessage("certificate", certificate12, config.chain),
    ...(keyExchange ? [keyExchange] : []),
    ...(clientCertificates === "none" ? [] : [request]),
    handshakeMessage("server_hello_done", empty, undefined),
  ];
  for (const message of flight) {
    transcript.add(message.raw);
    wire.sendMessage(message);
  }
  wire.endFlight();
  return afterFlight(handshake, hellos);
}
