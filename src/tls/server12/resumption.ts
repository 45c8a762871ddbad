import type { HawserError } from "../../codec/index.ts";
import { certificateFailure } from "../certificate-failure.ts";
import type { Answer } from "../effects.ts";
import { CertificateVerified } from "../proofs.ts";
import { Awaiting, type State } from "../state.ts";
import { ExpectChangeCipherSpec, sayFinished } from "./finish.ts";
import { helloMessage } from "./hellos.ts";
import type { Negotiated } from "./negotiation.ts";
import type { ServerHandshake } from "./server-config.ts";
import type { ServerSession } from "./session-cache.ts";

type FreshHello = Negotiated & { readonly random: Uint8Array };

/** The short handshake. RFC 5246, section 7.3 */
export function resumeSession(
  handshake: ServerHandshake,
  hello: FreshHello,
  session: ServerSession,
): State<ServerHandshake> {
  if (session.clientChain.length > 0) return new VerifySessionClient(handshake, hello, session);
  return sayShort(handshake, hello, session, undefined);
}

/** Asks whether the client's chain still is valid: it may have expired since, or be trusted no more. */
class VerifySessionClient extends Awaiting<"chain-verified", ServerHandshake> {
  readonly name = "the check of the session's certificate";
  readonly #hello: FreshHello;
  readonly #session: ServerSession;

  constructor(handshake: ServerHandshake, hello: FreshHello, session: ServerSession) {
    super(handshake, { do: "verify-client", chain: session.clientChain }, "chain-verified");
    this.#hello = hello;
    this.#session = session;
  }

  protected resume(answer: Extract<Answer, { on: "chain-verified" }>): State<ServerHandshake> {
    const certificate = CertificateVerified.from(this.#session.clientChain, answer);
    return sayShort(this.handshake, this.#hello, this.#session, certificate);
  }

  override failure(cause: unknown): HawserError {
    this.handshake.config.sessions?.forget(this.#session.id);
    return certificateFailure(cause, "client");
  }
}

function sayShort(
  handshake: ServerHandshake,
  hello: FreshHello,
  session: ServerSession,
  certificate: CertificateVerified | undefined,
): State<ServerHandshake> {
  const { transcript, wire } = handshake;
  const hellos = { ...hello, sessionId: session.id };
  const message = helloMessage(hellos);
  transcript.add(message.raw);
  wire.sendMessage(message);
  const master = session.masterSecret.slice();
  sayFinished(handshake, hellos, master);
  return new ExpectChangeCipherSpec(handshake, hellos, { trust: { certificate, resumed: session }, master });
}
