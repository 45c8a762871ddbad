import { Conflict } from "../../codec/index.ts";
import { invalidRequest, notFound, type CloudErrorCode } from "../errors.ts";
import type { Queries } from "../store/index.ts";
import { iotArn, nameOfArn, type IotResource } from "./account.ts";
import type { Registry } from "./registry.ts";

/** A word of an operator's own on a resource. */
export type Tag = { readonly Key: string; readonly Value?: string };

/** How many tags one resource may have. AWS, "Tagging your AWS IoT resources" */
const MAX_TAGS = 50;

/** Kinds of resource that can carry tags, with their table or their word among the named resources. */
const TAGGED = {
  cacert: "ca_certificates",
  policy: "policies",
  rule: "topic_rules",
  thingtype: "thing-type",
  thinggroup: "thing-group",
  billinggroup: "billing-group",
  provisioningtemplate: "provisioning-template",
  authorizer: "authorizer",
  rolealias: "role-alias",
  domainconfiguration: "domain-configuration",
  certificateprovider: "certificate-provider",
  job: "jobs",
  jobtemplate: "job-template",
} as const satisfies Partial<Record<IotResource, string>>;

/** Sets tags of a resource. Throws `NotFound`, `Conflict` `limit-exceeded`. AWS IoT API, TagResource */
export async function tagResource(registry: Registry, arn: string, tags: readonly Tag[]): Promise<void> {
  await registry.store.write(async (queries) => {
    await checkTagged(registry, queries, arn);
    await putTags(queries, arn, tags);
  });
}

/** Removes tags; those that are not there stay so. Throws `NotFound`. AWS IoT API, UntagResource */
export async function untagResource(registry: Registry, arn: string, keys: readonly string[]): Promise<void> {
  await registry.store.write(async (queries) => {
    await checkTagged(registry, queries, arn);
    for (const key of keys) await queries.deleteFrom("tags").where("arn", "=", arn).where("key", "=", key).execute();
  });
}

/** A resource's tags by key. Throws `NotFound`. */
export async function tagsOf(registry: Registry, arn: string): Promise<Tag[]> {
  const { read } = registry.store;
  await checkTagged(registry, read, arn);
  const rows = await read.selectFrom("tags").selectAll().where("arn", "=", arn).orderBy("key").execute();
  return rows.map(({ key, value }) => ({ Key: key, Value: value }));
}

/** Sets tags inside a transaction of the caller's. Throws `Conflict` `limit-exceeded`, `UsageError` `invalid-request`. */
export async function putTags(queries: Queries, arn: string, tags: readonly Tag[] = []): Promise<void> {
  if (tags.length === 0) return;
  checkTags(tags);
  for (const { Key: key, Value: value = "" } of tags) {
    await queries
      .insertInto("tags")
      .values({ arn, key, value })
      .onConflict((conflict) => conflict.columns(["arn", "key"]).doUpdateSet({ value }))
      .execute();
  }
  const all = await queries.selectFrom("tags").select("key").where("arn", "=", arn).execute();
  if (all.length > MAX_TAGS) throw tooMany(all.length);
}

/** Checks tags of what is to be made. Throws as `putTags`. */
export function checkTags(tags: readonly Tag[]): void {
  const reserved = tags.find(({ Key }) => Key.toLowerCase().startsWith("aws:"));
  if (reserved) throw invalidRequest(`tag key ${JSON.stringify(reserved.Key)} begins with aws:, which is reserved`);
  const { size } = new Set(tags.map(({ Key }) => Key));
  if (size > MAX_TAGS) throw tooMany(size);
}

function tooMany(count: number): Conflict<CloudErrorCode> {
  return new Conflict("limit-exceeded", `a resource has at most ${MAX_TAGS} tags, this would make ${count}`);
}

/** Forgets the tags of a resource that is deleted. */
export async function removeTags(queries: Queries, arn: string): Promise<void> {
  await queries.deleteFrom("tags").where("arn", "=", arn).execute();
}

async function checkTagged({ account }: Registry, queries: Queries, arn: string): Promise<void> {
  for (const [kind, where] of Object.entries(TAGGED)) {
    const name = nameOfArn(account, kind as IotResource, arn);
    if (name === undefined) continue;
    if (await exists(queries, where, name)) return;
    throw notFound(`Resource ${arn.slice(0, 200)}`);
  }
  const kinds = Object.keys(TAGGED).map((kind) => `${kind}/`);
  const start = iotArn(account, "policy", "").slice(0, -"policy/".length);
  throw invalidRequest(`resourceArn must begin with ${start} and go on with one of ${kinds.join(", ")}`);
}

async function exists(queries: Queries, where: (typeof TAGGED)[keyof typeof TAGGED], name: string): Promise<boolean> {
  if (where === "ca_certificates" || where === "jobs") {
    return (await queries.selectFrom(where).select("id").where("id", "=", name).executeTakeFirst()) !== undefined;
  }
  if (where === "policies" || where === "topic_rules") {
    return (await queries.selectFrom(where).select("name").where("name", "=", name).executeTakeFirst()) !== undefined;
  }
  // The name may be followed by an id that the ARN carries: arn:…:domainconfiguration/NAME/ID
  const row = await queries
    .selectFrom("resources")
    .select("name")
    .where("kind", "=", where)
    .where("name", "=", name.split("/")[0] ?? "")
    .executeTakeFirst();
  return row !== undefined;
}
