import type { Answer } from "../effects.ts";
import { TlsError } from "../errors.ts";
import { bodyOf, clientHello, type HandshakeMessage } from "../messages.ts";
import { Awaiting, State } from "../state.ts";
import { SUITES_12 } from "../suites.ts";
import { type JudgedHello, judgeHello, negotiate, type Negotiated, servernameOf } from "./negotiation.ts";
import { resumeSession } from "./resumption.ts";
import type { ServerHandshake } from "./server-config.ts";
import { sayAll } from "./server-flight.ts";
import type { ServerSession } from "./session-cache.ts";

/** Our random, and the id by which the client may come back; 32 bytes each. */
const RANDOM_LENGTH = 32;
const SESSION_ID_LENGTH = 32;

/** The first state of a server: it listens. RFC 5246, section 7.4.1.2 */
export class ExpectClientHello extends State<ServerHandshake> {
  readonly name = "client_hello";

  override onMessage(message: HandshakeMessage): State<ServerHandshake> {
    this.accept(message, "client_hello");
    const { config, transcript, wire } = this.handshake;
    const judged = judgeHello(bodyOf(clientHello, message));
    const session = sessionFor(this.handshake, judged);
    const { suites } = session ? { suites: [session.suite] } : config;
    const negotiated = negotiate({ ...config, suites }, judged);
    wire.agreeVersion("TLSv1.2");
    transcript.useHash(SUITES_12[negotiated.suiteName].hash);
    return new AskRandom(this.handshake, negotiated, session);
  }
}

/** The session that the client wants to resume, where we know it and it fits. RFC 5246, section 7.4.1.3; RFC 7627, section 5.3 */
function sessionFor({ config }: ServerHandshake, { hello, extensions }: JudgedHello): ServerSession | undefined {
  const session = hello.legacySessionId.length > 0 ? config.sessions?.find(hello.legacySessionId) : undefined;
  if (!session) return undefined;
  if (!hello.cipherSuites.includes(SUITES_12[session.suite].code) || !config.suites.includes(session.suite)) {
    return undefined;
  }
  if (session.servername !== servernameOf(extensions)) return undefined;
  if (config.clientCertificates === "required" && session.clientChain.length === 0) return undefined;
  if (!extensions.extended_master_secret) {
    const message = "a session bound to its handshake is to be resumed without";
    throw new TlsError("changed-session", message, { alert: "handshake_failure" });
  }
  return session;
}

/** Asks for the server's random and, for a new session, its id. */
class AskRandom extends Awaiting<"random", ServerHandshake> {
  readonly name = "our random";
  readonly #negotiated: Negotiated;
  readonly #session: ServerSession | undefined;

  constructor(handshake: ServerHandshake, negotiated: Negotiated, session: ServerSession | undefined) {
    super(handshake, { do: "random", length: RANDOM_LENGTH + SESSION_ID_LENGTH }, "random");
    this.#negotiated = negotiated;
    this.#session = session;
  }

  protected resume({ bytes }: Extract<Answer, { on: "random" }>): State<ServerHandshake> {
    const random = bytes.slice(0, RANDOM_LENGTH);
    const negotiated = this.#negotiated;
    if (this.#session) return resumeSession(this.handshake, { ...negotiated, random }, this.#session);
    // Only a session that is bound to its whole handshake is kept, so only that gets an id. RFC 7627, section 5.4
    const isKept = this.handshake.config.sessions !== undefined && negotiated.extendedMasterSecret;
    const sessionId = isKept ? bytes.slice(RANDOM_LENGTH) : new Uint8Array(0);
    return sayAll(this.handshake, { ...negotiated, random, sessionId });
  }
}
