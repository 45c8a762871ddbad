import type { Entropy } from "../../crypto/index.ts";
import type { Certificate } from "../../pki/index.ts";
import {
  Listeners,
  type CaChange,
  type CertificateChange,
  type PolicyChange,
  type RegistryEvent,
  type ThingChange,
} from "./changes.ts";
import { CertificateTable } from "./certificate-table.ts";
import type { CaEntry, CertificateEntry, PolicyEntry } from "./entries.ts";
import { GroupIndex } from "./group-index.ts";

const NONE: readonly never[] = [];

/**
 * The registry in memory: what a connection or a packet asks, answered without touching the disk. It follows the store,
 * commit by commit, and tells listeners of each change after it can be seen here.
 */
export class Directory {
  readonly certificateChanges = new Listeners<CertificateChange>();
  readonly caChanges = new Listeners<CaChange>();
  readonly policyChanges = new Listeners<PolicyChange>();
  /** Of things, their types and groups, which connections do not ask for. */
  readonly events = new Listeners<RegistryEvent>();
  readonly groups = new GroupIndex();
  readonly #certificates: CertificateTable;
  readonly #cas = new Map<string, CaEntry>();
  /** CAs by canonical subject name: a leaf names its issuer so. */
  readonly #casBySubject = new Map<string, readonly CaEntry[]>();
  readonly #policies = new Map<string, PolicyEntry>();
  #things = 0;
  #certificateEpoch = 0;

  constructor(entropy: Entropy) {
    this.#certificates = new CertificateTable(entropy);
  }

  /** Rises with every change of any certificate: an entry is as good as its epoch. */
  get certificateEpoch(): number {
    return this.#certificateEpoch;
  }

  /** A certificate's entry, made anew each time. */
  certificate(id: string): CertificateEntry | undefined {
    return this.#certificates.get(id);
  }

  ca(id: string): CaEntry | undefined {
    return this.#cas.get(id);
  }

  /** CAs whose subject is the certificate's issuer name. Whether one of them signed it is still open. */
  casNamedBy(certificate: Certificate): readonly CaEntry[] {
    return this.#casBySubject.get(certificate.issuer.canonical) ?? NONE;
  }

  casNamed(canonicalSubject: string): readonly CaEntry[] {
    return this.#casBySubject.get(canonicalSubject) ?? NONE;
  }

  policy(name: string): PolicyEntry | undefined {
    return this.#policies.get(name);
  }

  /** Names of the policies of a certificate: its own, and those that its things inherit from their groups. */
  policyNamesOf({ policies, things }: Pick<CertificateEntry, "policies" | "things">): readonly string[] {
    const inherited = things.length === 0 ? NONE : this.groups.policiesOf(things);
    return inherited.length === 0 ? policies : [...new Set([...policies, ...inherited])];
  }

  /** The policies in force that a certificate has, by attachment or inheritance. */
  policiesOf(certificateId: string): readonly PolicyEntry[] {
    const certificate = this.#certificates.get(certificateId);
    const names = certificate ? this.policyNamesOf(certificate) : NONE;
    return names.map((name) => this.#policies.get(name)).filter((each) => each !== undefined);
  }

  get counts(): Readonly<Record<"caCertificates" | "certificates" | "things" | "policies", number>> {
    return {
      caCertificates: this.#cas.size,
      certificates: this.#certificates.size,
      things: this.#things,
      policies: this.#policies.size,
    };
  }

  /** Puts, replaces or (without `after`) removes a certificate. */
  setCertificate(id: string, after: CertificateEntry | undefined): void {
    const before = this.#certificates.get(id);
    this.#certificates.set(id, after);
    this.#certificateEpoch += 1;
    this.certificateChanges.tell({ id, before, after });
  }

  setCa(id: string, after: CaEntry | undefined): void {
    const before = this.#cas.get(id);
    replace(this.#cas, id, after);
    const subject = (after ?? before)?.certificate.subject.canonical ?? "";
    const others = this.casNamed(subject).filter((each) => each.id !== id);
    replace(this.#casBySubject, subject, listOrNothing(after ? [...others, after] : others));
    this.caChanges.tell({ id, before, after });
  }

  setPolicy(name: string, after: PolicyEntry | undefined): void {
    replace(this.#policies, name, after);
    this.policyChanges.tell({ name, after });
  }

  /** Tells of a thing that was made, changed or deleted. */
  setThing(change: ThingChange): void {
    const { before, after } = change;
    this.#things += Number(after !== undefined) - Number(before !== undefined);
    this.events.tell({ kind: "thing", before, after });
    const name = before?.name;
    if (name !== undefined && !after) this.setGroupsOf(name, []);
  }

  /** Puts a thing into the static groups of these names, and into no other. */
  setGroupsOf(thing: string, groups: readonly string[]): void {
    const before = this.groups.groupsOf(thing);
    this.groups.setGroupsOf(thing, groups);
    const added = groups.filter((name) => !before.includes(name));
    const removed = before.filter((name) => !groups.includes(name));
    if (added.length + removed.length > 0) this.events.tell({ kind: "membership", thing, added, removed });
  }

  addThings(count: number): void {
    this.#things += count;
  }
}

function replace<V>(map: Map<string, V>, key: string, value: V | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}

function listOrNothing<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length > 0 ? list : undefined;
}
