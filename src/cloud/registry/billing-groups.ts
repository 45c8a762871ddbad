import { Conflict } from "../../codec/index.ts";
import { invalidRequest, type CloudErrorCode } from "../errors.ts";
import type { Queries } from "../store/index.ts";
import { iotArn } from "./account.ts";
import type { Page, PageRequest } from "./pages.ts";
import type { Registry } from "./registry.ts";
import { changedResource, newResource, resourceKind, type Resource } from "./resources.ts";
import { putTags, removeTags, type Tag } from "./tags.ts";
import { uuid } from "./uuid.ts";

/** What a billing group says of itself. */
export type BillingGroupProperties = { readonly billingGroupDescription?: string | undefined };

type Body = { readonly id: string; readonly properties: BillingGroupProperties; readonly version: number };

/** A group of things that are paid for together; a thing is in one at most. */
export type BillingGroup = Resource<Body>;

const GROUPS = resourceKind<Body>("billing-group", "Billing group");

/** Makes a billing group. Throws `Conflict` `resource-exists`. AWS IoT API, CreateBillingGroup */
export async function createBillingGroup(
  registry: Registry,
  name: string,
  {
    properties = {},
    tags,
  }: { readonly properties?: BillingGroupProperties | undefined; readonly tags?: readonly Tag[] | undefined },
): Promise<BillingGroup> {
  const { store, clock, entropy, account } = registry;
  const made = newResource<Body>(name, { id: uuid(entropy), properties, version: 1 }, clock.now());
  const arn = iotArn(account, "billinggroup", name);
  await store.write(async (queries) => {
    await GROUPS.insert(queries, made, arn);
    await putTags(queries, arn, tags);
  });
  return made;
}

/** A billing group. Throws `NotFound`. */
export function describeBillingGroup({ store }: Registry, name: string): Promise<BillingGroup> {
  return GROUPS.named(store.read, name);
}

/** Changes a billing group and gives its new version. Throws `NotFound`, `Conflict` `version-conflict`. */
export async function updateBillingGroup(
  { store, clock }: Registry,
  name: string,
  {
    properties,
    expectedVersion,
  }: { readonly properties: BillingGroupProperties; readonly expectedVersion?: number | undefined },
): Promise<number> {
  return store.write(async (queries) => {
    const known = await GROUPS.named(queries, name);
    checkVersion(known, expectedVersion);
    const version = known.body.version + 1;
    await GROUPS.replace(queries, changedResource(known, { ...known.body, properties, version }, clock.now()));
    return version;
  });
}

/** Deletes a billing group that no thing is in. Throws `NotFound`, `UsageError`, `Conflict` `version-conflict`. */
export async function deleteBillingGroup(
  { store, account }: Registry,
  name: string,
  expectedVersion: number | undefined,
): Promise<void> {
  await store.write(async (queries) => {
    checkVersion(await GROUPS.named(queries, name), expectedVersion);
    const thing = await queries
      .selectFrom("things")
      .select("name")
      .where("billing_group", "=", name)
      .executeTakeFirst();
    if (thing) throw invalidRequest(`Cannot delete billing group ${name}: thing ${thing.name} is in it`);
    await GROUPS.remove(queries, name);
    await removeTags(queries, iotArn(account, "billinggroup", name));
  });
}

/** Billing groups by creation date, newest first; those whose name begins with `prefix`. */
export function listBillingGroups(
  { store }: Registry,
  { prefix = "", ...page }: PageRequest & { readonly prefix?: string | undefined },
): Promise<Page<BillingGroup>> {
  return GROUPS.page(store.read, { ...page, matches: ({ name }) => name.startsWith(prefix) });
}

/** Makes sure that a billing group exists. Throws `NotFound`. */
export async function billingGroupNamed(queries: Queries, name: string): Promise<void> {
  await GROUPS.named(queries, name);
}

function checkVersion({ name, body }: BillingGroup, expected: number | undefined): void {
  if (expected === undefined || expected === body.version) return;
  const message = `The version for billing group ${name} does not match the expected version.`;
  throw new Conflict<CloudErrorCode>("version-conflict", message);
}
