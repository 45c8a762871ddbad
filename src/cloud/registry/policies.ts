import { Conflict } from "../../codec/index.ts";
import { notFound, ResourceExists, type CloudErrorCode } from "../errors.ts";
import type { PolicyDocument } from "../policy/index.ts";
import { Statement, type PolicyRow, type PolicyVersionRow, type Queries } from "../store/index.ts";
import { iotArn } from "./account.ts";
import { beyond, pageOf, planPage, type Page, type PageRequest } from "./pages.ts";
import type { Registry } from "./registry.ts";
import { newPolicyOf, policyOf } from "./stand-ins.ts";
import { putTags, removeTags, type Tag } from "./tags.ts";
import { uuid } from "./uuid.ts";

const POLICY_NAMED = new Statement<{ name: string }, PolicyRow>((queries, of) =>
  queries.selectFrom("policies").selectAll().where("name", "=", of.name),
);

/** A policy with one of its versions. */
export type PolicyVersion = { readonly policy: PolicyRow; readonly version: PolicyVersionRow };

/** Makes a policy whose version 1 is in force. Throws `MalformedPolicy`, `Conflict` `resource-exists`. AWS IoT API, CreatePolicy */
export async function createPolicy(
  registry: Registry,
  name: string,
  document: string,
  tags: readonly Tag[] = [],
): Promise<PolicyVersion> {
  const compiled = newPolicyOf(registry, document);
  const { store, directory } = registry;
  // Onboarding asks for every device; what is known to be on the disk needs no turn of the writer.
  if (directory.policy(name)) throw policyExists(registry, name);
  return store.write(
    (queries) => insertPolicy(registry, queries, { name, document, tags }),
    () => directory.setPolicy(name, { name, version: 1, document: compiled }),
  );
}

/** The same inside a transaction of the caller's, who checked the document and tells the directory of it. */
export async function insertPolicy(
  registry: Registry,
  queries: Queries,
  { name, document, tags = [] }: { readonly name: string; readonly document: string; readonly tags?: readonly Tag[] },
): Promise<PolicyVersion> {
  const { clock, entropy, account } = registry;
  if (await findPolicy(queries, name)) throw policyExists(registry, name);
  const now = Math.floor(clock.now());
  const policy: PolicyRow = {
    name,
    default_version: 1,
    next_version: 2,
    created_at: now,
    modified_at: now,
    generation_id: uuid(entropy),
  };
  const version: PolicyVersionRow = { policy: name, version: 1, document, created_at: now };
  await queries.insertInto("policies").values(policy).execute();
  await queries.insertInto("policy_versions").values(version).execute();
  await putTags(queries, iotArn(account, "policy", name), tags);
  return { policy, version };
}

function policyExists({ account }: Registry, name: string): ResourceExists {
  const resource = { resourceId: name, resourceArn: iotArn(account, "policy", name) };
  return new ResourceExists(`Policy cannot be created - name already exists (name=${name})`, resource);
}

/** A policy with the version in force, or with the one asked for. Throws `NotFound`. */
export async function describePolicy({ store }: Registry, name: string, version?: number): Promise<PolicyVersion> {
  const policy = await policyNamed(store.read, name);
  return { policy, version: await versionOf(store.read, name, version ?? policy.default_version) };
}

/**
 * Adds a version to a policy; numbers are never given twice. Throws `NotFound`, `MalformedPolicy`, `Conflict`
 * `versions-limit`. AWS IoT API, CreatePolicyVersion
 */
export async function createPolicyVersion(
  registry: Registry,
  name: string,
  { document, setAsDefault = false }: { readonly document: string; readonly setAsDefault?: boolean | undefined },
): Promise<PolicyVersion> {
  const compiled = newPolicyOf(registry, document);
  const { store, clock, directory, limits } = registry;
  return store.write(
    async (queries) => {
      const before = await policyNamed(queries, name);
      const versions = await versionsOf(queries, name);
      if (versions.length >= limits.policyVersions) {
        // AWS's own words: programs that know AWS compare them whole.
        const message = `The policy ${name} already has the maximum number of versions (${limits.policyVersions})`;
        throw new Conflict<CloudErrorCode>("versions-limit", message);
      }
      const number = before.next_version;
      const now = Math.floor(clock.now());
      const version: PolicyVersionRow = { policy: name, version: number, document, created_at: now };
      const default_version = setAsDefault ? number : before.default_version;
      const policy = { ...before, default_version, next_version: number + 1, modified_at: now };
      await queries.insertInto("policy_versions").values(version).execute();
      await queries.updateTable("policies").set(policy).where("name", "=", name).execute();
      return { policy, version };
    },
    ({ version }) => {
      if (setAsDefault) directory.setPolicy(name, { name, version: version.version, document: compiled });
    },
  );
}

