import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { HawserError } from "../../codec/index.ts";
import { readInput, readJsonInput } from "./input.ts";
import type { Operation } from "./operation.ts";
import { OPERATIONS } from "./operations.ts";
import { blob, boolean, integer, list, map, oneOf, record, string, unavailable, type Shape } from "./shape.ts";

const invalid = (message: string | RegExp) => ({ name: "UsageError", code: "invalid-request", message });

/** What a value that has another form is told, in AWS's words. */
const PATTERN = "at 'x' failed to satisfy constraint: Member must satisfy regular expression pattern: ";

test("string holds to its lengths and its pattern, of the whole text", () => {
  const shape = string({ min: 2, max: 3, pattern: /[a-z]+|A/ });
  assert.equal(shape.fromJson("ab", "x"), "ab");
  for (const [value, message] of [
    ["a", "x must have at least 2 characters, not 1"],
    ["abcd", "x must have at most 3 characters, not 4"],
    ["ab1", `Value "ab1" ${PATTERN}[a-z]+|A`],
    ["AA", `Value "AA" ${PATTERN}[a-z]+|A`],
    ["ab\n", `Value "ab\\n" ${PATTERN}[a-z]+|A`],
    [7, "x must be a string, not 7"],
    [["ab"], "x must be a string, not a list"],
    [{}, "x must be a string, not an object"],
  ] as const) {
    assert.throws(() => shape.fromJson(value, "x"), invalid(message));
  }
  const long = "z".repeat(10_000);
  assert.throws(
    () => string({ pattern: /a/ }).fromText(long, "x"),
    (error: Error) => error.message.length < 200,
  );
});

test("oneOf names the legal words, and takes no other spelling", () => {
  const shape = oneOf("ENABLE", "DISABLE");
  assert.equal(shape.fromText("ENABLE", "newAutoRegistrationStatus"), "ENABLE");
  for (const word of ["ENABLED", "enable", " ENABLE", ""]) {
    assert.throws(
      () => shape.fromText(word, "newAutoRegistrationStatus"),
      invalid(`newAutoRegistrationStatus must be ENABLE or DISABLE, not ${JSON.stringify(word)}`),
    );
  }
});

test("integer takes whole numbers within its bounds, in JSON and in decimal digits", () => {
  const shape = integer({ min: 1, max: 250 });
  assert.deepEqual([shape.fromJson(1, "n"), shape.fromText("250", "n")], [1, 250]);
  for (const text of ["0", "251", "1.5", "1e2", "0x10", "", " 1", "99999999999999999999", "-"]) {
    assert.throws(() => shape.fromText(text, "n"), invalid(/^n must be/));
  }
  for (const value of [1.5, Number.NaN, "1", true, null])
    assert.throws(() => shape.fromJson(value, "n"), invalid(/^n must/));
});

test("boolean is true or false and nothing like it", () => {
  assert.deepEqual([boolean.fromText("true", "b"), boolean.fromText("false", "b")], [true, false]);
  for (const text of ["True", "1", "yes", ""])
    assert.throws(() => boolean.fromText(text, "b"), invalid(/true or false/));
  assert.throws(() => boolean.fromJson("true", "b"), invalid('b must be a boolean, not "true"'));
});

test("blob is base64 and says where it is not", () => {
  assert.deepEqual(blob.fromJson("AQI=", "z"), Uint8Array.of(1, 2));
  assert.throws(() => blob.fromJson("AQI", "z"), invalid(/^z must be base64: base64 is not padded/));
  assert.throws(() => blob.fromJson([1, 2], "z"), invalid(/must be a string/));
});

test("list, map and record name the place of what is wrong inside them", () => {
  const shape = record({
    a: list(integer({ max: 9 }), { min: 1, max: 2 }),
    m: map(string({ pattern: /k\d/ }), string()),
  });
  const good = { a: [1, 2], m: { k1: "v" } };
  assert.deepEqual(shape.fromJson({ ...good, m: { k1: "v" }, a: [1, 2] }, "p"), good);
  assert.deepEqual(shape.fromJson({ a: null }, "p"), {});
  for (const [value, message] of [
    [{ a: [1, 10] }, "p.a[1] must be at most 9, not 10"],
    [{ a: [] }, "p.a must have at least 1 elements, not 0"],
    [{ a: { 0: 1 } }, "p.a must be a list, not an object"],
    [
      { m: { x: "v" } },
      `Value "x" at 'a key of p.m' failed to satisfy constraint: Member must satisfy regular expression pattern: k\\d`,
    ],
    [{ m: { k1: 7 } }, "p.m.k1 must be a string, not 7"],
    [{ b: 1 }, 'p has no member "b"; it has a, m'],
    [JSON.parse('{"__proto__":{}}'), 'p has no member "__proto__"; it has a, m'],
    ["text", 'p must be an object, not "text"'],
    [[], "p must be an object, not a list"],
  ] as const) {
    assert.throws(() => shape.fromJson(value, "p"), invalid(message));
  }
});

test("unavailable refuses any value, by name: not-implemented", () => {
  for (const read of [() => unavailable.fromJson({}, "tags"), () => unavailable.fromText("a=b", "tags")]) {
    assert.throws(read, {
      name: "Conflict",
      code: "not-implemented",
      message: "tags is not available in this version",
    });
  }
});

