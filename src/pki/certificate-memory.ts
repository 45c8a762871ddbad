import { certificateId, certificateWithId, type Certificate } from "./certificate.ts";

/** How many certificates are remembered unless told otherwise: those of devices that come back within seconds. */
const REMEMBERED = 512;

/**
 * Certificates that were parsed lately, by the SHA-256 of their DER; the longest unused go first. It saves reading the
 * same bytes again and says nothing about trust: whatever is judged of a certificate is judged anew each time.
 */
export class CertificateMemory {
  readonly #most: number;
  readonly #known = new Map<string, Certificate>();

  constructor(most: number = REMEMBERED) {
    this.#most = most;
  }

  /** The same as `parseCertificate`, whose errors it throws; what cannot be parsed is not remembered. */
  parse(der: Uint8Array): Certificate {
    const id = certificateId(der);
    const certificate = this.#known.get(id) ?? certificateWithId(der, id);
    this.#known.delete(id);
    this.#known.set(id, certificate);
    if (this.#known.size > this.#most) this.#known.delete(this.#known.keys().next().value ?? "");
    return certificate;
  }

  /** The certificate of this id, lower-case hex SHA-256 of its DER, where it was parsed lately. */
  recall(id: string): Certificate | undefined {
    return this.#known.get(id);
  }
}
