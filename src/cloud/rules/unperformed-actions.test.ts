import assert from "node:assert/strict";
import { test } from "node:test";

import { SqlError } from "./errors.ts";
import type { Json } from "../../codec/index.ts";
import { EXAMPLES } from "./fixtures.test.ts";
import { readRule } from "./rule.ts";
import { UNPERFORMED, UNPERFORMED_FACTS, type UnperformedName } from "./unperformed-actions.ts";

const ROLE = "arn:aws:iam::123456789012:role/r";
const NAMES = Object.keys(UNPERFORMED) as UnperformedName[];
const read = (name: string, parameters: Json) =>
  readRule("r", { sql: "SELECT * FROM 'a'", actions: [{ [name]: parameters }] }, 0).actions[0];

/** The parameters with the one at a path, such as `a[0].b`, replaced; removed where there is no value. */
function changed(parameters: Json, path: string, value: Json | undefined): Json {
  const copy = structuredClone(parameters) as Record<string, unknown>;
  const names = path.split(/[.[\]]+/).filter((name) => name !== "");
  const last = names.pop() ?? "";
  const holder = names.reduce((at, name) => at[name] as Record<string, unknown>, copy);
  if (value === undefined) delete holder[last];
  else holder[last] = value;
  return copy as Json;
}

test("every action that is not performed is read as AWS's model has it, and knows what it would act upon", () => {
  assert.deepEqual(Object.keys(EXAMPLES), NAMES);
  assert.deepEqual(Object.keys(UNPERFORMED_FACTS), NAMES);
  for (const name of NAMES) {
    const [given, resource] = EXAMPLES[name];
    assert.deepEqual(read(name, given), {
      kind: "unperformed",
      name,
      resource: name === "iotSiteWise" ? ROLE : resource,
    });
  }
});

test("an action that is not performed is refused where it is malformed, by its place", () => {
  for (const name of NAMES) {
    const [given, , at] = EXAMPLES[name];
    const place = `topicRulePayload.actions[0].${name}`;
    assert.throws(() => read(name, {}), { code: "invalid-request", message: /is required|iotAnalytics/ }, name);
    assert.throws(
      () => read(name, { ...given, stranger: 1 }),
      (error: Error) => {
        return error.message.startsWith(`${place} has no member "stranger"`);
      },
    );
    assert.throws(
      () => read(name, changed(given, at, 7)),
      (error: Error) => error.message.startsWith(`${place}.${at} must be`),
    );
    // Of these two no parameter may hold a template.
    if (name === "salesforce" || name === "sns") continue;
    assert.throws(
      () => read(name, changed(given, at, "x/${a +}")),
      (error) => {
        assert.ok(error instanceof SqlError, String(error));
        assert.equal(error.character, 8);
        return error.message.endsWith(`of the template in ${place}.${at}`);
      },
      name,
    );
  }
  assert.throws(() => read("iotAnalytics", { roleArn: ROLE }), { message: /iotAnalytics\.channelName is required/ });
  assert.throws(() => read("sqs", { roleArn: "role", queueUrl: "q" }), { message: /roleArn must have at least 20/ });
  assert.throws(() => read("timestream", { ...EXAMPLES.timestream[0], dimensions: [] }), { message: /at least 1/ });
});
