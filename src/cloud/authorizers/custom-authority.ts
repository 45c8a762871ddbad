import type { Authority, AuthorityAction, ConnectRequest, Verdict } from "../broker/index.ts";
import { POLICY_ACTIONS } from "../onboarding/index.ts";
import { BoundPolicies, parsePolicyDocument, policyContext, type PolicyContext } from "../policy/index.ts";
import type { Account } from "../registry/index.ts";
import type { Authorization } from "./invoke.ts";

const ALLOWED: Verdict = { allowed: true };

/** What a client may do by the policy documents that an authorizer's function answered. */
export class CustomAuthority implements Authority {
  readonly principalId: string;
  readonly #arn: string;
  readonly #context: PolicyContext;
  readonly #clientId: string;
  #policies: BoundPolicies;

  constructor(
    { region, id }: Account,
    said: Authorization,
    { clientId, peer, cleanStart = true, will }: Pick<ConnectRequest, "clientId" | "peer"> & Partial<ConnectRequest>,
  ) {
    this.principalId = said.principalId;
    this.#arn = `arn:aws:iot:${region}:${id}`;
    this.#clientId = clientId;
    this.#context = policyContext({
      clientId,
      sourceIp: peer.address,
      persistentSession: !cleanStart,
      ...(peer.servername !== undefined && { domainName: peer.servername }),
      ...(will && { lastWillTopic: `arn:aws:iot:${region}:${id}:topic/${will.topic}` }),
    });
    this.#policies = this.#bound(said);
  }

  may(action: AuthorityAction, resource: string): Verdict {
    return this.#ask(action, resource);
  }

  mayConnect(): Verdict {
    return this.#ask("iot:Connect", this.#clientId);
  }

  /** From now on, what the function said at last. */
  replace(said: Authorization): void {
    this.#policies = this.#bound(said);
  }

  #bound({ policyDocuments }: Authorization): BoundPolicies {
    const named = policyDocuments.map((text, i) => {
      return { name: `policyDocuments[${i}]`, document: parsePolicyDocument(text) };
    });
    return new BoundPolicies(named, this.#context);
  }

  #ask(action: AuthorityAction | "iot:Connect", resource: string): Verdict {
    const { kind, cause, evidence } = POLICY_ACTIONS[action];
    const { allowed, reason, statement } = this.#policies.decide(action, `${this.#arn}:${kind}/${resource}`);
    if (allowed) return ALLOWED;
    const deciding = statement && { policy: statement.policy, statement: statement.sid ?? statement.index };
    const about = { action, [evidence]: resource, reason, principalId: this.principalId, ...deciding };
    return { allowed: false, cause, evidence: about };
  }
}
