import type { Json } from "../../codec/index.ts";

export type JsonObject = { readonly [key: string]: Json };

/** The two halves of a shadow: what should be, and what the device says is. A half without members is absent. */
export type ShadowState = { readonly desired?: JsonObject | undefined; readonly reported?: JsonObject | undefined };

/** A shadow. `metadata` mirrors `state` and holds, in place of each leaf, when it was written, in seconds. */
export type ShadowDocument = {
  readonly state: ShadowState;
  readonly metadata: ShadowState;
  readonly version: number;
};

/** What an update asks for: null deletes a member, a half, or with `state` everything. */
export type StateChange = null | {
  readonly desired?: JsonObject | null | undefined;
  readonly reported?: JsonObject | null | undefined;
};

const HALVES = ["desired", "reported"] as const;

/**
 * The shadow after an update, one version on. Objects are merged, null deletes, everything else (lists, too) replaces.
 * AWS IoT Core, "Device Shadow service documents", request state documents
 */
export function applyChange(before: ShadowDocument, change: StateChange, seconds: number): ShadowDocument {
  const version = before.version + 1;
  if (change === null) return { state: {}, metadata: {}, version };
  const state: Record<string, JsonObject> = {};
  const metadata: Record<string, JsonObject> = {};
  for (const half of HALVES) {
    const wanted = change[half];
    if (wanted === null) continue;
    const known = { value: before.state[half] ?? {}, written: before.metadata[half] ?? {} };
    const { value, written } = wanted ? merged(known, wanted, seconds) : known;
    if (Object.keys(value).length === 0) continue;
    state[half] = value;
    metadata[half] = written;
  }
  return { state, metadata, version };
}

/** What is desired and not reported so, with the times when it was desired; undefined where there is no difference. */
export function deltaOf({ state, metadata }: ShadowDocument): { state: JsonObject; metadata: JsonObject } | undefined {
  const { desired = {}, reported = {} } = state;
  const found = difference({ value: desired, written: metadata.desired ?? {} }, reported);
  return Object.keys(found.value).length === 0 ? undefined : { state: found.value, metadata: found.written };
}

/** A value's metadata: the same shape with a time in place of each leaf. Null, which deletes, has one as well. */
export function writtenAt(value: Json, seconds: number): Json {
  if (isList(value)) return value.map((each) => writtenAt(each, seconds));
  if (!isObject(value)) return { timestamp: seconds };
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, writtenAt(each, seconds)]));
}

/** Whether two JSON values are the same; the order of members does not matter. */
export function sameJson(a: Json, b: Json): boolean {
  if (isList(a)) return isList(b) && a.length === b.length && a.every((each, i) => sameJson(each, b[i] ?? null));
  if (!isObject(a)) return a === b;
  if (!isObject(b)) return false;
  const names = Object.keys(a);
  const isSame = (name: string) => Object.hasOwn(b, name) && sameJson(a[name] ?? null, b[name] ?? null);
  return names.length === Object.keys(b).length && names.every(isSame);
}

/** An object's value beside its metadata. */
type Written = { readonly value: JsonObject; readonly written: JsonObject };

function merged(known: Written, change: JsonObject, seconds: number): Written {
  // Built from entries: assigning to a member called __proto__ would change the object instead.
  const value = new Map(Object.entries(known.value));
  const written = new Map(Object.entries(known.written));
  for (const [name, wanted] of Object.entries(change)) {
    if (wanted === null) {
      value.delete(name);
      written.delete(name);
      continue;
    }
    if (!isObject(wanted)) {
      value.set(name, wanted);
      written.set(name, writtenAt(wanted, seconds));
      continue;
    }
    const old = value.get(name);
    const times = written.get(name);
    const base = isObject(old) && isObject(times) ? { value: old, written: times } : { value: {}, written: {} };
    const inner = merged(base, wanted, seconds);
    value.set(name, inner.value);
    written.set(name, inner.written);
  }
  return { value: Object.fromEntries(value), written: Object.fromEntries(written) };
}

function difference({ value, written }: Written, reported: JsonObject): Written {
  const differing: [string, Json][] = [];
  const times: [string, Json][] = [];
  for (const [name, wanted] of Object.entries(value)) {
    const is = Object.hasOwn(reported, name) ? reported[name] : undefined;
    const time = written[name] ?? null;
    if (is !== undefined && sameJson(wanted, is)) continue;
    if (isObject(wanted) && isObject(is) && isObject(time)) {
      const inner = difference({ value: wanted, written: time }, is);
      if (Object.keys(inner.value).length === 0) continue;
      differing.push([name, inner.value]);
      times.push([name, inner.written]);
      continue;
    }
    differing.push([name, wanted]);
    times.push([name, time]);
  }
  return { value: Object.fromEntries(differing), written: Object.fromEntries(times) };
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** Whether a JSON value is an object. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
