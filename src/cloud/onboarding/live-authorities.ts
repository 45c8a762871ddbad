import type { Clock } from "../../crypto/index.ts";
import type { RefusalCause, Trace } from "../../trace/index.ts";
import type { Verdict } from "../broker/index.ts";
import { causeOfStatus, type ConnectionAuthority } from "./authority.ts";
import type { CertificateChange, ThingChange } from "../registry/index.ts";
import type { BrokerAccess, CertificateDirectory, Evidence, SessionOwner, WithdrawalSource } from "./ports.ts";

export type LiveOptions = {
  readonly directory: CertificateDirectory;
  readonly broker: BrokerAccess;
  readonly clock: Clock;
  readonly trace: Trace;
  readonly revocations?: WithdrawalSource | undefined;
};

/** An authority that was given out, and when: the broker knows of its session a moment later only. */
type Entry = { readonly authority: ConnectionAuthority; readonly since: number };

/** How long a session may take to appear in the broker before its authority counts as one of the past. */
const GRACE_MS = 60_000;

/** A session that the broker was just making while it had to be closed is closed by then. */
const LATE_MS = 1000;

/** Sweeping waits for at least this many entries. */
const MIN_SWEEP = 1024;

/**
 * The authorities of admitted clients, and what becomes of their sessions when the registry changes.
 *
 * The broker does not say when a session ends; entries of the past are swept out whenever their number has doubled.
 */
export class LiveAuthorities {
  readonly #options: LiveOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #ends: Set<() => void>;
  /** By client id: those who are to hear of changes of the thing of that name. */
  readonly #watching = new Map<string, ConnectionAuthority>();
  #sweepAt = MIN_SWEEP;

  constructor(options: LiveOptions) {
    this.#options = options;
    const { directory, revocations } = options;
    this.#ends = new Set([
      directory.certificateChanges.add((change) => this.#certificateChanged(change)),
      directory.policyChanges.add(({ name }) => this.#recheck((id) => this.#uses(id, name))),
      directory.groups.changes.add(() => this.#recheck((id) => this.#inherits(id))),
      directory.events.add((event) => event.kind === "thing" && this.#thingChanged(event)),
    ]);
    if (revocations) this.#ends.add(revocations.changes.add(() => this.#recheck(() => true)));
  }

  /** Notes an admission; true where the last that was noted of this certificate and client id was none. */
  add(authority: ConnectionAuthority): boolean {
    const key = keyOf(authority);
    const isNew = !this.#entries.has(key);
    this.#entries.set(key, { authority, since: this.#options.clock.now() });
    if (authority.watchesThing) this.#watching.set(authority.clientId, authority);
    if (this.#entries.size >= this.#sweepAt) this.#sweep();
    return isNew;
  }

  forget(principalId: string, clientId: string): void {
    this.#entries.delete(keyOf({ principalId, clientId }));
    if (this.#watching.get(clientId)?.principalId === principalId) this.#watching.delete(clientId);
  }

  close(): void {
    for (const end of this.#ends) end();
  }

  #certificateChanged({ id, before, after }: CertificateChange): void {
    // Nobody was let in before it was ACTIVE, so nobody is connected.
    if (before?.status !== "ACTIVE") return;
    if (after?.status === "ACTIVE") {
      this.#recheck((principalId) => principalId === id);
      return;
    }
    const evidence = { certificateId: id, status: after?.status ?? "deleted" };
    this.#close((owner) => owner.principalId === id, causeOfStatus(after?.status), evidence);
  }

  #thingChanged({ before, after }: ThingChange): void {
    const authority = this.#watching.get((after ?? before)?.name ?? "");
    if (!authority) return;
    authority.setThing(after);
    this.#thingKnown(authority);
  }

  /** What a thing is has been found out, or has changed, while its device is connected. */
  #thingKnown(authority: ConnectionAuthority): void {
    this.#watching.set(authority.clientId, authority);
    const verdict = authority.mayConnect();
    const key = keyOf(authority);
    if (!verdict.allowed) this.#close((owner) => keyOf(owner) === key, verdict.cause, verdict.evidence);
  }

  /** Closes the sessions of some certificates that may not connect any more. */
  #recheck(concerns: (principalId: string) => boolean): void {
    const denied = new Map<string, Extract<Verdict, { allowed: false }>>();
    for (const [key, { authority }] of this.#entries) {
      if (!concerns(authority.principalId)) continue;
      const unready = authority.ready();
      if (unready) void unready.then(() => this.#thingKnown(authority));
      const verdict = unready ? undefined : authority.mayConnect();
      if (verdict?.allowed === false) denied.set(key, verdict);
    }
    for (const [key, { cause, evidence }] of denied) this.#close((owner) => keyOf(owner) === key, cause, evidence);
  }

  #close(matches: (owner: SessionOwner) => boolean, cause: RefusalCause, evidence: Evidence): void {
    this.#closeNow(matches, cause, evidence);
    const { clock } = this.#options;
    const recent = clock.now() - LATE_MS;
    const isComing = [...this.#entries.values()].some(({ authority, since }) => since >= recent && matches(authority));
    if (!isComing) return;
    const cancel = clock.after(LATE_MS, () => {
      this.#ends.delete(cancel);
      this.#closeLate(matches);
    });
    this.#ends.add(cancel);
  }

  /** Unless the change was taken back meanwhile. */
  #closeLate(matches: (owner: SessionOwner) => boolean): void {
    const authorities = Array.from(this.#entries.values(), ({ authority }) => authority);
    for (const authority of authorities) {
      const verdict = matches(authority) ? authority.mayConnect() : undefined;
      if (verdict?.allowed === false)
        this.#closeNow((owner) => keyOf(owner) === keyOf(authority), verdict.cause, verdict.evidence);
    }
  }

  #closeNow(matches: (owner: SessionOwner) => boolean, cause: RefusalCause, evidence: Evidence): void {
    const closed: SessionOwner[] = [];
    const isClosed = (owner: SessionOwner) => {
      const isMatch = matches(owner);
      if (isMatch) closed.push({ clientId: owner.clientId, principalId: owner.principalId });
      return isMatch;
    };
    this.#options.broker.closeSessions(isClosed, { cause, evidence });
    for (const { clientId, principalId } of closed) {
      this.forget(principalId, clientId);
      const caCertificate = this.#options.directory.certificate(principalId)?.caId ?? "";
      const event = { kind: "onboarding" as const, step: "session-closed" as const, clientId, caCertificate };
      this.#options.trace.emit("cloud", { ...event, detail: cause }, { device: clientId, certificate: principalId });
    }
  }

  #uses(principalId: string, policy: string): boolean {
    const { directory } = this.#options;
    const certificate = directory.certificate(principalId);
    return certificate !== undefined && directory.policyNamesOf(certificate).includes(policy);
  }

  #inherits(principalId: string): boolean {
    return (this.#options.directory.certificate(principalId)?.things.length ?? 0) > 0;
  }

  #sweep(): void {
    const { clock, broker } = this.#options;
    const live = new Set(Array.from(broker.liveSessions(), keyOf));
    const past = clock.now() - GRACE_MS;
    for (const [key, { since, authority }] of this.#entries) {
      if (since < past && !live.has(key)) this.forget(authority.principalId, authority.clientId);
    }
    this.#sweepAt = Math.max(MIN_SWEEP, this.#entries.size * 2);
  }
}

function keyOf({ principalId, clientId }: SessionOwner): string {
  return `${principalId} ${clientId}`;
}
