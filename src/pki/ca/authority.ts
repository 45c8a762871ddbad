import { NotFound, toHex, UsageError } from "../../codec/index.ts";
import type { Clock, Entropy, SignatureVerifier, Signer } from "../../crypto/index.ts";
import { silentTrace, type Trace } from "../../trace/index.ts";
import {
  issueCertificate,
  issueCrl,
  issueRootCertificate,
  parseCrl,
  parseCsr,
  signedBy,
  type Certificate,
  type DistinguishedName,
  type Issuer,
  type ProfileName,
  type RequestedNames,
  type Revocation,
  type RevocationReason,
  type Validity,
} from "../index.ts";
import { answerOcsp, isIssuedBy, type CertId, type CertificateStatus } from "../ocsp/index.ts";
import type { CaErrorCode } from "./errors.ts";
import { checkLabel, issuerExists, issuerUnknown, type CaStore, type KeyPlace, type StoredIssuer } from "./store.ts";

export type AuthorityPorts = {
  readonly store: CaStore;
  /** The signer of an issuer's key, wherever it is. */
  readonly signerOf: (issuer: StoredIssuer) => Promise<Signer>;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly verifier: SignatureVerifier;
  readonly trace?: Trace;
};

/** A new issuer: its key has been made already, and `key` says where it stays. */
export type NewIssuer = {
  readonly label: string;
  readonly subject: DistinguishedName;
  readonly validity: Validity;
  readonly signer: Signer;
  readonly key: KeyPlace;
};

/** What shall be certified: a request, whose subject and possession are taken from it, or a bare public key. */
export type Applicant =
  | { readonly csr: Uint8Array; readonly subject?: DistinguishedName }
  | { readonly publicKey: Uint8Array; readonly subject: DistinguishedName };

/** A certificate that was issued; `revocation` where it was taken back. */
export type IssuedCertificate = { readonly certificate: Certificate; readonly revocation: Revocation | undefined };

/** One issuer's list, and the number that it has. */
export type PublishedCrl = { readonly der: Uint8Array; readonly number: number };

/** A certification authority: roots, intermediates under them, and what they issued and revoked. */
export class CertificateAuthority {
  readonly #ports: AuthorityPorts;

  constructor(ports: AuthorityPorts) {
    this.#ports = ports;
  }

  async issuers(): Promise<readonly StoredIssuer[]> {
    return this.#ports.store.issuers();
  }

  /** Throws `NotFound` `issuer-unknown`. */
  async issuer(label: string): Promise<StoredIssuer> {
    const found = (await this.issuers()).find((each) => each.label === label);
    if (!found) throw issuerUnknown(label);
    return found;
  }

  /** What an issuer has issued, with what became of it, oldest notBefore first. */
  async issued(label: string): Promise<readonly IssuedCertificate[]> {
    const { store } = this.#ports;
    const revocations = await store.revocations(label);
    const certificates = [...(await store.issued(label))];
    return certificates
      .sort((a, b) => a.validity.notBefore - b.validity.notBefore || (a.id < b.id ? -1 : 1))
      .map((certificate) => ({ certificate, revocation: revocations.get(certificate.serialNumber) }));
  }

  /** Makes a self-signed root. Throws `Conflict` `issuer-exists`. */
  async createRoot(order: NewIssuer): Promise<StoredIssuer> {
    await this.#requireFree(order.label);
    const { entropy, trace } = this.#common();
    const { subject, validity, signer, label, key } = order;
    const certificate = await issueRootCertificate({ subject, validity, signer, entropy, trace });
    await this.#requireSigned(certificate, certificate);
    const stored = { label, certificate, parent: undefined, key };
    await this.#ports.store.addIssuer(stored);
    return stored;
  }

  /** Makes a CA under another one. Throws `Conflict` `issuer-exists`, and as `issue` does. */
  async createIntermediate(order: NewIssuer & { readonly parent: string }): Promise<StoredIssuer> {
    await this.#requireFree(order.label);
    const { subject, validity, signer, label, key, parent } = order;
    const applicant = { publicKey: signer.publicKey, subject };
    const certificate = await this.issue({ issuer: parent, profile: "intermediateCa", applicant, validity });
    const stored = { label, certificate, parent, key };
    await this.#ports.store.addIssuer(stored);
    return stored;
  }

  /**
   * Issues a certificate and records it before it leaves. Throws `LintRefused`, `CertificateError` `request-signature`,
   * `Conflict` `serial-exists`, `UsageError` `issuer-expired` or `faulty-signer`.
   */
  async issue(order: {
    readonly issuer: string;
    readonly profile: ProfileName;
    readonly applicant: Applicant;
    readonly validity: Validity;
    readonly names?: RequestedNames;
  }): Promise<Certificate> {
    const { profile, applicant, validity, names = {} } = order;
    const issuer = await this.#open(order.issuer);
    const { publicKey, subject } = await this.#identity(applicant);
    const { entropy, trace } = this.#common();
    const certificate = await issueCertificate({
      profile,
      subject,
      publicKey,
      issuer,
      validity,
      names,
      entropy,
      trace,
    });
    await this.#requireSigned(certificate, issuer.certificate);
    await this.#ports.store.addIssued(order.issuer, certificate);
    return certificate;
  }

