import type { HawserError } from "../../codec/index.ts";
import type { SignatureCheck } from "../../crypto/index.ts";
import { agreementFailure } from "../agreement-failure.ts";
import { certificateFailure } from "../certificate-failure.ts";
import type { Answer } from "../effects.ts";
import { TlsError } from "../errors.ts";
import { isPublicKeyOf } from "../groups.ts";
import { KeySchedule12 } from "../key-schedule12.ts";
import { bodyOf, certificate12, clientKeyExchangeEcdhe, digitallySigned, type HandshakeMessage } from "../messages.ts";
import { CertificateVerified, ClientSignatureVerified } from "../proofs.ts";
import { keyKindOf, schemeFitsKey, schemeName, SIGNATURE_SCHEMES } from "../signature-schemes.ts";
import { Awaiting, State } from "../state.ts";
import { SUITES_12 } from "../suites.ts";
import { ExpectChangeCipherSpec } from "./finish.ts";
import { type Hellos, randomsOf } from "./hellos.ts";
import type { ServerHandshake } from "./server-config.ts";
import type { ClientTrust } from "./trust.ts";

/** No chain that a server should follow is longer. */
const MAX_CHAIN = 10;

/** The state behind ServerHelloDone. RFC 5246, section 7.3 */
export function afterFlight(handshake: ServerHandshake, hellos: Hellos): State<ServerHandshake> {
  if (handshake.config.clientCertificates === "none") return new ExpectKeyExchange(handshake, hellos, undefined);
  return new ExpectCertificate(handshake, hellos);
}

/** RFC 5246, section 7.4.6 */
class ExpectCertificate extends State<ServerHandshake> {
  readonly name = "certificate";
  readonly #hellos: Hellos;

  constructor(handshake: ServerHandshake, hellos: Hellos) {
    super(handshake);
    this.#hellos = hellos;
  }

