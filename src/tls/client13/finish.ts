import { chooseIdentity13, type ChosenIdentity } from "../client-identity.ts";
import type { Answer } from "../effects.ts";
import { signedContent13 } from "../key-schedule13.ts";
import {
  bodyOf,
  certificate13,
  digitallySigned,
  finished,
  handshakeMessage,
  type HandshakeMessage,
} from "../messages.ts";
import { FinishedVerified } from "../proofs.ts";
import { protect13 } from "../protection-elsewhere.ts";
import { SIGNATURE_SCHEMES } from "../signature-schemes.ts";
import { Awaiting, type Handshake, State } from "../state.ts";
import { Connected13 } from "./connected.ts";
import type { Progress13 } from "./negotiation.ts";
import type { Finished13, ServerProofs13 } from "./trust.ts";

/** Waits for the server's Finished, then ends the handshake with our flight. RFC 8446, section 4.4.4 */
export class ExpectFinished extends State {
  readonly name = "finished";
  readonly #progress: Progress13;
  readonly #proofs: ServerProofs13;

  constructor(handshake: Handshake, progress: Progress13, proofs: ServerProofs13) {
    super(handshake);
    this.#progress = progress;
    this.#proofs = proofs;
  }

  override onChangeCipherSpec(): State {
    return this;
  }

  override onMessage(message: HandshakeMessage): State {
    this.expect(message, "finished");
    const { config, wire, transcript } = this.handshake;
    const { negotiation, secrets, request } = this.#progress;
    const { schedule, suite } = negotiation;
    const expected = schedule.verifyData(secrets.traffic.server, transcript.digest());
    const proof = FinishedVerified.check(expected, bodyOf(finished, message));
    transcript.add(message.raw);
    const masterSecret = schedule.masterSecret(secrets.handshakeSecret);
    const application = schedule.trafficSecrets(masterSecret, "ap", transcript.digest());
    const serverKeys = schedule.directionKeys(application.server, suite.aead);
    wire.protectReads(protect13(config, suite.aead, serverKeys));
    secrets.handshakeSecret.fill(0);
    const exporterSecret = schedule.deriveSecret(masterSecret, "exp master", transcript.digest());
    if (config.logsKeys) {
      wire.logKey("CLIENT_TRAFFIC_SECRET_0", negotiation.clientRandom, application.client);
      wire.logKey("SERVER_TRAFFIC_SECRET_0", negotiation.clientRandom, application.server);
      wire.logKey("EXPORTER_SECRET", negotiation.clientRandom, exporterSecret);
    }
    const identity = request && chooseIdentity13(config.identities, request);
    const settled: Finished13 = {
      ...this.#proofs,
      finished: proof,
      masterSecret,
      application,
      exporterSecret,
      clientCertificate: identity ? "sent" : request ? "none-fitting" : "not-requested",
    };
    if (request) this.#sendCertificate(identity);
    if (identity) return new SignTranscript(this.handshake, this.#progress, settled, identity);
    return finishFlight(this.handshake, this.#progress, settled);
  }

  /** RFC 8446, section 4.4.2: a client without a fitting certificate sends an empty list. */
  #sendCertificate(identity: ChosenIdentity | undefined): void {
    const entries = (identity?.identity.chain ?? []).map((certificate) => ({ certificate, extensions: [] }));
    this.send(handshakeMessage("certificate", certificate13, { context: new Uint8Array(0), entries }));
  }
}

/** Asks for the proof that we hold our certificate's key. RFC 8446, section 4.4.3 */
class SignTranscript extends Awaiting<"signed"> {
  readonly name = "our signature";
  readonly #progress: Progress13;
  readonly #settled: Finished13;
  readonly #identity: ChosenIdentity;

  constructor(handshake: Handshake, progress: Progress13, settled: Finished13, identity: ChosenIdentity) {
    const { algorithm } = SIGNATURE_SCHEMES[identity.scheme];
    const content = signedContent13("client", handshake.transcript.digest());
    super(handshake, { do: "sign", identity: identity.index, algorithm, content }, "signed");
    this.#progress = progress;
    this.#settled = settled;
    this.#identity = identity;
  }

  protected resume({ signature }: Extract<Answer, { on: "signed" }>): State {
    const scheme = SIGNATURE_SCHEMES[this.#identity.scheme].code;
    this.send(handshakeMessage("certificate_verify", digitallySigned, { scheme, signature }));
    return finishFlight(this.handshake, this.#progress, this.#settled);
  }
}

/** Our Finished; behind it everything is under the application's keys. RFC 8446, section 4.4.4 */
function finishFlight(handshake: Handshake, progress: Progress13, settled: Finished13): State {
  const { config, wire, transcript } = handshake;
  const { schedule, suite } = progress.negotiation;
  const verifyData = schedule.verifyData(progress.secrets.traffic.client, transcript.digest());
  const message = handshakeMessage("finished", finished, verifyData);
  transcript.add(message.raw);
  wire.sendMessage(message);
  wire.endFlight();
  const clientKeys = schedule.directionKeys(settled.application.client, suite.aead);
  wire.protectWrites(protect13(config, suite.aead, clientKeys));
  const resumptionSecret = schedule.deriveSecret(settled.masterSecret, "res master", transcript.digest());
  settled.masterSecret.fill(0);
  return new Connected13(handshake, progress, settled, resumptionSecret);
}
