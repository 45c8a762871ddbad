import type { HawserError } from "../../codec/index.ts";
import { chosenProtocol } from "../alpn.ts";
import { certificateFailure } from "../certificate-failure.ts";
import type { Answer } from "../effects.ts";
import { TlsError } from "../errors.ts";
import { decodeExtensions } from "../extensions.ts";
import { signedContent13 } from "../key-schedule13.ts";
import {
  bodyOf,
  certificate13,
  certificateRequest13,
  digitallySigned,
  encryptedExtensions,
  HANDSHAKE_TYPES,
  type HandshakeMessage,
} from "../messages.ts";
import { applyRecordLimits } from "../record-limits.ts";
import { CertificateVerified, type PskAccepted, ServerSignatureVerified } from "../proofs.ts";
import { keyKindOf, schemeFitsKey, schemeName, type SignatureScheme, SIGNATURE_SCHEMES } from "../signature-schemes.ts";
import { Awaiting, type Handshake, State } from "../state.ts";
import { ExpectFinished } from "./finish.ts";
import type { HandshakeSecrets, Negotiation13, Progress13 } from "./negotiation.ts";

/** No chain that a device should follow is longer. */
const MAX_CHAIN = 10;

/** The states of TLS 1.3 after ServerHello drop the change_cipher_spec that pleases middleboxes. RFC 8446, section 5 */
abstract class Protected extends State {
  override onChangeCipherSpec(): State {
    return this;
  }
}

/** RFC 8446, section 4.3.1 */
export class ExpectEncryptedExtensions extends Protected {
  readonly name = "encrypted_extensions";
  readonly #negotiation: Negotiation13;
  readonly #secrets: HandshakeSecrets;

  constructor(handshake: Handshake, negotiation: Negotiation13, secrets: HandshakeSecrets) {
    super(handshake);
    this.#negotiation = negotiation;
    this.#secrets = secrets;
  }

  override onMessage(message: HandshakeMessage): State {
    this.accept(message, "encrypted_extensions");
    const raw = bodyOf(encryptedExtensions, message);
    const extensions = decodeExtensions("encrypted_extensions", raw, this.#negotiation.offered);
    applyRecordLimits(this.handshake.config, this.handshake.wire, "TLSv1.3", extensions);
    const alpn = chosenProtocol(this.handshake.config, extensions.application_layer_protocol_negotiation);
    const progress = { negotiation: this.#negotiation, secrets: this.#secrets, alpn };
    const { psk } = this.#negotiation;
    if (!psk) return new ExpectCertificateOrRequest(this.handshake, progress);
    const session = this.handshake.config.session?.session;
    if (psk.psk.kind === "external" || !session) return new ExpectFinished(this.handshake, progress, { psk });
    return new VerifyResumedChain(this.handshake, progress, { psk, chain: session.peerChain });
  }
}

type Resumed = { readonly psk: PskAccepted; readonly chain: readonly Uint8Array[] };

/** Asks whether the chain of a resumed session still is valid: it may have expired since, or be trusted no more. */
class VerifyResumedChain extends Awaiting<"chain-verified"> {
  readonly name = "the check of the session's certificate";
  readonly #progress: Progress13;
  readonly #resumed: Resumed;

  constructor(handshake: Handshake, progress: Progress13, resumed: Resumed) {
    const { servername } = handshake.config;
    super(
      handshake,
      { do: "verify-chain", chain: resumed.chain, staples: undefined, servername, keyUsage: "digitalSignature" },
      "chain-verified",
    );
    this.#progress = progress;
    this.#resumed = resumed;
  }

  protected resume(answer: Extract<Answer, { on: "chain-verified" }>): State {
    const { psk, chain } = this.#resumed;
    return new ExpectFinished(this.handshake, this.#progress, {
      psk,
      certificate: CertificateVerified.from(chain, answer),
    });
  }

  override failure(cause: unknown): HawserError {
    return certificateFailure(cause);
  }
}

/** RFC 8446, sections 4.3.2 and 4.4.2 */
class ExpectCertificateOrRequest extends Protected {
  readonly name = "certificate or certificate_request";
  readonly #progress: Progress13;

  constructor(handshake: Handshake, progress: Progress13) {
    super(handshake);
    this.#progress = progress;
  }

