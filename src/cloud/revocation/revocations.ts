import { Denied, fromBase64, HawserError, toBase64, UsageError } from "../../codec/index.ts";
import type { SignatureVerifier } from "../../crypto/index.ts";
import {
  crlFromPem,
  keyIdentifiersAgree,
  parseCrl,
  revocationOf,
  type Certificate,
  type RevocationList,
} from "../../pki/index.ts";
import type { RefusalCause } from "../../trace/index.ts";
import { notFound, type CloudErrorCode } from "../errors.ts";
import {
  changedResource,
  Listeners,
  newResource,
  normalCertificateId,
  resourceKind,
  type CaEntry,
  type Registry,
} from "../registry/index.ts";

type Denial = { readonly reason: string };

/** A certificate that an operator has put on the deny-list; `since` in milliseconds since 1970. */
export type DeniedCertificate = { readonly certificateId: string; readonly reason: string; readonly since: number };

/** A revocation list in force; times in milliseconds since 1970. */
export type UploadedList = {
  readonly caCertificateId: string;
  readonly number?: string;
  readonly thisUpdate: number;
  readonly nextUpdate?: number;
  readonly revoked: number;
};

/** Why a certificate is refused beside its own status. */
export type Withdrawal = {
  readonly cause: Extract<RefusalCause, "certificate-denied" | "certificate-on-crl">;
  readonly evidence: Readonly<Record<string, string>>;
};

const LISTS = resourceKind<{ readonly crl: string }>("crl", "CRL of CA certificate");
const DENIALS = resourceKind<Denial>("denied-certificate", "Denied certificate");

/**
 * What takes a certificate's standing away besides its status in the registry: the lists that registered CAs publish, and
 * the operator's own deny-list, which needs no record of the certificate. Both reach connections that are open.
 */
export class Revocations {
  /** Told after each change that may withdraw somebody. */
  readonly changes = new Listeners<void>();
  readonly #registry: Registry;
  readonly #lists = new Map<string, RevocationList>();
  readonly #denied = new Map<string, DeniedCertificate>();

  private constructor(registry: Registry) {
    this.#registry = registry;
  }

  static async open(registry: Registry): Promise<Revocations> {
    const opened = new Revocations(registry);
    for (const { name, body, createdAt } of await DENIALS.all(registry.store.read)) {
      opened.#denied.set(name, { certificateId: name, reason: body.reason, since: createdAt });
    }
    for (const { name, body } of await LISTS.all(registry.store.read)) {
      const ca = registry.directory.ca(name);
      if (ca) opened.#lists.set(name, await parseCrl(fromBase64(body.crl), ca.certificate, registry.verifier));
    }
    return opened;
  }

  /** Why a certificate is refused, if it is: asked at every connect, from memory. */
  withdrawalOf(certificate: Certificate): Withdrawal | undefined {
    const denied = this.#denied.get(certificate.id);
    if (denied) {
      const since = new Date(denied.since).toISOString();
      return { cause: "certificate-denied", evidence: { reason: denied.reason, since } };
    }
    if (this.#lists.size === 0) return undefined;
    for (const { id, certificate: ca } of this.#registry.directory.casNamedBy(certificate)) {
      const list = keyIdentifiersAgree(certificate, ca) ? this.#lists.get(id) : undefined;
      const revocation = list && saidOf(list, certificate);
      if (!revocation) continue;
      const { reason, time } = revocation;
      const evidence = { caCertificateId: id, reason, revokedAt: new Date(time).toISOString() };
      return { cause: "certificate-on-crl", evidence };
    }
    return undefined;
  }

  /**
   * Puts a registered CA's list in force, DER or PEM. Throws `NotFound`; `Denied` `certificate-validation` for what
   * is not a list that this CA signed; `UsageError` `crl-older` for one that was made before the one in force, and
   * `crl-not-current` for one of the future.
   */
  async putList(caCertificateId: string, bytes: Uint8Array): Promise<UploadedList> {
    const { store, clock, verifier } = this.#registry;
    const ca = this.#ca(caCertificateId);
    const list = await readable(bytes, ca, verifier);
    this.#checkNewer(ca, list);
    const body = { crl: toBase64(list.der) };
    await store.write(
      async (queries) => {
        const known = await LISTS.find(queries, ca.id);
        if (known) await LISTS.replace(queries, changedResource(known, body, clock.now()));
        else await LISTS.insert(queries, newResource(ca.id, body, clock.now()), "");
      },
      () => {
        this.#lists.set(ca.id, list);
        this.changes.tell();
      },
    );
    return uploaded(ca.id, list);
  }

  /** The lists in force. */
  lists(): readonly UploadedList[] {
    return [...this.#lists].map(([id, list]) => uploaded(id, list));
  }

  /** A CA's list in force as it was signed, DER. */
  listDer(caCertificateId: string): Uint8Array | undefined {
    return this.#lists.get(caCertificateId)?.der;
  }

  /** The deny-list's word on a certificate. */
  denialOf(certificateId: string): DeniedCertificate | undefined {
    return this.#denied.get(certificateId);
  }

  /** Takes a CA's list out of force. Throws `NotFound`. */
  async deleteList(caCertificateId: string): Promise<void> {
    const id = normalCertificateId(caCertificateId);
    await this.#registry.store.write(
      async (queries) => {
        if (!(await LISTS.remove(queries, id))) throw notFound(`CRL of CA certificate ${id}`);
      },
      () => void this.#lists.delete(id),
    );
  }

  /** Refuses a certificate from now on, whether it is registered or not; a second reason replaces the first. */
  async deny(id: string, reason: string): Promise<DeniedCertificate> {
    const certificateId = normalCertificateId(id);
    const { store, clock } = this.#registry;
    const known = this.#denied.get(certificateId);
    const denied = { certificateId, reason, since: known?.since ?? Math.floor(clock.now()) };
    await store.write(
      async (queries) => {
        const resource = await DENIALS.find(queries, certificateId);
        if (resource) await DENIALS.replace(queries, changedResource(resource, { reason }, clock.now()));
        else await DENIALS.insert(queries, newResource(certificateId, { reason }, clock.now()), "");
      },
      () => {
        this.#denied.set(certificateId, denied);
        this.changes.tell();
      },
    );
    return denied;
  }

  /** Takes a certificate off the deny-list. Throws `NotFound`. */
  async allow(id: string): Promise<void> {
    const certificateId = normalCertificateId(id);
    await this.#registry.store.write(
      async (queries) => {
        if (!(await DENIALS.remove(queries, certificateId))) throw notFound(`Denied certificate ${certificateId}`);
      },
      () => void this.#denied.delete(certificateId),
    );
  }

