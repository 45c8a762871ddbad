import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { HawserError } from "../../codec/index.ts";
import { parseQuery } from "./index.ts";

const METER = new Map([
  ["thingName", ["meter-12"]],
  ["thingTypeName", ["Meter"]],
  ["thingGroupNames", ["north", "floor one"]],
  ["attributes.floor", ["3"]],
  ["attributes.site", ["Hall A"]],
  ["connectivity.connected", ["true"]],
]);

test("a query finds by field, by any field, with wildcards, ranges and logic", () => {
  const cases: readonly [string, boolean][] = [
    ["*", true],
    ["thingName:meter-12", true],
    ["thingName:METER-12", true],
    ["thingName:meter", false],
    ["thingName:meter*", true],
    ["thingName:meter-1?", true],
    ["thingName:meter-?", false],
    ["meter-12", true],
    ["nothing", false],
    ["north", true],
    ["attributes.floor>2", true],
    ["attributes.floor>=3", true],
    ["attributes.floor<3", false],
    ["attributes.floor:<=3", true],
    ["attributes.floor:[1 TO 3]", true],
    ["attributes.floor:[1 TO 3}", false],
    ["attributes.floor:{2 TO *]", true],
    ["attributes.floor=3", true],
    ["attributes.site>1", false],
    ['attributes.site:"Hall A"', true],
    ['"hall a"', true],
    ["thingName:[a TO n]", true],
    ["attributes.none:x", false],
    ["NOT attributes.none:x", true],
    ["thingTypeName:meter AND attributes.floor:4", false],
    ["thingTypeName:meter attributes.floor:3", true],
    ["thingTypeName:x OR attributes.floor:3", true],
    ["(thingTypeName:x OR attributes.floor:3) AND NOT connectivity.connected:false", true],
    ["NOT (thingTypeName:x OR attributes.floor:3)", false],
    ["thingName:meter\\-12", true],
    ["thingTypeName:meter -attributes.floor:4", true],
    ["-thingTypeName:meter", false],
    ["-(thingTypeName:x OR attributes.floor:3)", false],
    ['-"hall b" -nothing', true],
    ["attributes.floor>-1", true],
    ["thingGroupNames:(north OR south)", true],
    ["thingGroupNames:(north AND south)", false],
    ['thingGroupNames:(north AND -south AND "floor one")', true],
    ["attributes.floor:(>=3 AND <4)", true],
    ["attributes.floor:(4 OR (2 OR 3)) thingName:meter*", true],
    ["attributes.site:(meter-12)", false],
  ];
  for (const [query, found] of cases) assert.equal(parseQuery(query)(METER), found, query);
});

test("a query that cannot be read is refused with its place, and none takes long", () => {
  const wrong = [
    "",
    "  ",
    "(a",
    "a)",
    "AND",
    "a AND",
    "field:",
    "a:[1]",
    "a>x",
    '"open',
    "{",
    "NOT",
    `${"(".repeat(40)}a`,
    `${"NOT ".repeat(40)}a`,
    "a ".repeat(13),
    "-",
    "a:(",
    "a:()",
    "a:(b",
    "a>(1)",
    `${"a:(".repeat(40)}b`,
    `${"-".repeat(40)}a`,
  ];
  for (const query of wrong) assert.throws(() => parseQuery(query), { code: "invalid-query" }, query);
  const document = new Map([["a", ["x".repeat(800)]]]);
  assert.equal(parseQuery(`a:${"*x".repeat(400)}y`)(document), false);
  fc.assert(
    fc.property(fc.string({ maxLength: 60 }), (query) => {
      try {
        parseQuery(query)(METER);
      } catch (error) {
        assert.ok(error instanceof HawserError && error.code === "invalid-query");
      }
    }),
    { numRuns: 500 },
  );
});
