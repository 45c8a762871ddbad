import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { utf8Bytes } from "../../codec/index.ts";
import { capture, deliver, newApi } from "./fixtures.test.ts";
import { OPERATIONS, type Operation, type OperationName, type Parameter, httpFor } from "../operations/index.ts";

const TABLE = Object.entries<Operation>(OPERATIONS) as readonly (readonly [OperationName, Operation])[];

/** What the wire can carry in place of a value: wrong types, wrong lengths, other people's identifiers, tricks with paths. */
const value = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom<unknown>("a", "T", "1", "*", "true", "ACTIVE", "ENABLE", "2017-09-30") },
  {
    weight: 3,
    arbitrary: fc.constantFrom<unknown>(
      "",
      "../../etc",
      "a/b",
      "%2e%2e",
      "\0",
      "__proto__",
      "constructor",
      "x".repeat(5000),
      "f".repeat(64),
      "0x" + "F".repeat(64),
      "arn:aws:iot:eu-central-1:123456789012:thinggroup/a",
      "arn:aws:iot:eu-central-1:123456789012:cert/" + "f".repeat(64),
      "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
      '{"Resources":{"a":{"Type":"AWS::IoT::Thing","Properties":{"ThingName":"a"}}}}',
      '{"Version":"2012-10-17","Statement":[]}',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<unknown>(null, -1, 0, 1, 1.5, 2 ** 53, true, false, [], {}, [null], { a: null }),
  },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
);

/** An input with the operation's members, or most of them, and sometimes a stranger. */
function inputs(operation: Operation): fc.Arbitrary<Record<string, unknown>> {
  const members = Object.keys(operation.input).map((name) => [name, value] as const);
  const known = fc.record(Object.fromEntries(members), { requiredKeys: members.map(([name]) => name).slice(0, 1) });
  return fc.tuple(known, fc.option(fc.constantFrom("stranger", "__proto__"), { freq: 8 })).map(([input, extra]) => {
    return extra === null ? input : { ...input, [extra]: 1 };
  });
}

test("no operation of the table fails unforeseen, whatever its members hold", async (t) => {
  const api = await newApi(t);
  const numRuns = process.env["HAWSER_DEEP"] === "1" ? 400 : 12;
  for (const [name, operation] of TABLE) {
    const attempt = async (input: Record<string, unknown>) => {
      try {
        await api.plane.call(name, input);
      } catch (error) {
        const { unforeseen, status } = httpFor(error, operation.service);
        assert.ok(!unforeseen, `${name} ${JSON.stringify(input).slice(0, 500)}: ${String(error)}`);
        assert.ok(status >= 400 && status < 600);
      }
    };
    await fc.assert(fc.asyncProperty(inputs(operation), attempt), { numRuns });
  }
});

test("every member of every operation refuses what its shape does not allow, by its name", async (t) => {
  const api = await newApi(t);
  for (const [name, operation] of TABLE) {
    for (const [member, parameter] of Object.entries<Parameter>(operation.input)) {
      if (parameter.place === "payload" || parameter.place === "uri") continue;
      const hostile = [{ deeply: [{ nested: true }] }, "\u0000".repeat(500_000)];
      const refusals = await Promise.all(
        hostile.map((given) =>
          api.plane.call(name, { [member]: given }).then(
            () => undefined,
            (error: unknown) => httpFor(error, operation.service),
          ),
        ),
      );
      assert.ok(
        refusals.some((refusal) => refusal && !refusal.unforeseen && refusal.status < 502),
        `${name}.${member} took everything`,
      );
    }
  }
});

test("every operation with a body refuses one byte of it that was changed, and a query member that was not signed", async (t) => {
  const api = await newApi(t);
  let tried = 0;
  for (const [name, operation] of TABLE) {
    const places = Object.values<Parameter>(operation.input).map(({ place }) => place);
    if (!places.includes("body") || operation.service === "hawser") continue;
    const request = await capture(api, name, sampleOf(operation) as never).catch(() => undefined);
    if (!request) continue;
    tried += 1;
    const changed = Uint8Array.from(request.body.length > 0 ? request.body : utf8Bytes("{}"));
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    assert.equal((await deliver(api.plane, { ...request, body: changed })).status, 403, name);
    const widened = { ...request, url: `${request.url}${request.url.includes("?") ? "&" : "?"}extra=1` };
    assert.equal((await deliver(api.plane, widened)).status, 403, name);
  }
  assert.ok(tried > 50, `${tried} operations were tried`);
});

/** An input with one text for each label of the path: enough to be signed and sent. */
function sampleOf(operation: Operation): Record<string, unknown> {
  const uris = Object.entries<Parameter>(operation.input).filter(([, { place }]) => place === "uri");
  return Object.fromEntries(uris.map(([name]) => [name, "a"]));
}
