import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import type { Json } from "../../codec/index.ts";
import {
  applyChange,
  deltaOf,
  sameJson,
  writtenAt,
  type JsonObject,
  type ShadowDocument,
  type StateChange,
} from "./document.ts";

const NOTHING: ShadowDocument = { state: {}, metadata: {}, version: 0 };

function apply(...changes: readonly StateChange[]) {
  return changes.reduce((document, change, i) => applyChange(document, change, 100 + i), NOTHING);
}

test("applyChange merges objects, lets null delete and everything else replace, and dates each leaf", () => {
  const document = apply(
    { desired: { a: 1, b: { c: 3, d: [1, 2] } }, reported: { x: true } },
    { desired: { b: { c: null, d: [3], e: {} }, f: { g: null } } },
    { reported: { x: null } },
  );
  assert.deepEqual(document, {
    state: { desired: { a: 1, b: { d: [3], e: {} }, f: {} } },
    metadata: {
      desired: { a: { timestamp: 100 }, b: { d: [{ timestamp: 101 }], e: {} }, f: {} },
    },
    version: 3,
  });
  assert.deepEqual(apply({ desired: { a: 1 }, reported: { b: 2 } }, { desired: null }).state, { reported: { b: 2 } });
  assert.deepEqual(apply({ desired: { a: 1 } }, null), { state: {}, metadata: {}, version: 2 });
});

test("applyChange keeps a member called __proto__ as a member", () => {
  const change = JSON.parse('{"desired":{"__proto__":{"a":1},"constructor":{"prototype":{"b":1}}}}') as StateChange;
  const document = apply(change, change);
  assert.equal(JSON.stringify({ state: document.state }), `{"state":${JSON.stringify(change)}}`);
  assert.equal(({} as Record<string, unknown>)["a"], undefined);
  assert.equal(JSON.stringify(deltaOf(document)?.state), JSON.stringify(change?.desired));
});

/** Each row: what the first update says, the state with delta then, the second update, and the state after it. */
const KNOWN: readonly (readonly [StateChange, object, StateChange, object])[] = [
  [
    { desired: { on: true } },
    { desired: { on: true }, delta: { on: true } },
    { reported: { on: false } },
    {
      desired: { on: true },
      reported: { on: false },
      delta: { on: true },
    },
  ],
  [
    { desired: { on: true } },
    { desired: { on: true }, delta: { on: true } },
    { reported: { other: 1, on: true } },
    {
      desired: { on: true },
      reported: { other: 1, on: true },
    },
  ],
  [{}, {}, { reported: { on: null } }, {}],
  [{ desired: {} }, {}, { reported: { on: false } }, { reported: { on: false } }],
  [
    { reported: { list: [1, 2] } },
    { reported: { list: [1, 2] } },
    { desired: { list: [1] } },
    {
      desired: { list: [1] },
      reported: { list: [1, 2] },
      delta: { list: [1] },
    },
  ],
  [
    { reported: { a: { b1: { c: "d" }, z: 1 } } },
    { reported: { a: { b1: { c: "d" }, z: 1 } } },
    { desired: { a: { b1: { c: "d" }, b2: "sth" } } },
    {
      desired: { a: { b1: { c: "d" }, b2: "sth" } },
      reported: { a: { b1: { c: "d" }, z: 1 } },
      delta: { a: { b2: "sth" } },
    },
  ],
];

test("deltaOf tells what is desired and not reported so, in the cases that were observed on AWS", () => {
  for (const [first, afterFirst, second, afterSecond] of KNOWN) {
    const shown = (...changes: readonly StateChange[]) => {
      const document = apply(...changes);
      const delta = deltaOf(document)?.state;
      return { ...document.state, ...(delta && { delta }) };
    };
    assert.deepEqual(shown(first), afterFirst);
    assert.deepEqual(shown(first, second), afterSecond);
  }
});

const leaf: fc.Arbitrary<Json> = fc.oneof(fc.integer(), fc.string({ maxLength: 4 }), fc.boolean());
const name = fc.oneof(fc.constantFrom("a", "b", "c"), fc.constantFrom("__proto__", "constructor", ""));
const { value, change } = fc.letrec<{ value: Json; change: Json }>((tie) => ({
  value: fc.oneof({ depthSize: "small" }, leaf, fc.array(leaf, { maxLength: 3 }), fc.dictionary(name, tie("value"))),
  change: fc.oneof(
    { depthSize: "small" },
    leaf,
    fc.constant(null),
    fc.array(leaf, { maxLength: 3 }),
    fc.dictionary(name, tie("change")),
  ),
}));
const object = fc.dictionary(name, value) as fc.Arbitrary<JsonObject>;
const changes = fc.array(
  fc.oneof(
    { weight: 9, arbitrary: fc.record({ desired: half(), reported: half() }, { requiredKeys: [] }) },
    { weight: 1, arbitrary: fc.constant(null) },
  ),
  { maxLength: 6 },
);

