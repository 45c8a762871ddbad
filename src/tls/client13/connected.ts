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
import { protect13 } from "../protection-elsewhere.ts";
import { MAX_SESSION_LIFETIME } from "../sessions.ts";
import { decodeExtensions } from "../extensions.ts";
import { type Handshake, type KeyExport, State } from "../state.ts";
import type { Negotiation13, Progress13 } from "./negotiation.ts";
import type { Finished13 } from "./trust.ts";

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
  readonly #resumptionSecret: Uint8Array;
  readonly #exporterSecret: Uint8Array | undefined;
  readonly #peerChain: readonly Uint8Array[];
  #keyUpdates = 0;
  #owesUpdate = false;

  constructor(handshake: Handshake, progress: Progress13, settled: Finished13, resumptionSecret: Uint8Array) {
    super(handshake);
    const { negotiation, alpn } = progress;
    this.#resumptionSecret = resumptionSecret;
    this.#exporterSecret = handshake.config.exportsKeys ? settled.exporterSecret : undefined;
    this.#peerChain = settled.certificate?.chain ?? [];
    this.#negotiation = negotiation;
    this.#application = settled.application;
    const { suiteName: suite, group } = negotiation;
    const { clientCertificate, psk } = settled;
    const { servername } = handshake.config;
    const facts = { protocol: "TLSv1.3", suite, group, servername, alpn } as const;
    handshake.wire.emit({ do: "trace", event: { kind: "tls.connected", ...facts, alpn: alpn ?? "" } });
    handshake.wire.emit({
      do: "connected",
      facts: {
        ...facts,
        peerChain: this.#peerChain,
        extendedMasterSecret: true,
        resumed: psk?.psk.kind === "resumption",
        clientCertificate,
      },
    });
  }

  override onData(data: Uint8Array): State {
    this.#keyUpdates = 0;
    this.handshake.wire.emit({ do: "deliver", data });
    return this;
  }

  override onSend(data: Uint8Array): void {
    const { wire } = this.handshake;
    const isWornOut = wire.recordsLeft - Math.ceil(data.length / wire.maxSent) < KEY_MARGIN;
    if (this.#owesUpdate || isWornOut) this.#updateOurs(false);
    wire.sendData(data);
  }

  override onUpdateKeys(): State {
    this.#updateOurs(true);
    this.handshake.wire.endFlight();
    return this;
  }

  /** RFC 8446, section 7.5: without a context it is as with an empty one. */
  override exportKeys({ label, context = new Uint8Array(0), length }: KeyExport): Uint8Array {
    if (!this.#exporterSecret) return super.exportKeys({ label, length });
    const { schedule } = this.#negotiation;
    const secret = schedule.deriveSecret(this.#exporterSecret, label, schedule.emptyHash());
    return schedule.expandLabel(secret, "exporter", schedule.hashOf(context), length);
  }

  override onMessage(message: HandshakeMessage): State {
    if (message.type === HANDSHAKE_TYPES.key_update) return this.#onKeyUpdate(message);
    if (message.type !== HANDSHAKE_TYPES.new_session_ticket) return super.onMessage(message);
    this.#onTicket(message);
    return this;
  }

  /** RFC 8446, section 4.6.1. A connection without certificates gives no session: there would be nothing to verify again. */
  #onTicket(message: HandshakeMessage): void {
    const { lifetime, ageAdd, nonce, ticket, extensions } = bodyOf(newSessionTicket13, message);
    decodeExtensions("new_session_ticket", extensions);
    if (lifetime === 0 || this.#peerChain.length === 0 || !this.handshake.config.wantsSessions) return;
    const { schedule, suiteName: suite } = this.#negotiation;
    const psk = schedule.expandLabel(this.#resumptionSecret, "resumption", nonce, schedule.hashLength);
    const { servername } = this.handshake.config;
    const lifetimeSeconds = Math.min(lifetime, MAX_SESSION_LIFETIME);
    const common = { servername, peerChain: this.#peerChain, lifetimeSeconds };
    this.handshake.wire.emit({ do: "session", session: { version: "TLSv1.3", suite, psk, ticket, ageAdd, ...common } });
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
    // Due before our next data and not earlier, so that many requests are answered once.
    this.#owesUpdate ||= request === KEY_UPDATE_REQUESTS.update_requested;
    return this;
  }

  #updateOurs(requested: boolean): void {
    const { wire } = this.handshake;
    this.#owesUpdate = false;
    const request = KEY_UPDATE_REQUESTS[requested ? "update_requested" : "update_not_requested"];
    wire.sendMessage(handshakeMessage("key_update", keyUpdate, request));
    const client = this.#negotiation.schedule.nextTrafficSecret(this.#application.client);
    this.#application = { ...this.#application, client };
    wire.protectWrites(this.#protection(client));
  }

  #protection(secret: Uint8Array) {
    const { schedule, suite } = this.#negotiation;
    return protect13(this.handshake.config, suite.aead, schedule.directionKeys(secret, suite.aead));
  }
}
