import { type HawserError, UsageError } from "../../codec/index.ts";
import type { SentHello } from "../client-hello.ts";
import type { Answer } from "../effects.ts";
import { TlsError } from "../errors.ts";
import { decodeExtensions } from "../extensions.ts";
import { groupName, isPublicKeyOf } from "../groups.ts";
import { KeySchedule13 } from "../key-schedule13.ts";
import type { HandshakeMessage, ServerHello } from "../messages.ts";
import { PskAccepted } from "../proofs.ts";
import { protect13 } from "../protection-elsewhere.ts";
import { Awaiting, type Handshake, type State } from "../state.ts";
import { SUITES_13 } from "../suites.ts";
import type { Negotiation13 } from "./negotiation.ts";
import { ExpectEncryptedExtensions } from "./server-flight.ts";
import { offeredSuite13 } from "./retry.ts";

type Received = {
  readonly message: HandshakeMessage;
  readonly hello: ServerHello;
  /** Whether this is the server's answer to our first hello. */
  readonly isFirst: boolean;
};

/** Checks a ServerHello and asks for the shared secret. RFC 8446, section 4.1.3 */
export function beginAgreement(handshake: Handshake, sent: SentHello, { message, hello, isFirst }: Received): State {
  const { config, wire, transcript } = handshake;
  const name = offeredSuite13(config, hello.cipherSuite);
  const suite = SUITES_13[name];
  const extensions = decodeExtensions("server_hello_13", hello.extensions, sent.offered);
  const share = extensions.key_share;
  if (!share) throw new TlsError("missing-extension", "no key_share in server_hello");
  const group = groupName(share.group);
  if (group === undefined || group !== sent.share?.group) {
    const code = isFirst ? "unoffered-group" : "changed-after-retry";
    throw new TlsError(code, `a share of group 0x${share.group.toString(16).padStart(4, "0")}`);
  }
  if (!isPublicKeyOf(group, share.keyExchange)) {
    throw new TlsError("bad-key-share", `${share.keyExchange.length} bytes are no public key of ${group}`);
  }
  wire.agreeVersion("TLSv1.3");
  transcript.add(message.raw);
  transcript.useHash(suite.hash);
  transcript.forgetMessages();
  // RFC 8446, appendix D.4: once in a connection, before our first protected record.
  if (isFirst && sent.sessionId.length > 0) wire.sendChangeCipherSpec();
  const schedule = new KeySchedule13(config.hash, suite.hash);
  const selected = extensions.pre_shared_key;
  const psk = selected === undefined ? undefined : PskAccepted.check(sent.psks, selected, suite.hash);
  const negotiation = {
    suiteName: name,
    suite,
    schedule,
    group,
    offered: sent.offered,
    clientRandom: sent.random,
    psk,
  };
  return new AgreeSecret(handshake, negotiation, share.keyExchange);
}

/** Asks for the shared secret; from here on everything is protected. RFC 8446, section 7.1 */
class AgreeSecret extends Awaiting<"agreed"> {
  readonly name = "the key agreement";
  readonly #negotiation: Negotiation13;

  constructor(handshake: Handshake, negotiation: Negotiation13, peerKey: Uint8Array) {
    super(handshake, { do: "agree", group: negotiation.group, peerKey }, "agreed");
    this.#negotiation = negotiation;
  }

  protected resume({ secret }: Extract<Answer, { on: "agreed" }>): State {
    const { config, wire, transcript } = this.handshake;
    const { schedule, suite, psk } = this.#negotiation;
    const early = psk?.psk.early;
    const handshakeSecret = early
      ? schedule.handshakeSecretOf(early.derivedSecret, secret)
      : schedule.handshakeSecret(schedule.earlySecret(psk?.psk.key), secret);
    secret.fill(0);
    const traffic = schedule.trafficSecrets(handshakeSecret, "hs", transcript.digest());
    const under = (each: Uint8Array) => protect13(config, suite.aead, schedule.directionKeys(each, suite.aead));
    // Ours first, so that even an alert about theirs goes out protected.
    wire.protectWrites(under(traffic.client));
    wire.protectReads(under(traffic.server));
    if (config.logsKeys) {
      const { clientRandom } = this.#negotiation;
      wire.logKey("CLIENT_HANDSHAKE_TRAFFIC_SECRET", clientRandom, traffic.client);
      wire.logKey("SERVER_HANDSHAKE_TRAFFIC_SECRET", clientRandom, traffic.server);
    }
    return new ExpectEncryptedExtensions(this.handshake, this.#negotiation, { handshakeSecret, traffic });
  }

  override failure(cause: unknown): HawserError {
    if (cause instanceof UsageError && cause.code === "bad-peer-key") {
      return new TlsError("bad-key-share", `${this.#negotiation.group}: ${cause.message}`, { cause });
    }
    return super.failure(cause);
  }
}
