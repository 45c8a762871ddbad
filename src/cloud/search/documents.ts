import { groupsOfThing, thingOf, type Registry, type Thing, type ThingGroup } from "../registry/index.ts";
import type { Queries } from "../store/index.ts";
import type { IndexedDocument } from "./query.ts";

/** Whether clients are connected, by client id; a thing's is its name. */
export type Connectivity = {
  /** Since when, in milliseconds since 1970, for each client that is connected now. */
  connected(): ReadonlyMap<string, number>;
};

/** A thing with what the index knows of it. */
export type IndexedThing = {
  readonly thing: Thing;
  readonly groups: readonly string[];
  readonly connectedSince: number | undefined;
  readonly document: IndexedDocument;
};

const SCAN = 1000;

/** All things behind a name, in order of their names, as the index knows them. */
export async function* thingDocuments(
  { store, directory }: Pick<Registry, "store" | "directory">,
  connectivity: Connectivity,
  after = "",
): AsyncGenerator<IndexedThing> {
  const connected = connectivity.connected();
  for (let last = after; ;) {
    const rows = await store.read
      .selectFrom("things")
      .selectAll()
      .where("name", ">", last)
      .orderBy("name")
      .limit(SCAN)
      .execute();
    for (const row of rows) {
      const thing = thingOf(row);
      yield indexed(thing, { groups: directory.groups.groupsOf(thing.name), since: connected.get(thing.name) });
    }
    const name = rows.at(-1)?.name;
    if (name === undefined) return;
    last = name;
  }
}

/** One thing as the index knows it. */
export async function thingDocument(queries: Queries, thing: Thing, connectivity: Connectivity): Promise<IndexedThing> {
  const groups = await groupsOfThing(queries, thing.name);
  return indexed(thing, { groups, since: connectivity.connected().get(thing.name) });
}

/** A group as the index knows it. */
export function groupDocument({ name, body }: ThingGroup, parents: readonly string[]): IndexedDocument {
  return new Map<string, readonly string[]>([
    ["thingGroupName", [name]],
    ["thingGroupId", [body.id]],
    ["thingGroupDescription", body.description === undefined ? [] : [body.description]],
    ["parentGroupNames", parents],
    ["registry.version", [String(body.version)]],
    ...Object.entries(body.attributes).map(([key, value]) => [`attributes.${key}`, [value]] as const),
  ]);
}

function indexed(
  thing: Thing,
  { groups, since }: { readonly groups: readonly string[]; readonly since: number | undefined },
): IndexedThing {
  const document = new Map<string, readonly string[]>([
    ["thingName", [thing.name]],
    ["thingId", [thing.id]],
    ["thingTypeName", thing.type === null ? [] : [thing.type]],
    ["thingGroupNames", thing.billingGroup === null ? groups : [...groups, thing.billingGroup]],
    ["registry.version", [String(thing.version)]],
    ["registry.thingTypeName", thing.type === null ? [] : [thing.type]],
    ["connectivity.connected", [String(since !== undefined)]],
    ["connectivity.timestamp", since === undefined ? [] : [String(since)]],
    ...Object.entries(thing.attributes).map(([key, value]) => [`attributes.${key}`, [value]] as const),
  ]);
  return { thing, groups, connectedSince: since, document };
}
