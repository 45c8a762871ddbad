import { utf8Bytes } from "../codec/index.ts";
import { Negotiation12 } from "./client12/negotiation.ts";
import { ExpectCertificate } from "./client12/server-flight.ts";
import { type ClientConfig, serverNameIndication } from "./client-config.ts";
import type { Answer } from "./effects.ts";
import { TlsError } from "./errors.ts";
import { decodeExtensions, encodeExtensions, type RawExtension } from "./extensions.ts";
import { GROUPS } from "./groups.ts";
import { bodyOf, clientHello, handshakeMessage, type HandshakeMessage, serverHello } from "./messages.ts";
import { SIGNATURE_SCHEMES } from "./signature-schemes.ts";
import { Awaiting, type Handshake, State } from "./state.ts";
import { SUITES } from "./suites.ts";

const TLS12 = 0x0303;

/** The first state: asks for the client random, then says hello. */
export class AwaitClientRandom extends Awaiting<"random"> {
  readonly name = "the client random";

  constructor(handshake: Handshake) {
    super(handshake, { do: "random", length: 32 }, "random");
  }

  protected resume({ bytes: random }: Extract<Answer, { on: "random" }>): State {
    const { config, wire } = this.handshake;
    const extensions = helloExtensions(config);
    this.send(
      handshakeMessage("client_hello", clientHello, {
        legacyVersion: TLS12,
        random,
        legacySessionId: new Uint8Array(0),
        cipherSuites: config.suites.map((name) => SUITES[name].code),
        compressionMethods: [0],
        extensions,
      }),
    );
    wire.endFlight();
    return new ExpectServerHello(this.handshake, random, new Set(extensions.map(({ type }) => type)));
  }
}

class ExpectServerHello extends State {
  readonly name = "server_hello";
  readonly #clientRandom: Uint8Array;
  readonly #offered: ReadonlySet<number>;

  constructor(handshake: Handshake, clientRandom: Uint8Array, offered: ReadonlySet<number>) {
    super(handshake);
    this.#clientRandom = clientRandom;
    this.#offered = offered;
  }

  override onMessage(message: HandshakeMessage): State {
    this.accept(message, "server_hello");
    const hello = bodyOf(serverHello, message);
    if (hello.legacyVersion !== TLS12) {
      throw new TlsError("unsupported-version", `the server chose version 0x${hello.legacyVersion.toString(16)}`);
    }
    this.handshake.wire.agreeVersion(TLS12);
    const extensions = decodeExtensions("server_hello", hello.extensions, this.#offered);
    return new ExpectCertificate(
      this.handshake,
      new Negotiation12(this.handshake, this.#clientRandom, hello, extensions),
    );
  }
}

function helloExtensions(config: ClientConfig): RawExtension[] {
  const name = serverNameIndication(config.servername);
  return encodeExtensions("client_hello", {
    ...(name === undefined ? {} : { server_name: [{ type: 0, name: utf8Bytes(name) }] }),
    extended_master_secret: true,
    renegotiation_info: new Uint8Array(0),
    supported_groups: config.groups.map((group) => GROUPS[group].code),
    ec_point_formats: [0],
    signature_algorithms: config.schemes.map((scheme) => SIGNATURE_SCHEMES[scheme].code),
    ...(config.alpn.length === 0 ? {} : { application_layer_protocol_negotiation: config.alpn.map(utf8Bytes) }),
  });
}