test("every shape gives back from JSON what it wrote to JSON", () => {
  const roundTrip = <T>(shape: Shape<T>, values: fc.Arbitrary<T>) =>
    fc.assert(
      fc.property(values, (value) => {
        assert.deepEqual(shape.fromJson(JSON.parse(JSON.stringify(shape.toJson(value))), "x"), value);
      }),
      { numRuns: 50 },
    );
  roundTrip(string(), fc.string());
  roundTrip(integer(), fc.maxSafeInteger());
  roundTrip(boolean, fc.boolean());
  roundTrip(blob, fc.uint8Array());
  roundTrip(list(string()), fc.array(fc.string()));
  roundTrip(map(string(), blob), fc.dictionary(fc.string(), fc.uint8Array(), { noNullPrototype: true }));
  roundTrip(
    record({ a: integer(), b: list(boolean) }),
    fc.record({ a: fc.integer(), b: fc.array(fc.boolean()) }, { noNullPrototype: true }),
  );
});

const request = (body: string | Uint8Array, query = "") => ({
  method: "POST",
  path: "/",
  query,
  headers: [],
  labels: {},
  body: typeof body === "string" ? new TextEncoder().encode(body) : body,
});

const REGISTER = OPERATIONS.RegisterCACertificate;

test("readInput refuses what it does not know, by name, with what it knows", () => {
  const body = '{"caCertificate":"x"}';
  assert.deepEqual(readInput(REGISTER, request(body, "setAsActive=true&x-id=Register")), {
    caCertificate: "x",
    setAsActive: true,
  });
  const cases: [string, string, string | RegExp][] = [
    [
      '{"caCertifcate":"x"}',
      "",
      /^unknown body member "caCertifcate"; known here: caCertificate, verificationCertificate/,
    ],
    [body, "setasactive=true", /^unknown query member "setasactive"; known here: setAsActive, allowAutoRegistration$/],
    [body, "setAsActive=true&setAsActive=false", "query member setAsActive is given twice"],
    [body, "setAsActive=%ff", '"%ff" is not percent-encoded UTF-8'],
    ["{}", "", "caCertificate is required"],
    ['{"caCertificate":null}', "", "caCertificate is required"],
    ["", "", "caCertificate is required"],
    ["[]", "", "the body must be a JSON object"],
    ['{"caCertificate":"x"', "", /^the body is not JSON: /],
    ['{"__proto__":{"caCertificate":"x"}}', "", /^unknown body member "__proto__"/],
  ];
  for (const [text, query, message] of cases) {
    assert.throws(() => readInput(REGISTER, request(text, query)), invalid(message));
  }
  assert.throws(() => readInput(REGISTER, request(Uint8Array.of(0xff, 0xfe))), invalid("the body is not UTF-8"));
});

test("readInput counts the depth of a body before anything recurses over it", () => {
  const rule = OPERATIONS.CreateTopicRule;
  const labels = { ruleName: "r" };
  const read = (text: string) => readInput(rule, { ...request(text), labels });
  assert.deepEqual(read(`{"a":"[[[[\\"[["}`), { ruleName: "r", topicRulePayload: { a: '[[[["[[' } });
  const deep = "[".repeat(100_000);
  assert.throws(() => read(deep), invalid("the body nests deeper than 64 levels"));
  assert.throws(() => read(`{"a":"${"\\".repeat(8)}",${'"b":{'.repeat(70)}`), invalid(/nests deeper/));
  assert.ok(read(`${"[".repeat(64)}${"]".repeat(64)}`));
});

test("readJsonInput reads an operation's members from JSON, wherever they travel on the wire", () => {
  const attach = OPERATIONS.AttachThingPrincipal;
  assert.deepEqual(readJsonInput(attach, { thingName: "t", principal: "arn", thingPrincipalType: null }), {
    thingName: "t",
    principal: "arn",
  });
  assert.throws(() => readJsonInput(attach, { thingName: "t" }), invalid("principal is required"));
  assert.throws(
    () => readJsonInput(attach, { thingName: "t", principal: "a", x: 1 }),
    invalid(/^unknown input member "x"/),
  );
  assert.throws(() => readJsonInput(attach, "t"), invalid("the input must be a JSON object"));
});

test("readInput answers any input of any operation with a value or a typed refusal", () => {
  const rows = Object.values<Operation>(OPERATIONS);
  const member = fc.constantFrom(...new Set(rows.flatMap((row) => Object.keys(row.input))));
  const bodies = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc
      .dictionary(member, fc.jsonValue(), { maxKeys: 4 })
      .map((value) => new TextEncoder().encode(JSON.stringify(value))),
  );
  const queries = fc.array(fc.tuple(fc.oneof(member, fc.string()), fc.string()), { maxLength: 3 });
  fc.assert(
    fc.property(fc.constantFrom(...rows), bodies, queries, fc.string(), (row, body, pairs, text) => {
      const query = pairs.map(([name, value]) => `${encodeURIComponent(name.toWellFormed())}=${value}`).join("&");
      const labels = Object.fromEntries([...row.path.matchAll(/\{(\w+)\}/g)].map((match) => [match[1] ?? "", text]));
      try {
        readInput(row, { ...request(body, query), headers: [["x-amzn-principal", text]], labels });
      } catch (error) {
        assert.ok(error instanceof HawserError, String(error));
        assert.ok(["invalid-request", "not-implemented"].includes(error.code), error.code);
      }
    }),
    { numRuns: 1500 },
  );
});
