import { newResource, resourceKind, type Registry } from "../registry/index.ts";

/** A field that the user declared, with its type. AWS IoT API, Field */
export type DeclaredField = { readonly name: string; readonly type: "Number" | "String" | "Boolean" };

/** What is in the index. */
export type IndexingConfiguration = {
  readonly things: "OFF" | "REGISTRY" | "REGISTRY_AND_SHADOW";
  readonly connectivity: "OFF" | "STATUS";
  readonly namedShadows: "OFF" | "ON";
  /** The named shadows that are indexed. */
  readonly shadowNames: readonly string[];
  readonly groups: "OFF" | "ON";
  readonly thingFields: readonly DeclaredField[];
  readonly groupFields: readonly DeclaredField[];
};

const CONFIGURATION = resourceKind<Partial<IndexingConfiguration>>("indexing-configuration", "Indexing configuration");
const BY_DEFAULT: IndexingConfiguration = {
  things: "REGISTRY",
  connectivity: "STATUS",
  namedShadows: "OFF",
  shadowNames: [],
  groups: "ON",
  thingFields: [],
  groupFields: [],
};
const ONLY = "default";

/** What is in the index now. */
export async function indexingConfiguration({ store }: Pick<Registry, "store">): Promise<IndexingConfiguration> {
  return { ...BY_DEFAULT, ...(await CONFIGURATION.find(store.read, ONLY))?.body };
}

/** Replaces the named parts of what is in the index. */
export async function configureIndex(registry: Registry, change: Partial<IndexingConfiguration>): Promise<void> {
  await registry.store.write(async (queries) => {
    const body = { ...BY_DEFAULT, ...(await CONFIGURATION.find(queries, ONLY))?.body, ...change };
    await CONFIGURATION.remove(queries, ONLY);
    await CONFIGURATION.insert(queries, newResource(ONLY, body, registry.clock.now()), "");
  });
}
