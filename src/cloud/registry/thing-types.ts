import { invalidRequest, ResourceExists } from "../errors.ts";
import type { Queries } from "../store/index.ts";
import { iotArn } from "./account.ts";
import { limitNamed, type AccountLimits } from "./limits.ts";
import type { Page, PageRequest } from "./pages.ts";
import type { Registry } from "./registry.ts";
import { changedResource, newResource, resourceKind } from "./resources.ts";
import { putTags, removeTags, type Tag } from "./tags.ts";
import type { ThingType, ThingTypeBody, ThingTypeProperties } from "./thing-records.ts";
import { uuid } from "./uuid.ts";

const TYPES = resourceKind<ThingTypeBody>("thing-type", "Thing type");

const DELETE_AFTER_MS = 5 * 60_000;

/** Makes a thing type; the same again is the same, others throw `Conflict` `resource-exists`. AWS IoT API, CreateThingType */
export async function createThingType(
  registry: Registry,
  name: string,
  {
    properties = {},
    tags,
  }: { readonly properties?: ThingTypeProperties | undefined; readonly tags?: readonly Tag[] | undefined },
): Promise<ThingType> {
  const { store, clock, entropy, account, directory } = registry;
  checkSearchable(registry.limits, properties);
  const arn = iotArn(account, "thingtype", name);
  const { type } = await store.write(
    async (queries) => {
      const known = await TYPES.find(queries, name);
      if (known) {
        if (JSON.stringify(known.body.properties) === JSON.stringify(properties)) return { type: known, isNew: false };
        const message = `Thing type ${name} already exists in account with different properties`;
        throw new ResourceExists(message, { resourceId: known.body.id, resourceArn: arn });
      }
      const made = newResource<ThingTypeBody>(name, { id: uuid(entropy), properties, deprecatedAt: null }, clock.now());
      await TYPES.insert(queries, made, arn);
      await putTags(queries, arn, tags);
      return { type: made, isNew: true };
    },
    (made) => made.isNew && directory.events.tell({ kind: "thing-type", happened: "created", type: made.type }),
  );
  return type;
}

/** A thing type. Throws `NotFound`. */
export function describeThingType({ store }: Registry, name: string): Promise<ThingType> {
  return TYPES.named(store.read, name);
}

/** Changes what a type says. Its description and searchable attributes stay as they were made. AWS IoT API, UpdateThingType */
export async function updateThingType(
  registry: Registry,
  name: string,
  properties: ThingTypeProperties = {},
): Promise<void> {
  await changeType(registry, name, (body) => {
    const { thingTypeDescription, searchableAttributes } = properties;
    const before = body.properties;
    const isChanged =
      (thingTypeDescription !== undefined && thingTypeDescription !== before.thingTypeDescription) ||
      (searchableAttributes !== undefined &&
        JSON.stringify(searchableAttributes) !== JSON.stringify(before.searchableAttributes));
    if (isChanged) throw invalidRequest(`Thing type ${name} keeps its description and its searchable attributes`);
    return { ...body, properties: { ...before, ...properties } };
  });
}

/** Stops, or with `undo` lets again, things get a type. Throws `NotFound`. AWS IoT API, DeprecateThingType */
export async function deprecateThingType(
  registry: Registry,
  name: string,
  { undo = false }: { readonly undo?: boolean | undefined },
): Promise<void> {
  await changeType(registry, name, (body) => {
    return { ...body, deprecatedAt: undo ? null : (body.deprecatedAt ?? Math.floor(registry.clock.now())) };
  });
}

async function changeType(
  { store, clock, directory }: Registry,
  name: string,
  change: (body: ThingTypeBody) => ThingTypeBody,
): Promise<void> {
  await store.write(
    async (queries) => {
      const known = await TYPES.named(queries, name);
      const changed = changedResource(known, change(known.body), clock.now());
      await TYPES.replace(queries, changed);
      return changed;
    },
    (type) => directory.events.tell({ kind: "thing-type", happened: "updated", type }),
  );
}

/** Deletes a type that was deprecated five minutes ago. Throws `NotFound`, `UsageError`. AWS IoT API, DeleteThingType */
export async function deleteThingType(registry: Registry, name: string): Promise<void> {
  const { store, clock, account, directory } = registry;
  await store.write(
    async (queries) => {
      const type = await TYPES.named(queries, name);
      const { deprecatedAt } = type.body;
      const isOld = deprecatedAt !== null && clock.now() >= deprecatedAt + DELETE_AFTER_MS;
      if (!isOld) {
        throw invalidRequest(`Cannot delete thing type ${name}: it must have been deprecated for 5 minutes`);
      }
      await TYPES.remove(queries, name);
      await removeTags(queries, iotArn(account, "thingtype", name));
      return type;
    },
    (type) => directory.events.tell({ kind: "thing-type", happened: "deleted", type }),
  );
}

/** Thing types by creation date, oldest first; only `name` where it is given. */
export function listThingTypes(
  { store }: Registry,
  request: PageRequest & { readonly name?: string | undefined },
): Promise<Page<ThingType>> {
  const { name, ...page } = request;
  return TYPES.page(store.read, {
    ...page,
    ascending: true,
    matches: (type) => name === undefined || type.name === name,
  });
}

/** A thing type, or undefined. */
export function findThingType(queries: Queries, name: string): Promise<ThingType | undefined> {
  return TYPES.find(queries, name);
}

/** Makes sure that things may get this type. Throws `NotFound`, and `UsageError` for a deprecated one. */
export async function thingTypeInUse(queries: Queries, name: string): Promise<void> {
  const { body } = await TYPES.named(queries, name);
  if (body.deprecatedAt !== null) throw invalidRequest(`Can not create new thing with deprecated thing type: ${name}`);
}

function checkSearchable(limits: AccountLimits, { searchableAttributes = [] }: ThingTypeProperties): void {
  if (searchableAttributes.length <= limits.searchableAttributes) return;
  const limit = limitNamed(limits, "searchableAttributes");
  throw invalidRequest(`a thing type has at most ${limits.searchableAttributes} searchable attributes (${limit})`);
}
