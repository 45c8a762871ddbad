import type { HawserError } from "../../codec/index.ts";
import { certificateFailure } from "../certificate-failure.ts";
import type { Answer } from "../effects.ts";
import { TlsError } from "../errors.ts";
import { CertificateVerified } from "../proofs.ts";
import type { Session12 } from "../sessions.ts";
import { Awaiting, type Handshake, type State } from "../state.ts";
import type { Negotiation12 } from "./negotiation.ts";
import { Derivations, type Master } from "./secrets.ts";
import { ExpectServerFinish } from "./server-finish.ts";
import { keyUsageOf } from "./server-proofs.ts";

/** The way on when the server takes up our session: it must be the same in all that the keys depend on. RFC 5246, section 7.4.1.3; RFC 7627, section 5.3 */
export function resumeSession(handshake: Handshake, negotiation: Negotiation12, session: Session12): State {
  if (negotiation.suiteName !== session.suite) {
    throw new TlsError("changed-session", `${session.suite} is resumed with ${negotiation.suiteName}`);
  }
  if (!negotiation.extendedMasterSecret) {
    const message = "a session bound to its handshake is resumed without";
    throw new TlsError("changed-session", message, { alert: "handshake_failure" });
  }
  return new VerifySessionChain(handshake, negotiation, session);
}

/** Asks whether the chain of the session still is valid: it may have expired since, or be trusted no more. */
class VerifySessionChain extends Awaiting<"chain-verified"> {
  readonly name = "the check of the session's certificate";
  readonly #negotiation: Negotiation12;
  readonly #session: Session12;

  constructor(handshake: Handshake, negotiation: Negotiation12, session: Session12) {
    const { servername } = handshake.config;
    const keyUsage = keyUsageOf(negotiation.suite);
    super(
      handshake,
      { do: "verify-chain", chain: session.peerChain, staples: undefined, servername, keyUsage },
      "chain-verified",
    );
    this.#negotiation = negotiation;
    this.#session = session;
  }

  protected resume(answer: Extract<Answer, { on: "chain-verified" }>): State {
    const trust = { certificate: CertificateVerified.from(this.#session.peerChain, answer), resumed: this.#session };
    const master: Master = { kind: "bytes", bytes: this.#session.masterSecret.slice() };
    return new Derivations(this.handshake, this.#negotiation, master).keyBlock((block) => {
      const agreed = { trust, master, block, group: undefined, clientCertificate: "not-requested" } as const;
      return new ExpectServerFinish(this.handshake, this.#negotiation, agreed);
    });
  }

  override failure(cause: unknown): HawserError {
    return certificateFailure(cause);
  }
}
