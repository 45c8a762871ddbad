import { afterOthers, groupsOfThing, thingOf, type Registry, type Thing, type ThingGroup } from "../registry/index.ts";
import type { IndexingConfiguration } from "./configuration.ts";
import type { IndexedDocument } from "./query.ts";
import { indexedShadows, shadowFields, type IndexedShadows } from "./shadow-fields.ts";

/** Whether clients are connected, by client id; a thing's is its name. */
export type Connectivity = {
  /** Since when, in milliseconds since 1970, for each client that is connected now. */
  connected(): ReadonlyMap<string, number>;
};

/** A thing with what the index knows of it. */
export type IndexedThing = {
  readonly thing: Thing;
  readonly groups: readonly string[];
  /** In milliseconds since 1970; undefined where it is not connected, or where that is not indexed. */
  readonly connectedSince: number | undefined;
  readonly shadows: IndexedShadows;
  readonly document: IndexedDocument;
};

const SCAN = 1000;

/** What the index is made of. */
export type Sources = {
  readonly registry: Pick<Registry, "store" | "directory" | "clock">;
  readonly connectivity: Connectivity;
  readonly configuration: IndexingConfiguration;
};

const NO_SHADOWS: IndexedShadows = new Map();

/** All things behind a name, in order of their names, as the index knows them. */
export async function* thingDocuments(sources: Sources, after = ""): AsyncGenerator<IndexedThing> {
  const { store, directory, clock } = sources.registry;
  const connected = connections(sources);
  for (let last = after; ;) {
    const rows = await store.read
      .selectFrom("things")
      .selectAll()
      .where("name", ">", last)
      .orderBy("name")
      .limit(SCAN)
      .execute();
    const [first, end] = [rows[0]?.name, rows.at(-1)?.name];
    if (first === undefined || end === undefined) return;
    const shadows = await indexedShadows(store.read, sources.configuration, { first, last: end });
    for (const row of rows) {
      const groups = directory.groups.groupsOf(row.name);
      yield indexed(thingOf(row), { groups, connected, shadows: shadows.get(row.name) ?? NO_SHADOWS });
    }
    if (rows.length < SCAN) return;
    await afterOthers(clock);
    last = end;
  }
}

/** One thing as the index knows it. */
export async function thingDocument(sources: Sources, thing: Thing): Promise<IndexedThing> {
  const { store } = sources.registry;
  const groups = await groupsOfThing(store.read, thing.name);
  const range = { first: thing.name, last: thing.name };
  const shadows = await indexedShadows(store.read, sources.configuration, range);
  return indexed(thing, { groups, connected: connections(sources), shadows: shadows.get(thing.name) ?? NO_SHADOWS });
}

/** Undefined where connectivity is not indexed. */
function connections({ connectivity, configuration }: Sources): ReadonlyMap<string, number> | undefined {
  return configuration.connectivity === "STATUS" ? connectivity.connected() : undefined;
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

type Known = {
  readonly groups: readonly string[];
  readonly connected: ReadonlyMap<string, number> | undefined;
  readonly shadows: IndexedShadows;
};

function indexed(thing: Thing, { groups, connected, shadows }: Known): IndexedThing {
  const since = connected?.get(thing.name);
  const document = new Map<string, readonly string[]>([
    ["thingName", [thing.name]],
    ["thingId", [thing.id]],
    ["thingTypeName", thing.type === null ? [] : [thing.type]],
    ["thingGroupNames", thing.billingGroup === null ? groups : [...groups, thing.billingGroup]],
    ["registry.version", [String(thing.version)]],
    ["registry.thingTypeName", thing.type === null ? [] : [thing.type]],
    ["connectivity.connected", connected ? [String(since !== undefined)] : []],
    ["connectivity.timestamp", since === undefined ? [] : [String(since)]],
    ...Object.entries(thing.attributes).map(([key, value]) => [`attributes.${key}`, [value]] as const),
    ...shadowFields(shadows),
  ]);
  return { thing, groups, connectedSince: since, shadows, document };
}
