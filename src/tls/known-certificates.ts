import { equal } from "../codec/index.ts";
import { parseCertificate, type Certificate } from "../pki/index.ts";

/** How many certificates are remembered: those of a few servers. */
const KEPT = 16;

/** Certificates that servers showed before: whoever comes back to a server is spared reading its chain again. */
export class KnownCertificates {
  #known: Certificate[] = [];

  /** The certificate in some DER, which may change afterwards. Throws what `parseCertificate` throws. */
  read(der: Uint8Array): Certificate {
    const at = this.#known.findIndex((each) => equal(each.der, der));
    const certificate = this.#known[at] ?? parseCertificate(der.slice());
    const others = at < 0 ? this.#known.slice(0, KEPT - 1) : this.#known.toSpliced(at, 1);
    this.#known = [certificate, ...others];
    return certificate;
  }
}
