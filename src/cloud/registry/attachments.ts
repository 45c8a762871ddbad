import { Conflict } from "../../codec/index.ts";
import { notImplemented, type CloudErrorCode } from "../errors.ts";
import { certificateIdOfArn, type Account } from "./account.ts";
import { beyond, pageOf, planPage, type Page, type PageRequest } from "./pages.ts";
import { policyNamed } from "./policies.ts";
import type { Registry } from "./registry.ts";
import { certificateExists } from "./things.ts";

/** How many policies one certificate may have. AWS IoT Core quotas */
const MAX_POLICIES = 10;

/**
 * Attaches a policy to a certificate, given by ARN; again is the same. Live sessions hear of it through the directory.
 * Throws `NotFound`, `Conflict` `limit-exceeded` or `not-implemented`. AWS IoT API, AttachPolicy
 */
export async function attachPolicy(registry: Registry, policy: string, target: string): Promise<void> {
  const id = targetId(registry.account, target);
  const { store, directory, clock, trace } = registry;
  await store.write(
    async (queries) => {
      await policyNamed(queries, policy);
      await certificateExists(queries, id);
      const attached = await queries
        .selectFrom("policy_attachments")
        .select("policy")
        .where("target", "=", id)
        .execute();
      if (attached.some((row) => row.policy === policy)) return;
      if (attached.length >= MAX_POLICIES) {
        const message = `certificate ${id} has ${MAX_POLICIES} policies attached, the most that it may have`;
        throw new Conflict<CloudErrorCode>("limit-exceeded", message);
      }
      const row = { policy, target: id, attached_at: Math.floor(clock.now()) };
      await queries.insertInto("policy_attachments").values(row).execute();
    },
    () => {
      const entry = directory.certificate(id);
      if (!entry || entry.policies.includes(policy)) return;
      const event = { kind: "onboarding" as const, step: "policy-attached" as const, clientId: "", detail: policy };
      trace.emit("cloud", { ...event, caCertificate: entry.caId ?? "" }, { certificate: id });
      directory.setCertificate(id, { ...entry, policies: [...entry.policies, policy] });
    },
  );
}

/** Detaches a policy from a certificate; what is not attached stays so. Throws `NotFound` for an unknown policy. */
export async function detachPolicy(registry: Registry, policy: string, target: string): Promise<void> {
  const id = targetId(registry.account, target);
  const { store, directory } = registry;
  await store.write(
    async (queries) => {
      await policyNamed(queries, policy);
      await queries.deleteFrom("policy_attachments").where("policy", "=", policy).where("target", "=", id).execute();
    },
    () => {
      const entry = directory.certificate(id);
      if (!entry?.policies.includes(policy)) return;
      directory.setCertificate(id, { ...entry, policies: entry.policies.filter((each) => each !== policy) });
    },
  );
}

/** Names of the policies attached to a certificate, given by ARN, in order of attachment unless `descending`. Throws `NotFound`. */
export async function listAttachedPolicies(
  { store, account }: Registry,
  target: string,
  request: PageRequest,
): Promise<Page<string>> {
  const id = targetId(account, target);
  const name = `policies of ${id}`;
  const plan = planPage(name, { ...request, ascending: request.ascending ?? true });
  await certificateExists(store.read, id);
  const rows = await store.read
    .selectFrom("policy_attachments")
    .select(["policy", "attached_at"])
    .where("target", "=", id)
    .where((eb) => beyond(eb, plan, ["attached_at", "policy"]))
    .orderBy("attached_at", plan.direction)
    .orderBy("policy", plan.direction)
    .limit(plan.limit + 1)
    .execute();
  const page = pageOf(name, plan, { rows, keyOf: (row) => ({ number: row.attached_at, text: row.policy }) });
  return { ...page, rows: page.rows.map((row) => row.policy) };
}

/** Ids of the certificates that a policy is attached to, in order of attachment. Throws `NotFound`. */
export async function listPolicyTargets(
  { store }: Registry,
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
  return { ...page, rows: page.rows.map((row) => row.target) };
}

/** AWS attaches policies to thing groups and Cognito identities too; those are said not to exist here, not mistaken. */
function targetId(account: Account, target: string): string {
  if (/^arn:aws:iot:[^:]*:[^:]*:thinggroup\//.test(target)) throw notImplemented("attaching policies to thing groups");
  return certificateIdOfArn(account, target, "target");
}
