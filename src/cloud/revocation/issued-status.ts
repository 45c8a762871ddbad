import type { Signer } from "../../crypto/index.ts";
import { toHex } from "../../codec/index.ts";
import { issueCertificate, issueCrl, nameFromAttributes, type Issuer, type Revocation } from "../../pki/index.ts";
import { answerOcsp, isIssuedBy, type CertId, type CertificateStatus } from "../../pki/ocsp/index.ts";
import { nextNumber, noteSerials, statusOfSerial, withdrawnSerials, type Registry } from "../registry/index.ts";
import type { Revocations } from "./revocations.ts";

/** For how long an answer, a list, and the delegate's certificate hold. */
const OCSP_VALID_MS = 15 * 60_000;
const CRL_VALID_MS = 24 * 3_600_000;
const DELEGATE_VALID_MS = 7 * 24 * 3_600_000;
const BACKDATED_MS = 3_600_000;

export type IssuedStatusOptions = {
  readonly registry: Registry;
  /** The cloud's own CA for device certificates. */
  readonly issuer: Issuer;
  readonly revocations: Revocations;
  /** Makes a key in memory. */
  readonly newSigner: () => Signer;
};

/**
 * What the cloud says of the certificates that its own CA issued, to those who ask by serial number: OCSP answers and a
 * revocation list. Revoked, deleted and denied ones are withdrawn; INACTIVE is a matter between device and cloud.
 */
export class IssuedStatus {
  readonly #options: IssuedStatusOptions;
  #delegate: Issuer | undefined;
  #crl: { readonly der: Uint8Array; readonly content: string; readonly until: number } | undefined;

  private constructor(options: IssuedStatusOptions) {
    this.#options = options;
  }

  static async open(options: IssuedStatusOptions): Promise<IssuedStatus> {
    const { registry, issuer } = options;
    await noteSerials(registry.store, issuer.certificate, registry.verifier);
    return new IssuedStatus(options);
  }

  /** The certificate of the CA that it speaks for. */
  get certificate() {
    return this.#options.issuer.certificate;
  }

  /** Answers an OCSP request, DER for DER; signed by a delegate whose key is in memory alone. RFC 6960, section 2 */
  async ocsp(request: Uint8Array): Promise<Uint8Array> {
    const { clock } = this.#options.registry;
    return answerOcsp(request, {
      signer: await this.#signer(),
      isDelegate: true,
      statusOf: (id) => this.#statusOf(id),
      now: clock.now(),
      validForMs: OCSP_VALID_MS,
    });
  }

  /** The list as of now, DER; the same one again while nothing changed and half of its time is left. RFC 5280, section 5 */
  async crl(): Promise<Uint8Array> {
    const { registry, issuer } = this.#options;
    const { store, clock, trace } = registry;
    const now = clock.now();
    const revoked = await this.#withdrawn();
    const content = JSON.stringify([...revoked].toSorted(([a], [b]) => (a < b ? -1 : 1)));
    if (this.#crl?.content === content && this.#crl.until > now) return this.#crl.der;
    const number = await store.write((queries) => nextNumber(queries, "crl-number"));
    const nextUpdate = now + CRL_VALID_MS;
    const der = await issueCrl({ issuer, revoked, number, thisUpdate: now, nextUpdate, trace });
    this.#crl = { der, content, until: now + CRL_VALID_MS / 2 };
    return der;
  }

  async #statusOf(id: CertId): Promise<CertificateStatus | undefined> {
    const { registry, issuer, revocations } = this.#options;
    if (!isIssuedBy(id, issuer.certificate)) return undefined;
    const found = await statusOfSerial(registry.store.read, toHex(id.serialNumber));
    if (!found) return { status: "unknown" };
    if ("withdrawn" in found) return { status: "revoked", revocation: found.withdrawn };
    const denial = revocations.denialOf(found.certificateId);
    return denial ? { status: "revoked", revocation: denied(denial.since) } : { status: "good" };
  }

  async #withdrawn(): Promise<ReadonlyMap<string, Revocation>> {
    const { registry, revocations } = this.#options;
    const { read } = registry.store;
    const all = await withdrawnSerials(read, registry.clock.now());
    for (const { certificateId, since } of revocations.denied()) {
      const row = await read
        .selectFrom("certificates")
        .select("serial")
        .where("id", "=", certificateId)
        .executeTakeFirst();
      if (row?.serial && !all.has(row.serial)) all.set(row.serial, denied(since));
    }
    return all;
  }

  /** A new delegate in the second half of the last one's time. */
  async #signer(): Promise<Issuer> {
    const { registry, issuer, newSigner } = this.#options;
    const { clock, entropy, trace } = registry;
    const now = clock.now();
    const known = this.#delegate;
    if (known && now < known.certificate.validity.notAfter - DELEGATE_VALID_MS / 2) return known;
    const signer = newSigner();
    const notBefore = Math.max(now - BACKDATED_MS, issuer.certificate.validity.notBefore);
    const certificate = await issueCertificate({
      profile: "ocspResponder",
      subject: nameFromAttributes([["CN", "Hawser OCSP responder"]]),
      publicKey: signer.publicKey,
      issuer,
      validity: { notBefore, notAfter: now + DELEGATE_VALID_MS },
      entropy,
      trace,
    });
    return (this.#delegate = { certificate, signer });
  }
}

/** What the deny-list means in the words of X.509: nobody says that the key is lost. RFC 5280, section 5.3.1 */
function denied(since: number): Revocation {
  return { time: since, reason: "privilegeWithdrawn" };
}
