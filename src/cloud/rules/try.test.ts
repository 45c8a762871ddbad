import assert from "node:assert/strict";
import { test } from "node:test";

import { utf8Bytes } from "../../codec/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { entropy } from "../registry/fixtures.test.ts";
import { readRule, tryRule, type LookUpDoors, type TriedMessage } from "./index.ts";

const NOW = Date.UTC(2026, 0, 1);

const DOORS: LookUpDoors = {
  askFunction: ({ sourceArn }, arn, event) => Promise.resolve({ by: sourceArn, arn, event: event ?? null }),
  registryData: () => Promise.reject(new Error("no such thing")),
  thingShadow: (thing, name) => Promise.resolve({ state: { reported: { of: name ?? thing } } }),
};

function trial(sql: string, message: Partial<TriedMessage>, name = "r") {
  const rule = readRule(name, { sql, actions: [], awsIotSqlVersion: "2016-03-23" }, 0);
  const account = { id: "123456789012", region: "eu-central-1" };
  const tried = { topic: "site/pump", payload: utf8Bytes('{"n":1}'), ...message };
  return tryRule(rule, tried, { account, entropy, hash: nodeHash, now: NOW, lookUps: DOORS });
}

test("tryRule gives SQL all that a recorded message knows", async () => {
  const sql =
    "SELECT clientid() AS c, principal() AS p, timestamp() AS t, sourceip() AS ip, get_mqtt_property('content_type') AS ct, " +
    "get_user_properties('k') AS k, topic(2) AS dev, accountid() AS a FROM 'site/+'";
  const properties = { contentType: "text/plain", userProperties: [["k", "v"]] } as const;
  const recorded = { clientId: "c1", principalId: "p1", time: 7, address: "10.0.0.9", properties };
  const found = await trial(sql, recorded);
  assert.deepEqual(found, {
    result: "fires",
    asked: [],
    payload: { c: "c1", p: "p1", t: 7, ip: "10.0.0.9", ct: "text/plain", k: ["v"], dev: "pump", a: "123456789012" },
    actions: [],
  });
  const bare = await trial("SELECT timestamp() AS t, sourceip() AS ip FROM '#'", {});
  assert.deepEqual(bare.result === "fires" && bare.payload, { t: NOW });
});

test("tryRule asks what the SQL asks, as the rule, and tells each question with its answer or problem", async () => {
  const sql =
    "SELECT get_thing_shadow(topic(2), 'arn:r').state.reported.of AS s, get_registry_data('DescribeThing', 'x', 'arn:r') AS d, " +
    "aws_lambda('arn:f', {'n': n}) AS l FROM 'site/+' WHERE get_thing_shadow('b', 'named', 'arn:r').state.reported.of = 'named'";
  const found = await trial(sql, {});
  const l = { by: "arn:aws:iot:eu-central-1:123456789012:rule/r", arn: "arn:f", event: { n: 1 } };
  assert.deepEqual(found.result === "fires" && found.payload, { s: "pump", l });
  assert.deepEqual(
    found.result === "fires" &&
      found.asked
        .map(({ function: name, of, problem }) => [name, of, problem])
        .toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
    [
      ["aws_lambda", ["arn:f", { n: 1 }], undefined],
      ["get_registry_data", ["DescribeThing", "x"], "no such thing"],
      ["get_thing_shadow", ["b", "named"], undefined],
      ["get_thing_shadow", ["pump"], undefined],
    ],
  );
  const not = await trial("SELECT * FROM '#' WHERE get_thing_shadow('b', 'arn:r').state.reported.of = 'x'", {});
  assert.deepEqual([not.result, not.result === "condition-false" && not.asked.length], ["condition-false", 1]);
});

test("tryRule hears Basic Ingest by the rule's name, and other topics by its filter", async () => {
  const results = async (sql: string, topic: string) => (await trial(sql, { topic })).result;
  assert.equal(await results("SELECT * FROM 'a'", "$aws/rules/r/x/y"), "fires");
  assert.equal(await results("SELECT * FROM '#'", "$aws/rules/other/x"), "no-match");
  assert.equal(await results("SELECT * FROM 'a/+'", "a/b/c"), "no-match");
});
