import { concat, decode, equal, fromHex, utf8Bytes } from "../codec/index.ts";
import { offeredSuites } from "./client-config.ts";
import { buildHello, offeredPsks, type OfferedShare, type SentHello } from "./client-hello.ts";
import { Negotiation12 } from "./client12/negotiation.ts";
import { afterHello } from "./client12/server-flight.ts";
import { resumeSession } from "./client12/resumption.ts";
import { beginAgreement } from "./client13/key-exchange.ts";
import { checkRetry, checkSelectedVersion } from "./client13/retry.ts";
import type { Answer } from "./effects.ts";
import { misuse, TlsError } from "./errors.ts";
import { decodeExtensions, EXTENSIONS } from "./extensions.ts";
import { bodyOf, type HandshakeMessage, serverHello, type ServerHello } from "./messages.ts";
import { Awaiting, type Handshake, State, VERSIONS } from "./state.ts";

/**
 * The first state of a connection. A key share is made early for TLS 1.3, and for a keeper of secrets, because some chips
 * allow nothing between the client random and the master secret.
 */
export function firstState(handshake: Handshake): State {
  const { config } = handshake;
  const keptElsewhere = config.secretsElsewhere && offeredSuites(config).some((name) => name.startsWith("TLS_ECDHE_"));
  if (config.versions.includes("TLSv1.3") || keptElsewhere) return new GenerateFirstShare(handshake);
  return new AwaitClientRandom(handshake, undefined);
}

/** Asks for the key share that the first hello offers, on the most preferred group. RFC 8446, section 4.2.8 */
class GenerateFirstShare extends Awaiting<"generated"> {
  readonly name = "our key share";

  constructor(handshake: Handshake) {
    super(handshake, { do: "generate", group: firstGroup(handshake) }, "generated");
  }

  protected resume({ publicKey }: Extract<Answer, { on: "generated" }>): State {
    return new AwaitClientRandom(this.handshake, { group: firstGroup(this.handshake), publicKey });
  }
}

function firstGroup({ config }: Handshake) {
  const [group] = config.groups;
  if (!group) throw misuse("bad-option", "groups is empty");
  return group;
}

/** Asks for the client random, then says hello. */
class AwaitClientRandom extends Awaiting<"random"> {
  readonly name = "the client random";
  readonly #share: OfferedShare | undefined;

  constructor(handshake: Handshake, share: OfferedShare | undefined) {
    super(handshake, { do: "random", length: 32 }, "random");
    this.#share = share;
  }

  protected resume({ bytes: random }: Extract<Answer, { on: "random" }>): State {
    const { config } = this.handshake;
    const content = { random, sessionId: this.#sessionId(random), share: this.#share, psks: offeredPsks(config) };
    const hello = buildHello(config, content, new Uint8Array(0));
    this.send(hello.message);
    this.handshake.wire.endFlight();
    this.#tellLimits();
    return new ExpectServerHello(this.handshake, hello);
  }

  /** Who reads the trace should know that the session is less bound than it could be. RFC 7627, section 5.4 */
  #tellLimits(): void {
    const { config, wire } = this.handshake;
    if (config.secretsElsewhere?.extendedMasterSecret !== false) return;
    const detail = "no extended master secret: the keeper of secrets can seed with nothing but the randoms";
    wire.emit({ do: "trace", event: { kind: "process", what: "warning", detail } });
  }

  /** A session's own id; or a fresh one, which a server echoes that takes our ticket, and which makes TLS 1.3 look like TLS 1.2 to middleboxes. RFC 5077, section 3.4; RFC 8446, appendix D.4 */
  #sessionId(random: Uint8Array): Uint8Array {
    const { hash, session } = this.handshake.config;
    const old = session?.session.version === "TLSv1.2" ? session.session : undefined;
    if (old && old.sessionId.length > 0) return old.sessionId;
    return this.handshake.config.versions.includes("TLSv1.3") || old
      ? hash.digest("sha256", utf8Bytes("session id"), random)
      : new Uint8Array(0);
  }
}

/** SHA-256 of "HelloRetryRequest", in the place of a random. RFC 8446, section 4.1.3 */
const RETRY_RANDOM = fromHex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c");

/** Waits for the hello that decides the version. RFC 8446, section 4.1.3 */
export class ExpectServerHello extends State {
  readonly name = "server_hello";
  readonly #hello: SentHello;
  /** The suite of the request for another hello, once there was one. */
  readonly #retriedSuite: number | undefined;

  constructor(handshake: Handshake, hello: SentHello, retriedSuite?: number) {
    super(handshake);
    this.#hello = hello;
    this.#retriedSuite = retriedSuite;
  }

  override onMessage(message: HandshakeMessage): State {
    this.expect(message, "server_hello");
    const hello = bodyOf(serverHello, message);
    const isThirteen = hello.extensions.some(({ type }) => type === EXTENSIONS.supported_versions.type);
    if (!isThirteen) return this.#onHello12(message, hello);
    if (!this.#offers13) throw new TlsError("unsolicited-extension", "supported_versions was not offered");
    this.#checkHello13(hello);
    return equal(hello.random, RETRY_RANDOM) ? this.#onRetry(message, hello) : this.#onHello13(message, hello);
  }

  /** RFC 8446, section 5: dropped once the server has spoken TLS 1.3; it follows the request for another hello. */
  override onChangeCipherSpec(): State {
    return this.#retriedSuite === undefined ? super.onChangeCipherSpec() : this;
  }

  get #offers13(): boolean {
    return this.handshake.config.versions.includes("TLSv1.3");
  }