  /** Revokes a certificate by its serial number. Throws `NotFound` `certificate-unknown`, `Conflict` `already-revoked`. */
  async revoke(label: string, serialNumber: string, reason: RevocationReason): Promise<Certificate> {
    const certificate = await this.#ports.store.findIssued(label, serialNumber);
    if (!certificate) {
      throw new NotFound<CaErrorCode>("certificate-unknown", `${label} has not issued ${JSON.stringify(serialNumber)}`);
    }
    const time = Math.floor(this.#ports.clock.now() / 1000) * 1000;
    await this.#ports.store.addRevocation(label, serialNumber, { time, reason });
    return certificate;
  }

  /** The issuer's revocation list as of now, under a new number. */
  async crl(label: string, validForMs: number): Promise<PublishedCrl> {
    const issuer = await this.#open(label);
    const { store, clock, verifier } = this.#ports;
    const revoked = await store.revocations(label);
    const number = await store.nextCrlNumber(label);
    const thisUpdate = clock.now();
    const { trace } = this.#common();
    const nextUpdate = thisUpdate + validForMs;
    const der = await issueCrl({ issuer, revoked, number, thisUpdate, nextUpdate, trace });
    await parseCrl(der, issuer.certificate, verifier).catch((cause: unknown) => {
      throw faultySigner(issuer.certificate.subject.text, cause);
    });
    return { der, number };
  }

  /**
   * What answers OCSP requests about an issuer's certificates, signing with the issuer's own key: DER in, DER out. What
   * is revoked while it lives is known to it at once. RFC 6960, section 2
   */
  async ocspResponder(label: string, validForMs: number): Promise<(request: Uint8Array) => Promise<Uint8Array>> {
    const signer = await this.#open(label);
    const { store, clock } = this.#ports;
    const statusOf = async (id: CertId): Promise<CertificateStatus | undefined> => {
      if (!isIssuedBy(id, signer.certificate)) return undefined;
      const serial = toHex(id.serialNumber);
      if (!(await store.findIssued(label, serial))) return { status: "unknown" };
      const revocation = (await store.revocations(label)).get(serial);
      return revocation ? { status: "revoked", revocation } : { status: "good" };
    };
    return (request) => answerOcsp(request, { signer, isDelegate: false, statusOf, now: clock.now(), validForMs });
  }

  /** The certificates from an issuer up to its root: what a server or device sends behind its own. */
  async chain(label: string): Promise<readonly Certificate[]> {
    const issuers = new Map((await this.issuers()).map((each) => [each.label, each]));
    const chain: Certificate[] = [];
    for (let at: string | undefined = label; at !== undefined;) {
      const issuer: StoredIssuer | undefined = issuers.get(at);
      if (!issuer) throw issuerUnknown(at);
      issuers.delete(at);
      chain.push(issuer.certificate);
      at = issuer.parent;
    }
    return chain;
  }

  /** Asked before anything is signed; the store asks again. */
  async #requireFree(label: string): Promise<void> {
    checkLabel(label);
    if ((await this.issuers()).some((each) => each.label === label)) throw issuerExists(label);
  }

  #common(): { readonly entropy: Entropy; readonly trace: Trace } {
    const { entropy, trace = silentTrace } = this.#ports;
    return { entropy, trace };
  }

  async #open(label: string): Promise<Issuer> {
    const issuer = await this.issuer(label);
    const { notBefore, notAfter } = issuer.certificate.validity;
    const now = this.#ports.clock.now();
    if (now < notBefore || now > notAfter) {
      const from = new Date(notBefore).toISOString();
      const until = new Date(notAfter).toISOString();
      throw new UsageError<CaErrorCode>("issuer-expired", `${label} is valid from ${from} until ${until}`);
    }
    return { certificate: issuer.certificate, signer: await this.#ports.signerOf(issuer) };
  }

  async #identity(applicant: Applicant): Promise<{ publicKey: Uint8Array; subject: DistinguishedName }> {
    if ("publicKey" in applicant) return applicant;
    const request = await parseCsr(applicant.csr, this.#ports.verifier);
    return { publicKey: request.publicKey.der, subject: applicant.subject ?? request.subject };
  }

  /** A key in hardware can be made to sign wrongly, and a wrong ECDSA signature can give the key away. */
  async #requireSigned(certificate: Certificate, issuer: Certificate): Promise<void> {
    if (!(await signedBy(certificate, issuer, this.#ports.verifier))) throw faultySigner(issuer.subject.text);
  }
}

function faultySigner(subject: string, cause?: unknown): UsageError<CaErrorCode> {
  return new UsageError<CaErrorCode>("faulty-signer", `the key of ${subject} gave a wrong signature`, { cause });
}
