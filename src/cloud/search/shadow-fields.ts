import type { Json } from "../../codec/index.ts";
import { deltaOf, type ShadowDocument } from "../shadows/index.ts";
import type { Queries } from "../store/index.ts";
import type { IndexingConfiguration } from "./configuration.ts";

/** A thing's shadows by name; the classic one's is empty. */
export type IndexedShadows = ReadonlyMap<string, ShadowDocument>;

type Fields = Map<string, string[]>;

/** Shadows of the things from one name to another, as far as they are indexed, by thing. */
export async function indexedShadows(
  queries: Queries,
  { things, namedShadows, shadowNames }: IndexingConfiguration,
  range: { readonly first: string; readonly last: string },
): Promise<ReadonlyMap<string, IndexedShadows>> {
  const names = [...(things === "REGISTRY_AND_SHADOW" ? [""] : []), ...(namedShadows === "ON" ? shadowNames : [])];
  const found = new Map<string, Map<string, ShadowDocument>>();
  if (names.length === 0) return found;
  const rows = await queries
    .selectFrom("shadows")
    .selectAll()
    .where("thing", ">=", range.first)
    .where("thing", "<=", range.last)
    .where("name", "in", names)
    .where("document", "is not", null)
    .execute();
  for (const { thing, name, document } of rows) {
    const shadows = found.get(thing) ?? new Map<string, ShadowDocument>();
    found.set(thing, shadows.set(name, JSON.parse(document ?? "") as ShadowDocument));
  }
  return found;
}

/** `shadow.reported.a.b`, `shadow.name.NAME.hasDelta` and so on, each with its values. */
export function shadowFields(shadows: IndexedShadows): Fields {
  const fields: Fields = new Map();
  for (const [name, document] of shadows) {
    addLeaves(fields, name === "" ? "shadow" : `shadow.name.${name}`, shown(document));
  }
  return fields;
}

/** What an answer tells of a thing's shadows: one JSON text, the named ones below `name`. */
export function shadowText(shadows: IndexedShadows): string | undefined {
  if (shadows.size === 0) return undefined;
  const classic = shadows.get("");
  const named = [...shadows].filter(([name]) => name !== "").map(([name, document]) => [name, shown(document)]);
  return JSON.stringify({
    ...(classic && shown(classic)),
    ...(named.length > 0 && { name: Object.fromEntries(named) as unknown }),
  });
}

function shown(document: ShadowDocument) {
  const { state, metadata, version } = document;
  const delta = deltaOf(document)?.state;
  return { ...state, ...(delta && { delta }), metadata, hasDelta: delta !== undefined, version };
}

/** A shadow has at most eight levels and 8 kB, so that this ends soon. */
function addLeaves(fields: Fields, path: string, value: Json | Readonly<Record<string, unknown>>): void {
  if (Array.isArray(value)) for (const each of value as readonly Json[]) addLeaves(fields, path, each);
  else if (typeof value === "object" && value !== null) {
    for (const [name, each] of Object.entries(value)) {
      if (each !== undefined) addLeaves(fields, `${path}.${name}`, each as Json);
    }
  } else fields.set(path, [...(fields.get(path) ?? []), String(value)]);
}