  #onHello12(message: HandshakeMessage, hello: ServerHello): State {
    const { config, wire, transcript } = this.handshake;
    if (hello.legacyVersion !== VERSIONS["TLSv1.2"] || !config.versions.includes("TLSv1.2")) {
      throw new TlsError("unsupported-version", `the server chose version 0x${hello.legacyVersion.toString(16)}`);
    }
    if (this.#retriedSuite !== undefined)
      throw new TlsError("bad-selected-version", "TLS 1.2 after a retry of TLS 1.3");
    if (this.#offers13) checkDowngrade(hello.random);
    const resumes = this.#hello.sessionId.length > 0 && equal(hello.legacySessionId, this.#hello.sessionId);
    const session = config.session?.session;
    if (resumes && session?.version !== "TLSv1.2") {
      throw new TlsError("unoffered-session", "the server resumes a session that never was");
    }
    transcript.add(message.raw);
    wire.agreeVersion("TLSv1.2");
    const extensions = decodeExtensions("server_hello", hello.extensions, this.#hello.offered);
    const negotiation = new Negotiation12(this.handshake, this.#hello, hello, extensions);
    if (resumes && session?.version === "TLSv1.2") return resumeSession(this.handshake, negotiation, session);
    return afterHello(this.handshake, negotiation);
  }

  #checkHello13(hello: ServerHello): void {
    if (hello.legacyVersion !== VERSIONS["TLSv1.2"]) {
      throw new TlsError("bad-selected-version", `legacy_version 0x${hello.legacyVersion.toString(16)}`);
    }
    const selected = hello.extensions.find(({ type }) => type === EXTENSIONS.supported_versions.type);
    checkSelectedVersion(selected && decode(EXTENSIONS.supported_versions.server_hello_13, selected.data));
    if (!equal(hello.legacySessionId, this.#hello.sessionId)) {
      throw new TlsError("unoffered-session", "the server does not echo our session id");
    }
    if (hello.compressionMethod !== 0) throw new TlsError("bad-compression", `method ${hello.compressionMethod}`);
  }

  #onRetry(message: HandshakeMessage, hello: ServerHello): State {
    if (this.#retriedSuite !== undefined) throw new TlsError("unexpected-message", "a second hello_retry_request");
    const { transcript, wire } = this.handshake;
    const { suite, group, cookie } = checkRetry(this.handshake.config, this.#hello, hello);
    wire.endTheirFlight();
    wire.agreeVersion("TLSv1.3");
    transcript.replaceByHash(suite.hash);
    transcript.add(message.raw);
    wire.sendChangeCipherSpec();
    const sayAgain = (handshake: Handshake, share: OfferedShare) => {
      // A key for another hash than the server's suite has cannot be chosen any more.
      const psks = this.#hello.psks.filter((psk) => psk.hash === suite.hash);
      const content = { ...this.#hello, share, psks, ...(cookie ? { cookie } : {}) };
      const again = buildHello(handshake.config, content, transcript.content());
      transcript.add(again.message.raw);
      wire.sendMessage(again.message);
      wire.endFlight();
      return new ExpectServerHello(handshake, again, hello.cipherSuite);
    };
    const { share } = this.#hello;
    if (group === undefined && share) return sayAgain(this.handshake, share);
    return new GenerateSecondShare(this.handshake, group ?? firstGroup(this.handshake), sayAgain);
  }

  #onHello13(message: HandshakeMessage, hello: ServerHello): State {
    if (this.#retriedSuite !== undefined && hello.cipherSuite !== this.#retriedSuite) {
      throw new TlsError("changed-after-retry", `suite 0x${hello.cipherSuite.toString(16)}`);
    }
    const isFirst = this.#retriedSuite === undefined;
    return beginAgreement(this.handshake, this.#hello, { message, hello, isFirst });
  }
}

/** Asks for a key share on the group that the server wants. RFC 8446, section 4.1.4 */
class GenerateSecondShare extends Awaiting<"generated"> {
  readonly name = "our second key share";
  readonly #group: OfferedShare["group"];
  readonly #sayAgain: (handshake: Handshake, share: OfferedShare) => State;

  constructor(
    handshake: Handshake,
    group: OfferedShare["group"],
    sayAgain: (handshake: Handshake, share: OfferedShare) => State,
  ) {
    super(handshake, { do: "generate", group }, "generated");
    this.#group = group;
    this.#sayAgain = sayAgain;
  }

  protected resume({ publicKey }: Extract<Answer, { on: "generated" }>): State {
    return this.#sayAgain(this.handshake, { group: this.#group, publicKey });
  }
}

const DOWNGRADE = utf8Bytes("DOWNGRD");

/** A server that knows TLS 1.3 marks its random when it is made to choose less. RFC 8446, section 4.1.3 */
function checkDowngrade(random: Uint8Array): void {
  const tail = random.subarray(24);
  for (const last of [0, 1]) {
    if (equal(tail, concat(DOWNGRADE, Uint8Array.of(last)))) {
      throw new TlsError("downgrade", `the server's random ends in DOWNGRD${last}`);
    }
  }
}
