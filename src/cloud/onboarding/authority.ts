import type { RefusalCause } from "../../trace/index.ts";
import type { Authority, AuthorityAction, Verdict } from "../broker/index.ts";
import {
  BoundPolicies,
  policyContext,
  type ConnectedThing,
  type ConnectionFacts,
  type Unmet,
} from "../policy/index.ts";
import { iotArn, type Account, type CertificateEntry, type PolicyEntry } from "../registry/index.ts";
import type { Withdrawal } from "../revocation/index.ts";
import { POLICY_ACTIONS } from "./actions.ts";
import type { CertificateDirectory, Evidence, FetchThing } from "./ports.ts";

type Rights = {
  readonly certificate: CertificateEntry;
  /** Of the thing groups: their policies are inherited. */
  readonly epoch: number;
  readonly policies: readonly PolicyEntry[];
  readonly bound: BoundPolicies;
  /** What was allowed before: devices use the same few topics again and again. */
  readonly allowed: Map<string, Set<string>>;
};

/** How many resources of an action are remembered as allowed, for each connection. */
const REMEMBERED = 32;
const ALLOWED: Verdict = { allowed: true };

export type AuthorityOptions = {
  readonly principalId: string;
  readonly facts: Omit<ConnectionFacts, "thing">;
  readonly directory: CertificateDirectory;
  readonly account: Account;
  /** Fetches what policies ask of a thing besides its name; without it nothing of that is known. */
  readonly fetchThing?: FetchThing | undefined;
  /** Why the certificate is refused besides its status, asked anew each time. */
  readonly withdrawal?: () => Withdrawal | undefined;
};

/**
 * What one client may do, by the policies of its certificate as they are at this moment: each question first makes sure
 * that the certificate and its policies are still those which the answer would be based on.
 */
export class ConnectionAuthority implements Authority {
  readonly principalId: string;
  readonly clientId: string;
  readonly #facts: Omit<ConnectionFacts, "thing">;
  readonly #directory: CertificateDirectory;
  readonly #account: Account;
  readonly #arn: string;
  readonly #withdrawal: () => Withdrawal | undefined;
  readonly #fetchThing: FetchThing | undefined;
  /** The thing as it was fetched, or as it has changed since. */
  #thing: ConnectedThing | undefined;
  #isFetched = false;
  /** The certificate as it was looked up, and when. */
  #certificate: CertificateEntry | undefined;
  #certificateEpoch = -1;
  #rights: Rights | undefined;

  constructor({ principalId, facts, directory, account, fetchThing, withdrawal = () => undefined }: AuthorityOptions) {
    this.#fetchThing = fetchThing;
    this.principalId = principalId;
    this.clientId = facts.clientId;
    this.#facts = facts;
    this.#directory = directory;
    this.#account = account;
    this.#withdrawal = withdrawal;
    this.#arn = `arn:aws:iot:${account.region}:${account.id}`;
  }

  /** Whether it has to be told when the thing of its client id changes. */
  get watchesThing(): boolean {
    return this.#isFetched;
  }