function half() {
  return fc.option(fc.dictionary(name, change)) as fc.Arbitrary<JsonObject | null>;
}

/** All leaves with their paths: another way to look at a document, in which merging is a matter of prefixes. */
function leaves(at: string, of: Json | undefined): [path: string, leaf: string][] {
  if (typeof of !== "object" || of === null || Array.isArray(of)) return [[at, JSON.stringify(of)]];
  const inner = Object.entries(of);
  return inner.length === 0
    ? [[at, "{}"]]
    : inner.flatMap(([key, each]) => leaves(`${at}/${JSON.stringify(key)}`, each));
}

/** What an update means for one half, written for paths: no recursion in common with the code under test. */
function merge(known: Map<string, string>, at: string, wanted: Json): void {
  const isObject = typeof wanted === "object" && wanted !== null && !Array.isArray(wanted);
  const below = [...known.keys()].filter((path) => path === at || path.startsWith(`${at}/`));
  const isMerged = isObject && below.some((path) => path !== at || known.get(path) === "{}");
  if (!isMerged) for (const path of below) known.delete(path);
  if (wanted === null) return;
  if (!isObject) return void known.set(at, JSON.stringify(wanted));
  for (const [key, each] of Object.entries(wanted)) {
    known.delete(at);
    merge(known, `${at}/${JSON.stringify(key)}`, each);
  }
  // What lost its last member is an empty object still.
  if (![...known.keys()].some((path) => path.startsWith(`${at}/`))) known.set(at, "{}");
}

test("applyChange agrees with a model of paths over any history of updates, and its metadata mirrors its state", () => {
  fc.assert(
    fc.property(changes, (history) => {
      const model = { desired: new Map<string, string>(), reported: new Map<string, string>() };
      let document: ReturnType<typeof apply> = NOTHING;
      for (const [i, each] of history.entries()) {
        document = applyChange(document, each, i);
        for (const half of ["desired", "reported"] as const) {
          const wanted = each === null ? null : each[half];
          if (wanted !== undefined) merge(model[half], "", wanted);
          if (model[half].get("") === "{}") model[half].clear();
          const found = document.state[half];
          assert.deepEqual(new Map(found ? leaves("", found) : []), model[half]);
          const shape = (of: Json | undefined) => leaves("", of).map(([path]) => path.replace(/\/"timestamp"$/, ""));
          assert.deepEqual(shape(withoutLists(document.metadata[half])), shape(found));
        }
        assert.equal(document.version, i + 1);
      }
    }),
    { numRuns: 150 },
  );
});

/** Metadata in which a list's times are one time. */
function withoutLists(of: Json | undefined): Json | undefined {
  if (Array.isArray(of)) return { timestamp: 0 };
  if (typeof of !== "object" || of === null) return of;
  return Object.fromEntries(Object.entries(of).map(([key, each]) => [key, withoutLists(each) ?? null]));
}

test("deltaOf: reporting the delta leaves none, and a shadow that reports what is desired has none", () => {
  fc.assert(
    fc.property(object, object, (desired, reported) => {
      const before = apply({ desired, reported });
      const delta = deltaOf(before)?.state;
      if (!delta) return;
      // What is an object on one side only cannot be merged into: it has to go first.
      const cleared = applyChange(before, { reported: null }, 0);
      assert.equal(deltaOf(applyChange(cleared, { reported: before.state.desired ?? {} }, 1)), undefined);
      for (const [path, text] of leaves("", delta)) {
        assert.ok(leaves("", before.state.desired).some(([known, is]) => known === path && is === text));
      }
    }),
    { numRuns: 150 },
  );
});

test("sameJson is equality of what JSON says", () => {
  fc.assert(
    fc.property(value, value, (a, b) => {
      const sorted = (of: Json): string =>
        leaves("", of)
          .map(([path, text]) => `${path}=${text}`)
          .toSorted((one, other) => (one < other ? -1 : 1))
          .join("\n");
      assert.equal(sameJson(a, b), sorted(a) === sorted(b));
      assert.ok(sameJson(a, JSON.parse(JSON.stringify(a)) as Json));
    }),
    { numRuns: 150 },
  );
});

test("writtenAt puts a time in place of each leaf", () => {
  assert.deepEqual(writtenAt({ a: 1, b: [1, { c: null }], d: {} }, 7), {
    a: { timestamp: 7 },
    b: [{ timestamp: 7 }, { c: { timestamp: 7 } }],
    d: {},
  });
});
