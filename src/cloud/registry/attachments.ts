import { Conflict } from "../../codec/index.ts";
import { invalidRequest, type CloudErrorCode } from "../errors.ts";
import { columns, Statement, type PolicyAttachmentRow, type Queries } from "../store/index.ts";
import { certificateIdOfArn, iotArn, nameOfArn, type Account } from "./account.ts";
import { beyond, pageOf, planPage, type Page, type PageRequest } from "./pages.ts";
import { policyNamed } from "./policies.ts";
import { limitNamed } from "./limits.ts";
import type { Registry } from "./registry.ts";
import { ancestorsOf, thingGroupNamed } from "./thing-groups.ts";
import { certificateExists } from "./thing-principals.ts";

const POLICIES_OF = new Statement<{ target: string }, Pick<PolicyAttachmentRow, "policy">>((queries, of) =>
  queries.selectFrom("policy_attachments").select("policy").where("target", "=", of.target),
);

const INSERT = new Statement<PolicyAttachmentRow>((queries, of) =>
  queries.insertInto("policy_attachments").values(columns(of, ["policy", "target", "attached_at"])),
);

/** What policies are attached to, as the store and the index know it: a certificate's id, or thinggroup/NAME. */
type Target = { readonly key: string; readonly group: string | undefined };

/**
 * Attaches a policy to a certificate or thing group, given by ARN; again is the same. Live sessions hear of it through
 * the directory. Throws `NotFound`, `Conflict` `limit-exceeded`, and `UsageError` `invalid-request` for a dynamic thing
 * group, to which AWS attaches no policies either. AWS IoT API, AttachPolicy
 */
export async function attachPolicy(registry: Registry, policy: string, target: string): Promise<void> {
  const at = targetOf(registry.account, target);
  await registry.store.write(
    (queries) => putAttachment(registry, queries, { policy, key: at.key }),
    () => policyAttached(registry, policy, at.key),
  );
}

/** The same inside a transaction of the caller's, who calls `policyAttached` after it; `key` as the store knows the target. */
export async function putAttachment(
  { clock, limits }: Pick<Registry, "clock" | "limits">,
  queries: Queries,
  { policy, key }: { readonly policy: string; readonly key: string },
): Promise<void> {
  await policyNamed(queries, policy);
  await targetExists(queries, key);
  const attached = await POLICIES_OF.all(queries, { target: key });
  if (attached.some((row) => row.policy === policy)) return;
  if (attached.length >= limits.policiesPerPrincipal) {
    const limit = limitNamed(limits, "policiesPerPrincipal");
    const message = `${key} has ${attached.length} policies attached, the most that it may have (${limit})`;
    throw new Conflict<CloudErrorCode>("limit-exceeded", message);
  }
  await INSERT.change(queries, { policy, target: key, attached_at: Math.floor(clock.now()) });
}

/** Tells the index of an attachment that a transaction made. */
export function policyAttached({ directory, trace }: Registry, policy: string, key: string): void {
  const group = groupOf(key);
  if (group !== undefined) {
    const entry = directory.groups.group(group);
    if (!entry || entry.policies.includes(policy)) return;
    directory.groups.setGroup(group, { ...entry, policies: [...entry.policies, policy] });
    return;
  }
  const entry = directory.certificate(key);
  if (!entry || entry.policies.includes(policy)) return;
  const event = { kind: "onboarding" as const, step: "policy-attached" as const, clientId: "", detail: policy };
  trace.emit("cloud", { ...event, caCertificate: entry.caId ?? "" }, { certificate: key });
  directory.setCertificate(key, { ...entry, policies: [...entry.policies, policy] });
}