  override onMessage(message: HandshakeMessage): State {
    if (message.type !== HANDSHAKE_TYPES.certificate_request || this.#progress.request) {
      this.accept(message, "certificate");
      return new VerifyChain(this.handshake, this.#progress, this.#certificatesOf(message));
    }
    this.accept(message, "certificate_request");
    const { context, extensions } = bodyOf(certificateRequest13, message);
    if (context.length > 0) throw new TlsError("bad-certificate-context", "certificate_request with a context");
    const { signature_algorithms, certificate_authorities = [] } = decodeExtensions("certificate_request", extensions);
    if (!signature_algorithms) {
      throw new TlsError("missing-extension", "no signature_algorithms in certificate_request");
    }
    const request = { signatureSchemes: signature_algorithms, certificateAuthorities: certificate_authorities };
    return new ExpectCertificateOrRequest(this.handshake, { ...this.#progress, request });
  }

  #certificatesOf(message: HandshakeMessage): Certificates {
    const { context, entries } = bodyOf(certificate13, message);
    if (context.length > 0) throw new TlsError("bad-certificate-context", "the server's certificate has a context");
    if (entries.length === 0) throw new TlsError("no-server-certificate", "the server's certificate list is empty");
    if (entries.length > MAX_CHAIN) throw new TlsError("chain-too-long", `${entries.length} certificates`);
    const { offered } = this.#progress.negotiation;
    return {
      chain: entries.map(({ certificate }) => certificate),
      staples: entries.map(
        ({ extensions }) => decodeExtensions("certificate", extensions, offered).status_request?.response,
      ),
    };
  }
}

/** What the server sent as its certificates, with the OCSP response about each. RFC 8446, section 4.4.2.1 */
type Certificates = {
  readonly chain: readonly Uint8Array[];
  readonly staples: readonly (Uint8Array | undefined)[];
};

/** Asks whether the server's chain is valid, trusted and for this name. RFC 8446, section 4.4.2.4 */
class VerifyChain extends Awaiting<"chain-verified"> {
  readonly name = "the check of the server's certificate";
  readonly #progress: Progress13;
  readonly #chain: readonly Uint8Array[];

  constructor(handshake: Handshake, progress: Progress13, { chain, staples }: Certificates) {
    const { servername, asksStatus } = handshake.config;
    super(
      handshake,
      {
        do: "verify-chain",
        chain,
        staples: asksStatus ? staples : undefined,
        servername,
        keyUsage: "digitalSignature",
      },
      "chain-verified",
    );
    this.#progress = progress;
    this.#chain = chain;
  }

  protected resume(answer: Extract<Answer, { on: "chain-verified" }>): State {
    const certificate = CertificateVerified.from(this.#chain, answer);
    return new ExpectCertificateVerify(this.handshake, this.#progress, certificate);
  }

  override failure(cause: unknown): HawserError {
    return certificateFailure(cause);
  }
}

/** RFC 8446, section 4.4.3 */
class ExpectCertificateVerify extends Protected {
  readonly name = "certificate_verify";
  readonly #progress: Progress13;
  readonly #certificate: CertificateVerified;

  constructor(handshake: Handshake, progress: Progress13, certificate: CertificateVerified) {
    super(handshake);
    this.#progress = progress;
    this.#certificate = certificate;
  }

  override onMessage(message: HandshakeMessage): State {
    this.expect(message, "certificate_verify");
    const { scheme: code, signature } = bodyOf(digitallySigned, message);
    const scheme = schemeName(code);
    if (scheme === undefined || !this.handshake.config.schemes.includes(scheme)) {
      throw new TlsError("unoffered-scheme", `signature scheme 0x${code.toString(16).padStart(4, "0")}`);
    }
    const key = keyKindOf(this.#certificate.publicKey);
    if (!key || !schemeFitsKey(scheme, key, "TLSv1.3")) {
      throw new TlsError("scheme-not-for-key", `${scheme} with a ${key?.kind ?? "foreign"} key`);
    }
    const next = new VerifySignature(this.handshake, this.#progress, this.#certificate, { scheme, signature });
    this.handshake.transcript.add(message.raw);
    return next;
  }
}

/** Asks whether the server signed this very handshake. RFC 8446, section 4.4.3 */
class VerifySignature extends Awaiting<"verified"> {
  readonly name = "the check of the server's signature";
  readonly #progress: Progress13;
  readonly #certificate: CertificateVerified;

  /** Before the message that carries the signature is part of the transcript. */
  constructor(
    handshake: Handshake,
    progress: Progress13,
    certificate: CertificateVerified,
    { scheme, signature }: { readonly scheme: SignatureScheme; readonly signature: Uint8Array },
  ) {
    const { publicKey } = certificate;
    const { algorithm } = SIGNATURE_SCHEMES[scheme];
    const content = signedContent13("server", handshake.transcript.digest());
    super(handshake, { do: "verify", publicKey, algorithm, content, signature }, "verified");
    this.#progress = progress;
    this.#certificate = certificate;
  }

  protected resume(answer: Extract<Answer, { on: "verified" }>): State {
    const proofs = { certificate: this.#certificate, signature: ServerSignatureVerified.from(answer) };
    return new ExpectFinished(this.handshake, this.#progress, proofs);
  }
}