/** All versions of a policy, newest first, with the policy. Throws `NotFound`. */
export async function listPolicyVersions(
  { store }: Registry,
  name: string,
): Promise<{ readonly policy: PolicyRow; readonly versions: readonly PolicyVersionRow[] }> {
  const policy = await policyNamed(store.read, name);
  return { policy, versions: await versionsOf(store.read, name) };
}

/** Brings another version into force. Throws `NotFound`. */
export async function setDefaultPolicyVersion(registry: Registry, name: string, version: number): Promise<void> {
  const { store, clock, directory } = registry;
  await store.write(
    async (queries): Promise<PolicyDocument> => {
      await policyNamed(queries, name);
      const { document } = await versionOf(queries, name, version);
      const changes = { default_version: version, modified_at: Math.floor(clock.now()) };
      await queries.updateTable("policies").set(changes).where("name", "=", name).execute();
      return policyOf(registry, document);
    },
    (document) => directory.setPolicy(name, { name, version, document }),
  );
}

/** Deletes a version that is not in force. Throws `NotFound`, `Conflict` `delete-conflict`. */
export async function deletePolicyVersion({ store }: Registry, name: string, version: number): Promise<void> {
  await store.write(async (queries) => {
    const policy = await policyNamed(queries, name);
    await versionOf(queries, name, version);
    if (policy.default_version === version) throw inUse("Cannot delete the default version of a policy");
    await queries.deleteFrom("policy_versions").where("policy", "=", name).where("version", "=", version).execute();
  });
}

/** Deletes a policy that is attached to nothing and has one version. Throws `NotFound`, `Conflict` `delete-conflict`. */
export async function deletePolicy({ store, directory, account }: Registry, name: string): Promise<void> {
  await store.write(
    async (queries) => {
      await policyNamed(queries, name);
      const attached = await queries
        .selectFrom("policy_attachments")
        .select("target")
        .where("policy", "=", name)
        .executeTakeFirst();
      if (attached)
        throw inUse(`The policy cannot be deleted as the policy is attached to one or more principals (name=${name})`);
      const versions = await versionsOf(queries, name);
      if (versions.length > 1) {
        throw inUse(
          `Cannot delete the policy because it has one or more policy versions attached to it (name=${name})`,
        );
      }
      await queries.deleteFrom("policy_versions").where("policy", "=", name).execute();
      await queries.deleteFrom("policies").where("name", "=", name).execute();
      await removeTags(queries, iotArn(account, "policy", name));
    },
    () => directory.setPolicy(name, undefined),
  );
}

/** Policies by creation date, newest first unless `ascending`. */
export async function listPolicies({ store }: Registry, request: PageRequest): Promise<Page<PolicyRow>> {
  const plan = planPage("policies", request);
  const rows = await store.read
    .selectFrom("policies")
    .selectAll()
    .where((eb) => beyond(eb, plan, ["created_at", "name"]))
    .orderBy("created_at", plan.direction)
    .orderBy("name", plan.direction)
    .limit(plan.limit + 1)
    .execute();
  return pageOf("policies", plan, { rows, keyOf: (row) => ({ number: row.created_at, text: row.name }) });
}

/** The policy's row. Throws `NotFound`. */
export async function policyNamed(queries: Queries, name: string): Promise<PolicyRow> {
  const row = await findPolicy(queries, name);
  if (!row) throw notFound(`Policy ${name}`);
  return row;
}

function findPolicy(queries: Queries, name: string): Promise<PolicyRow | undefined> {
  return POLICY_NAMED.first(queries, { name });
}

function versionsOf(queries: Queries, name: string): Promise<PolicyVersionRow[]> {
  return queries
    .selectFrom("policy_versions")
    .selectAll()
    .where("policy", "=", name)
    .orderBy("version", "desc")
    .execute();
}

async function versionOf(queries: Queries, name: string, version: number): Promise<PolicyVersionRow> {
  const row = await queries
    .selectFrom("policy_versions")
    .selectAll()
    .where("policy", "=", name)
    .where("version", "=", version)
    .executeTakeFirst();
  if (!row) throw notFound(`Version ${version} of policy ${name}`);
  return row;
}

function inUse(message: string): Conflict<CloudErrorCode> {
  return new Conflict("delete-conflict", message);
}
