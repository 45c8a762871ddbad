import type { TrafficSecrets } from "../key-schedule13.ts";
import { TlsError } from "../errors.ts";
import {
  bodyOf,
  HANDSHAKE_TYPES,
  handshakeMessage,
  type HandshakeMessage,
  KEY_UPDATE_REQUESTS,
  keyUpdate,
  newSessionTicket13,
} from "../messages.ts";
import { Aead13Protection } from "../protection.ts";
import { MAX_PLAINTEXT } from "../records.ts";
import { type Handshake, State } from "../state.ts";
import type { Finished13 } from "./finish.ts";
import type { Progress13 } from "./server-flight.ts";
import type { Negotiation13 } from "./key-exchange.ts";

/** Key changes in a row without data between them that are borne. */
const MAX_KEY_UPDATES = 32;
/** Our keys are changed this many records before their limit. */
const KEY_MARGIN = 16;

/** The connection is up: it cannot be built without proof of the server's chain, signature and Finished. */
export class Connected13 extends State {
  readonly name = "application data";
  override readonly isConnected = true;
  readonly #negotiation: Negotiation13;
  #application: TrafficSecrets;
  #keyUpdates = 0;

  constructor(handshake: Handshake, { negotiation, alpn }: Progress13, settled: Finished13) {
    super(handshake);
    this.#negotiation = negotiation;
    this.#application = settled.application;
    const { suiteName: suite, group } = negotiation;
    const { certificate, clientCertificate } = settled;
    const { servername } = handshake.config;
    const facts = { protocol: "TLSv1.3", suite, group, servername, alpn } as const;
    handshake.wire.emit({ do: "trace", event: { kind: "tls.connected", ...facts, alpn: alpn ?? "" } });
    handshake.wire.emit({
      do: "connected",
      facts: { ...facts, peerChain: certificate.chain, extendedMasterSecret: true, clientCertificate },
    });
  }

  override onData(data: Uint8Array): State {
    this.#keyUpdates = 0;
    this.handshake.wire.emit({ do: "deliver", data });
    return this;
  }

  override onSend(data: Uint8Array): void {
    const { wire } = this.handshake;
    if (wire.recordsLeft - Math.ceil(data.length / MAX_PLAINTEXT) < KEY_MARGIN) this.#updateOurs(false);
    wire.sendData(data);
  }

  override onUpdateKeys(): State {
    this.#updateOurs(true);
    this.handshake.wire.endFlight();
    return this;
  }

  override onMessage(message: HandshakeMessage): State {
    if (message.type === HANDSHAKE_TYPES.key_update) return this.#onKeyUpdate(message);
    if (message.type !== HANDSHAKE_TYPES.new_session_ticket) return super.onMessage(message);
    bodyOf(newSessionTicket13, message);
    return this;
  }

  /** RFC 8446, section 4.6.3 */
  #onKeyUpdate(message: HandshakeMessage): State {
    const request = bodyOf(keyUpdate, message);
    const { wire } = this.handshake;
    if (request !== KEY_UPDATE_REQUESTS.update_requested && request !== KEY_UPDATE_REQUESTS.update_not_requested) {
      throw new TlsError("bad-key-update", `request_update ${request}`);
    }
    if (++this.#keyUpdates > MAX_KEY_UPDATES) {
      throw new TlsError("key-update-flood", `${this.#keyUpdates} key updates without data`);
    }
    const server = this.#negotiation.schedule.nextTrafficSecret(this.#application.server);
    this.#application = { ...this.#application, server };
    wire.protectReads(this.#protection(server));
    if (request === KEY_UPDATE_REQUESTS.update_requested) {
      this.#updateOurs(false);
      wire.endFlight();
    }
    return this;
  }

  #updateOurs(requested: boolean): void {
    const { wire } = this.handshake;
    const request = KEY_UPDATE_REQUESTS[requested ? "update_requested" : "update_not_requested"];
    wire.sendMessage(handshakeMessage("key_update", keyUpdate, request));
    const client = this.#negotiation.schedule.nextTrafficSecret(this.#application.client);
    this.#application = { ...this.#application, client };
    wire.protectWrites(this.#protection(client));
  }

  #protection(secret: Uint8Array): Aead13Protection {
    const { schedule, suite } = this.#negotiation;
    return new Aead13Protection(this.handshake.config.aead, suite.aead, schedule.directionKeys(secret, suite.aead));
  }
}