/** Detaches a policy from its target; what is not attached stays so. Throws `NotFound` for an unknown policy. */
export async function detachPolicy(registry: Registry, policy: string, target: string): Promise<void> {
  const { key, group } = targetOf(registry.account, target);
  const { store, directory } = registry;
  const without = (policies: readonly string[]) => policies.filter((each) => each !== policy);
  await store.write(
    async (queries) => {
      await policyNamed(queries, policy);
      await queries.deleteFrom("policy_attachments").where("policy", "=", policy).where("target", "=", key).execute();
    },
    () => {
      const ofGroup = group === undefined ? undefined : directory.groups.group(group);
      if (ofGroup?.policies.includes(policy)) {
        directory.groups.setGroup(ofGroup.name, { ...ofGroup, policies: without(ofGroup.policies) });
      }
      const entry = directory.certificate(key);
      if (!entry?.policies.includes(policy)) return;
      directory.setCertificate(key, { ...entry, policies: without(entry.policies) });
    },
  );
}

/**
 * Names of the policies attached to a target, given by ARN, in order of attachment unless `descending`; with `isRecursive`
 * those of a group's parents too. Throws `NotFound`.
 */
export async function listAttachedPolicies(
  { store, account }: Registry,
  target: string,
  { isRecursive = false, ...request }: PageRequest & { readonly isRecursive?: boolean | undefined },
): Promise<Page<string>> {
  const { key, group } = targetOf(account, target);
  await targetExists(store.read, key);
  const above =
    isRecursive && group !== undefined ? await ancestorsOf(store.read, await thingGroupNamed(store.read, group)) : [];
  const keys = [key, ...above.map((name) => `thinggroup/${name}`)];
  const name = `policies of ${key}${above.length > 0 ? " and above" : ""}`;
  const plan = planPage(name, { ...request, ascending: request.ascending ?? true });
  const rows = await store.read
    .selectFrom("policy_attachments")
    .select(["policy", "attached_at"])
    .where("target", "in", keys)
    .where((eb) => beyond(eb, plan, ["attached_at", "policy"]))
    .orderBy("attached_at", plan.direction)
    .orderBy("policy", plan.direction)
    .limit(plan.limit + 1)
    .execute();
  const page = pageOf(name, plan, { rows, keyOf: (row) => ({ number: row.attached_at, text: row.policy }) });
  return { ...page, rows: [...new Set(page.rows.map((row) => row.policy))] };
}

/** ARNs of what a policy is attached to, in order of attachment. Throws `NotFound`. */
export async function listPolicyTargets(
  { store, account }: Registry,
  policy: string,
  request: PageRequest,
): Promise<Page<string>> {
  const name = `targets of ${policy}`;
  const plan = planPage(name, { ...request, ascending: request.ascending ?? true });
  await policyNamed(store.read, policy);
  const rows = await store.read
    .selectFrom("policy_attachments")
    .select(["target", "attached_at"])
    .where("policy", "=", policy)
    .where((eb) => beyond(eb, plan, ["attached_at", "target"]))
    .orderBy("attached_at", plan.direction)
    .orderBy("target", plan.direction)
    .limit(plan.limit + 1)
    .execute();
  const page = pageOf(name, plan, { rows, keyOf: (row) => ({ number: row.attached_at, text: row.target }) });
  return { ...page, rows: page.rows.map((row) => arnOfTarget(account, row.target)) };
}

function targetOf(account: Account, target: string): Target {
  const group = nameOfArn(account, "thinggroup", target);
  if (group !== undefined) return { key: `thinggroup/${group}`, group };
  return { key: certificateIdOfArn(account, target, "target"), group: undefined };
}

function arnOfTarget(account: Account, key: string): string {
  const group = groupOf(key);
  return group === undefined ? iotArn(account, "cert", key) : iotArn(account, "thinggroup", group);
}

function groupOf(key: string): string | undefined {
  return key.startsWith("thinggroup/") ? key.slice("thinggroup/".length) : undefined;
}

async function targetExists(queries: Queries, key: string): Promise<void> {
  const group = groupOf(key);
  if (group === undefined) return certificateExists(queries, key);
  const { body } = await thingGroupNamed(queries, group);
  if (body.query) throw invalidRequest(`${group} is a dynamic thing group, and no policy can be attached to those`);
}