  /** Fetches the thing where a policy asks for it and nobody has yet; undefined where nothing is to be waited for. */
  ready(): Promise<void> | undefined {
    const certificate = this.#certificateNow();
    if (this.#isFetched || !this.#fetchThing || !certificate?.things.includes(this.clientId)) return undefined;
    if (!this.#policiesOf(certificate).some(({ document }) => document.asksOfThing)) return undefined;
    return this.#fetchThing(this.clientId).then((thing) => this.setThing(thing));
  }

  /** The thing has changed, or is known for the first time. */
  setThing(thing: ConnectedThing | undefined): void {
    this.#isFetched = true;
    this.#thing = thing;
    this.#rights = undefined;
  }

  may(action: AuthorityAction, resource: string): Verdict {
    return this.#ask(action, resource);
  }

  mayConnect(): Verdict {
    const withdrawal = this.#withdrawal();
    if (withdrawal) return this.#refused(withdrawal.cause, withdrawal.evidence);
    return this.#ask("iot:Connect", this.clientId);
  }

  #ask(action: AuthorityAction | "iot:Connect", resource: string): Verdict {
    const certificate = this.#certificateNow();
    if (certificate?.status !== "ACTIVE") return this.#refused(causeOfStatus(certificate?.status), { action });
    const { bound, allowed, policies } = this.#rightsFor(certificate);
    if (allowed.get(action)?.has(resource)) return ALLOWED;
    const { kind, cause, evidence } = POLICY_ACTIONS[action];
    const decision = bound.decide(action, `${this.#arn}:${kind}/${resource}`);
    if (decision.allowed) {
      const known = allowed.get(action);
      if (known && known.size < REMEMBERED) known.add(resource);
      else allowed.set(action, new Set([resource]));
      return ALLOWED;
    }
    const { reason, statement } = decision;
    const unmet = reason === "no-statement" ? bound.unmet(action, `${this.#arn}:${kind}/${resource}`) : undefined;
    return this.#refused(
      reason === "no-policy"
        ? "no-policy"
        : (causeOfUnmet(unmet, { ...this.#facts, isAttached: certificate.things.includes(this.clientId) }) ?? cause),
      {
        action,
        [evidence]: resource,
        reason,
        ...(unmet && { [unmet.what]: unmet.key, policy: unmet.statement.policy, statement: unmet.statement.index }),
        ...(statement && { policy: statement.policy, statement: statement.sid ?? statement.index }),
        ...(policies.length > 0 && { policies: policies.map(({ name }) => name).join(", ") }),
      },
    );
  }

  /** The certificate's entry: looked up again only after some certificate's has changed, and another one only if this has. */
  #certificateNow(): CertificateEntry | undefined {
    const { certificateEpoch } = this.#directory;
    if (this.#certificateEpoch === certificateEpoch) return this.#certificate;
    const now = this.#directory.certificate(this.principalId);
    this.#certificateEpoch = certificateEpoch;
    if (!sameEntry(this.#certificate, now)) this.#certificate = now;
    return this.#certificate;
  }

  /** The policies with this connection's variables filled in: anew when certificate, attachments or a policy changed. */
  #rightsFor(certificate: CertificateEntry): Rights {
    const known = this.#rights;
    const { epoch } = this.#directory.groups;
    if (known?.certificate === certificate && known.epoch === epoch && this.#areInForce(known.policies)) return known;
    const policies = this.#policiesOf(certificate);
    const isAttached = certificate.things.includes(this.clientId);
    const thing = isAttached ? { thing: { ...this.#thing, name: this.clientId } } : {};
    const context = policyContext({ ...this.#facts, ...thing });
    const bound = new BoundPolicies(policies, context);
    return (this.#rights = { certificate, epoch, policies, bound, allowed: new Map() });
  }

  #policiesOf(certificate: CertificateEntry): PolicyEntry[] {
    const names = this.#directory.policyNamesOf(certificate);
    return names.map((name) => this.#directory.policy(name)).filter((policy) => policy !== undefined);
  }

  #areInForce(policies: readonly PolicyEntry[]): boolean {
    for (const policy of policies) if (this.#directory.policy(policy.name) !== policy) return false;
    return true;
  }

  #refused(cause: RefusalCause, evidence: Evidence): Verdict {
    const { region, id: account } = this.#account;
    const certificateArn = iotArn(this.#account, "cert", this.principalId);
    const ids = { certificateId: this.principalId, certificateArn, region, account };
    return { allowed: false, cause, evidence: { ...evidence, ...ids } };
  }
}

/** Whether two entries of one certificate give the same rights. */
function sameEntry(one: CertificateEntry | undefined, other: CertificateEntry | undefined): boolean {
  if (!one || !other) return one === other;
  return one.status === other.status && sameNames(one.policies, other.policies) && sameNames(one.things, other.things);
}

function sameNames(some: readonly string[], others: readonly string[]): boolean {
  return some === others || (some.length === others.length && some.every((name, i) => name === others[i]));
}

/** What to call it when a policy has the connection in mind and does not fit it. */
function causeOfUnmet(
  unmet: Unmet | undefined,
  { domainName, isAttached }: Pick<ConnectionFacts, "domainName"> & { readonly isAttached: boolean },
): RefusalCause | undefined {
  if (!unmet) return undefined;
  if (unmet.key.startsWith("iot:Connection.Thing.") && !isAttached) return "thing-not-attached";
  if (unmet.key === "iot:DomainName" && domainName === undefined) return "server-name-missing";
  return unmet.what === "variable" ? "policy-variable" : "policy-condition";
}

/** Why a certificate with this status gives no rights; a deleted one has none. */
export function causeOfStatus(status: CertificateEntry["status"] | undefined): RefusalCause {
  if (status === "REVOKED") return "certificate-revoked";
  return status === "PENDING_ACTIVATION" ? "certificate-pending" : "certificate-inactive";
}