  /** The deny-list, in order of the ids. */
  denied(): readonly DeniedCertificate[] {
    return [...this.#denied.values()].sort((a, b) => (a.certificateId < b.certificateId ? -1 : 1));
  }

  #ca(id: string): CaEntry {
    const ca = this.#registry.directory.ca(normalCertificateId(id));
    if (!ca) throw notFound(`CA certificate ${id.slice(0, 128)}`);
    return ca;
  }

  /** Nobody may bring revoked devices back with an old list. RFC 5280, section 5.2.3 */
  #checkNewer(ca: CaEntry, list: RevocationList): void {
    const now = this.#registry.clock.now();
    const at = (time: number) => new Date(time).toISOString();
    if (list.thisUpdate > now) {
      const message = `the list's thisUpdate is ${at(list.thisUpdate)}, it is now ${at(now)}`;
      throw new UsageError<CloudErrorCode>("crl-not-current", message);
    }
    if (list.nextUpdate !== undefined && list.nextUpdate < now) {
      const message = `the list's nextUpdate was ${at(list.nextUpdate)}, it is now ${at(now)}`;
      throw new UsageError<CloudErrorCode>("crl-not-current", message);
    }
    const inForce = this.#lists.get(ca.id);
    if (!inForce) return;
    const numbers = [list.number, inForce.number].map((each) => (each === undefined ? undefined : BigInt(`0x${each}`)));
    const [mine, theirs] = numbers;
    const isOlder = mine !== undefined && theirs !== undefined ? mine < theirs : list.thisUpdate < inForce.thisUpdate;
    if (!isOlder) return;
    const message = `list ${list.number ?? at(list.thisUpdate)} is older than ${inForce.number ?? at(inForce.thisUpdate)}, which is in force`;
    throw new UsageError<CloudErrorCode>("crl-older", message);
  }
}

async function readable(bytes: Uint8Array, ca: CaEntry, verifier: SignatureVerifier): Promise<RevocationList> {
  try {
    const der = bytes[0] === 0x30 ? bytes : crlFromPem(new TextDecoder().decode(bytes));
    return await parseCrl(der.slice(), ca.certificate, verifier);
  } catch (cause) {
    if (!(cause instanceof HawserError)) throw cause;
    throw new Denied<CloudErrorCode>("certificate-validation", `the CRL is not accepted: ${cause.message}`, { cause });
  }
}

/** What a list says; nothing where it is about others, such as the CA's own CA certificates only. */
function saidOf(list: RevocationList, certificate: Certificate) {
  try {
    return revocationOf(list, certificate);
  } catch (error) {
    if (error instanceof HawserError) return undefined;
    throw error;
  }
}

function uploaded(caCertificateId: string, { number, thisUpdate, nextUpdate, revoked }: RevocationList): UploadedList {
  return {
    caCertificateId,
    ...(number !== undefined && { number }),
    thisUpdate,
    ...(nextUpdate !== undefined && { nextUpdate }),
    revoked: revoked.size,
  };
}