  override onMessage(message: HandshakeMessage): State<ServerHandshake> {
    this.accept(message, "certificate");
    const chain = bodyOf(certificate12, message);
    if (chain.length > MAX_CHAIN) throw new TlsError("chain-too-long", `${chain.length} certificates`);
    if (chain.length > 0) return new VerifyClient(this.handshake, this.#hellos, chain);
    if (this.handshake.config.clientCertificates === "required") {
      throw new TlsError("no-client-certificate", "the client's certificate list is empty");
    }
    return new ExpectKeyExchange(this.handshake, this.#hellos, undefined);
  }
}

/** Asks whether the client's chain is valid, trusted and a client's. RFC 5246, section 7.4.6 */
class VerifyClient extends Awaiting<"chain-verified", ServerHandshake> {
  readonly name = "the check of the client's certificate";
  readonly #hellos: Hellos;
  readonly #chain: readonly Uint8Array[];

  constructor(handshake: ServerHandshake, hellos: Hellos, chain: readonly Uint8Array[]) {
    super(handshake, { do: "verify-client", chain }, "chain-verified");
    this.#hellos = hellos;
    this.#chain = chain;
  }

  protected resume(answer: Extract<Answer, { on: "chain-verified" }>): State<ServerHandshake> {
    const certificate = CertificateVerified.from(this.#chain, answer);
    if (!keyKindOf(certificate.publicKey)) {
      throw new TlsError("certificate-not-for-suite", "the client's key is neither EC nor RSA");
    }
    return new ExpectKeyExchange(this.handshake, this.#hellos, certificate);
  }

  override failure(cause: unknown): HawserError {
    return certificateFailure(cause, "client");
  }
}

/** RFC 8422, section 5.7 */
class ExpectKeyExchange extends State<ServerHandshake> {
  readonly name = "client_key_exchange";
  readonly #hellos: Hellos;
  readonly #certificate: CertificateVerified | undefined;

  constructor(handshake: ServerHandshake, hellos: Hellos, certificate: CertificateVerified | undefined) {
    super(handshake);
    this.#hellos = hellos;
    this.#certificate = certificate;
  }

  override onMessage(message: HandshakeMessage): State<ServerHandshake> {
    this.accept(message, "client_key_exchange");
    const peerKey = bodyOf(clientKeyExchangeEcdhe, message);
    const { group } = this.#hellos.exchange;
    if (!isPublicKeyOf(group, peerKey)) {
      throw new TlsError("bad-key-share", `${peerKey.length} bytes are no public key of ${group}`);
    }
    return new Agree(this.handshake, this.#hellos, peerKey, this.#certificate);
  }
}

/** Asks for the shared secret and makes the master secret of it. RFC 8422, section 5.10 */
class Agree extends Awaiting<"agreed", ServerHandshake> {
  readonly name = "the key agreement";
  readonly #hellos: Hellos;
  readonly #certificate: CertificateVerified | undefined;

  constructor(
    handshake: ServerHandshake,
    hellos: Hellos,
    peerKey: Uint8Array,
    certificate: CertificateVerified | undefined,
  ) {
    const { kind, group } = hellos.exchange;
    super(handshake, kind === "ecdh" ? { do: "agree-static", peerKey } : { do: "agree", group, peerKey }, "agreed");
    this.#hellos = hellos;
    this.#certificate = certificate;
  }

  protected resume({ secret }: Extract<Answer, { on: "agreed" }>): State<ServerHandshake> {
    const { config, transcript } = this.handshake;
    const schedule = new KeySchedule12(config.hash, SUITES_12[this.#hellos.suiteName].hash);
    const master = this.#hellos.extendedMasterSecret
      ? schedule.extendedMasterSecret(secret, transcript.digest())
      : schedule.masterSecret(secret, randomsOf(this.#hellos));
    secret.fill(0);
    const certificate = this.#certificate;
    if (certificate) return new ExpectCertificateVerify(this.handshake, this.#hellos, { certificate, master });
    return new ExpectChangeCipherSpec(this.handshake, this.#hellos, { trust: { anonymous: true }, master });
  }

  override failure(cause: unknown): HawserError {
    return agreementFailure(cause, this.#hellos.exchange.group) ?? super.failure(cause);
  }
}

type Unproven = { readonly certificate: CertificateVerified; readonly master: Uint8Array };

/** RFC 5246, section 7.4.8 */
class ExpectCertificateVerify extends State<ServerHandshake> {
  readonly name = "certificate_verify";
  readonly #hellos: Hellos;
  readonly #unproven: Unproven;

  constructor(handshake: ServerHandshake, hellos: Hellos, unproven: Unproven) {
    super(handshake);
    this.#hellos = hellos;
    this.#unproven = unproven;
  }

  override onMessage(message: HandshakeMessage): State<ServerHandshake> {
    this.expect(message, "certificate_verify");
    const { transcript } = this.handshake;
    const { scheme: code, signature } = bodyOf(digitallySigned, message);
    const scheme = schemeName(code);
    const key = keyKindOf(this.#unproven.certificate.publicKey);
    if (!scheme) throw new TlsError("unoffered-scheme", `signature scheme 0x${code.toString(16).padStart(4, "0")}`);
    if (!key || !schemeFitsKey(scheme, key, "TLSv1.2")) {
      throw new TlsError("scheme-not-for-key", `${scheme} with a ${key?.kind ?? "foreign"} key`);
    }
    // The signature covers everything before this message.
    const content = transcript.content();
    transcript.add(message.raw);
    const check = { algorithm: SIGNATURE_SCHEMES[scheme].algorithm, content, signature };
    return new VerifySignature(this.handshake, this.#hellos, this.#unproven, check);
  }
}

/** Asks whether the client holds its certificate's key. RFC 5246, section 7.4.8 */
class VerifySignature extends Awaiting<"verified", ServerHandshake> {
  readonly name = "the check of the client's signature";
  readonly #hellos: Hellos;
  readonly #unproven: Unproven;

  constructor(
    handshake: ServerHandshake,
    hellos: Hellos,
    unproven: Unproven,
    check: Omit<SignatureCheck, "publicKey">,
  ) {
    super(handshake, { do: "verify", publicKey: unproven.certificate.publicKey, ...check }, "verified");
    this.#hellos = hellos;
    this.#unproven = unproven;
  }

  protected resume(answer: Extract<Answer, { on: "verified" }>): State<ServerHandshake> {
    const { certificate, master } = this.#unproven;
    const trust: ClientTrust = { certificate, signature: ClientSignatureVerified.from(answer) };
    return new ExpectChangeCipherSpec(this.handshake, this.#hellos, { trust, master });
  }
}
