import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import fc from "fast-check";

import { Conflict, type Json, Refused, utf8Bytes } from "../../codec/index.ts";
import { newWorld, temporary } from "../registry/fixtures.test.ts";
import { Shadows, ShadowTopics } from "./index.ts";

const NOW = Date.UTC(2026, 0, 1) / 1000;

/** Shadows over a store of their own; `heard` is what was published, by the topic's end. */
async function shadowsOf(t: TestContext, directory?: string) {
  const { registry, clock, ledger } = await newWorld(t, directory);
  const heard: (readonly [topic: string, message: Record<string, Json>])[] = [];
  const publish = (topic: string, payload: Uint8Array) =>
    void heard.push([topic, JSON.parse(new TextDecoder().decode(payload)) as Record<string, Json>]);
  const shadows = new Shadows({ store: registry.store, clock, publish });
  const topics = new ShadowTopics(shadows, { publish, clock, trace: ledger });
  const send = (topic: string, payload: string | Uint8Array = "", origin = "client") =>
    topics.handle({
      topic: `$aws/things/${topic}`,
      payload: typeof payload === "string" ? utf8Bytes(payload) : payload,
      qos: 1,
      retain: false,
      properties: {},
      origin,
      clientId: "c",
      principalId: "p",
      connection: "c1",
    });
  /** Sends one request and gives what was published for it. */
  const ask = async (topic: string, payload: unknown = "") => {
    heard.length = 0;
    await send(topic, typeof payload === "string" ? payload : JSON.stringify(payload));
    // A get is not waited for by anybody: whatever comes after it in the store is.
    await registry.store.write(async () => undefined);
    return heard.map(([name, message]) => [name.replace(/^\$aws\/things\//, ""), message] as const);
  };
  return { shadows, clock, heard, send, ask, store: registry.store, ledger };
}

test("a shadow over MQTT: accepted, delta and documents in order; get; delete; its version goes on", async (t) => {
  const { ask, clock } = await shadowsOf(t);
  const first = await ask("T/shadow/update", { state: { desired: { led: "on" } }, clientToken: "k" });
  const metadata = { desired: { led: { timestamp: NOW } } };
  const led = { led: { timestamp: NOW } };
  assert.deepEqual(first, [
    [
      "T/shadow/update/accepted",
      { state: { desired: { led: "on" } }, metadata, version: 1, timestamp: NOW, clientToken: "k" },
    ],
    ["T/shadow/update/delta", { version: 1, timestamp: NOW, state: { led: "on" }, metadata: led, clientToken: "k" }],
    [
      "T/shadow/update/documents",
      {
        previous: null,
        current: { state: { desired: { led: "on" } }, metadata, version: 1 },
        timestamp: NOW,
        clientToken: "k",
      },
    ],
  ]);
  clock.advance(5000);
  const second = await ask("T/shadow/update", { state: { reported: { led: "on" } } });
  assert.deepEqual(
    second.map(([topic]) => topic),
    ["T/shadow/update/accepted", "T/shadow/update/documents"],
  );
  assert.deepEqual(await ask("T/shadow/get", { clientToken: "g" }), [
    [
      "T/shadow/get/accepted",
      {
        state: { desired: { led: "on" }, reported: { led: "on" } },
        metadata: { ...metadata, reported: { led: { timestamp: NOW + 5 } } },
        version: 2,
        timestamp: NOW + 5,
        clientToken: "g",
      },
    ],
  ]);
  assert.deepEqual(await ask("T/shadow/delete"), [["T/shadow/delete/accepted", { version: 2, timestamp: NOW + 5 }]]);
  const absent = { code: 404, message: "No shadow exists with name: 'T'", timestamp: NOW + 5 };
  assert.deepEqual(await ask("T/shadow/get"), [["T/shadow/get/rejected", absent]]);
  assert.deepEqual(await ask("T/shadow/delete"), [["T/shadow/delete/rejected", absent]]);
  const [[, reborn] = []] = await ask("T/shadow/update", { state: {} });
  assert.equal(reborn?.["version"], 3, "a version is never used twice");
});

test("named shadows live beside the classic one, are listed by pages and come back after a restart", async (t) => {
  const directory = temporary(t);
  const it = await shadowsOf(t, directory);
  for (const name of ["b", "a", "$c:d"])
    await it.ask(`T/shadow/name/${name}/update`, { state: { reported: { name } } });
  await it.ask("T/shadow/update", { state: { reported: { classic: true } } });
  await it.ask("T/shadow/name/b/delete");
  const page = await it.shadows.names("T", { limit: 1 });
  assert.deepEqual([page.rows, page.timestamp], [["$c:d"], NOW]);
  assert.deepEqual((await it.shadows.names("T", { limit: 1, token: page.next ?? "" })).rows, ["a"]);
  assert.deepEqual((await it.ask("T/shadow/name/b/get"))[0]?.[1]["message"], "No shadow exists with name: 'b'");
  await it.store.close();
  const again = await shadowsOf(t, directory);
  const [[topic, found] = []] = await again.ask("T/shadow/name/a/get");
  assert.equal(topic, "T/shadow/name/a/get/accepted");
  assert.deepEqual(found?.["state"], { reported: { name: "a" } });
  assert.deepEqual((await again.ask("T/shadow/get"))[0]?.[1]["state"], { reported: { classic: true } });
});

const deep = (levels: number): Json => (levels === 0 ? 1 : { n: deep(levels - 1) });

test("a request that is wrong is rejected with AWS's code and message, and changes nothing", async (t) => {
  const { ask, send, heard, store } = await shadowsOf(t);
  await ask("T/shadow/update", { state: { desired: { a: 1 } } });
  const rows: readonly (readonly [unknown, number, RegExp])[] = [
    ["{", 400, /^Invalid JSON$/],
    ["[]", 400, /^Invalid JSON$/],
    [{}, 400, /^Missing required node: state$/],
    [{ state: 1 }, 400, /^State node must be an object$/],
    [{ state: [] }, 400, /^State node must be an object$/],
    [{ state: { desired: 1 } }, 400, /^Desired node must be an object$/],
    [{ state: { reported: [] } }, 400, /^Reported node must be an object$/],
    [{ state: { other: {} } }, 400, /^State contains an invalid node: 'other'$/],
    [{ state: { desired: { a: [1, null] } } }, 400, /^State contains an invalid node/],
    [{ state: { desired: { a: [{ b: null }] } } }, 400, /^State contains an invalid node/],
    [{ state: {}, version: "1" }, 400, /^Invalid version$/],
    [{ state: {}, version: 1.5 }, 400, /^Invalid version$/],
    [{ state: {}, clientToken: "x".repeat(65) }, 400, /^Invalid clientToken$/],
    [{ state: {}, clientToken: 1 }, 400, /^Invalid clientToken$/],
    [{ state: { desired: deep(9) } }, 400, /^JSON contains too many levels of nesting; maximum is 8$/],
    [{ state: {}, version: 2 }, 409, /^Version conflict$/],
    [{ state: { desired: { a: "x".repeat(8192) } } }, 413, /^The payload exceeds the maximum size allowed$/],
  ];
  for (const [payload, code, message] of rows) {
    const [[topic, answer] = [], ...more] = await ask("T/shadow/update", payload);
    assert.equal(topic, "T/shadow/update/rejected", JSON.stringify(payload));
    assert.equal(answer?.["code"], code);
    assert.match(JSON.stringify(answer?.["message"]).slice(1, -1).replaceAll("\\", ""), message);
    assert.deepEqual(more, []);
  }
  heard.length = 0;
  await send("T/shadow/update", new Uint8Array([0x7b, 0xff, 0x7d]));
  assert.equal(heard[0]?.[1]["code"], 415);
  const [[, conflict] = []] = await ask("T/shadow/update", { state: {}, version: 7, clientToken: "mine" });
  assert.deepEqual([conflict?.["code"], conflict?.["clientToken"]], [409, "mine"]);
  assert.equal((await ask("T/shadow/update", { state: { desired: deep(8) } }))[0]?.[0], "T/shadow/update/accepted");
  const [[, badName] = []] = await ask(`T/shadow/name/${"n".repeat(65)}/get`);
  assert.deepEqual([badName?.["code"], badName?.["message"]], [400, "Invalid shadow name"]);
  const [row] = await store.read.selectFrom("shadows").selectAll().execute();
  assert.equal(row?.version, 2);
});

test("a shadow that grows over its limit by merging is refused, its metadata not counted", async (t) => {
  const { ask } = await shadowsOf(t);
  const half = "x".repeat(5000);
  assert.equal((await ask("T/shadow/update", { state: { desired: { a: half } } }))[0]?.[0], "T/shadow/update/accepted");
  assert.equal((await ask("T/shadow/update", { state: { desired: { b: half } } }))[0]?.[1]["code"], 413);
  const many = Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`k${i}`, i]));
  assert.equal((await ask("M/shadow/update", { state: { reported: many } }))[0]?.[0], "M/shadow/update/accepted");
});

test("more than ten requests of one thing at once by one connection are rejected with 429, and other things are served", async (t) => {
  const { send, heard } = await shadowsOf(t);
  const update = JSON.stringify({ state: { reported: { a: 1 } } });
  const all = Array.from({ length: 11 }, () => send("T/shadow/update", update));
  await Promise.all([...all, send("U/shadow/update", update)]);
  const rejected = heard.filter(([topic]) => topic.endsWith("/rejected"));
  assert.deepEqual(
    rejected.map(([topic, { code }]) => [topic, code]),
    [["$aws/things/T/shadow/update/rejected", 429]],
  );
  assert.equal(heard.filter(([topic]) => topic.endsWith("/accepted")).length, 11);
  await send("T/shadow/update", update);
  assert.equal(heard.filter(([topic]) => topic.endsWith("/accepted")).length, 12, "and again when the others are done");
});

test("over HTTP the same refusals are errors with their codes", async (t) => {
  const { shadows } = await shadowsOf(t);
  const id = { thing: "T", name: "" };
  const update = (payload: string) => shadows.update(id, { payload: utf8Bytes(payload), connection: "c1" });
  await assert.rejects(update('{"state":{},"version":3}'), { code: "shadow-version", message: "Version conflict" });
  await assert.rejects(shadows.update(id, { payload: new Uint8Array([0xff]) }), { code: "shadow-encoding" });
  const all = Array.from({ length: 11 }, () => update('{"state":{}}'));
  const [refused] = (await Promise.allSettled(all)).filter(({ status }) => status === "rejected");
  assert.ok(refused?.status === "rejected" && refused.reason instanceof Conflict);
  assert.equal(refused.reason.code, "shadow-busy");
});

test("what is no request is not answered: answers, wills, the shadow's own messages, other topics", async (t) => {
  const { send } = await shadowsOf(t);
  assert.equal(send("T/shadow/update/accepted", "{}"), undefined);
  assert.equal(send("T/shadow/name/update", "{}"), undefined);
  assert.equal(send("T/shadow/update", "{}", "will"), undefined);
  assert.equal(send("T/shadow/update", "{}", "shadow"), undefined);
});

test("an update whose disk fails is not acknowledged", async (t) => {
  const { registry, clock, ledger } = await newWorld(t);
  const store = {
    ...registry.store,
    write: async () => {
      throw new Refused("disk-failed", "gone", "EIO");
    },
  };
  const publish = () => assert.fail("nobody is to be told");
  const topics = new ShadowTopics(new Shadows({ store, clock, publish }), { publish, clock, trace: ledger });
  const message = { topic: "$aws/things/T/shadow/update", payload: utf8Bytes('{"state":{}}') };
  const about = { qos: 1, retain: false, properties: {}, origin: "client", clientId: "", principalId: "" } as const;
  await assert.rejects(topics.handle({ ...message, ...about }) ?? Promise.resolve(), /gone/);
});

test("any payload on any request topic is answered once, with JSON", async (t) => {
  const { ask, ledger } = await shadowsOf(t);
  const payload = fc.oneof(
    fc.string(),
    fc.json(),
    fc.json().map((state) => `{"state":${state}}`),
    fc.json().map((state) => `{"state":{"desired":${state}},"version":1}`),
  );
  await fc.assert(
    fc.asyncProperty(fc.constantFrom("get", "update", "delete"), payload, async (verb, text) => {
      const answers = await ask(`T/shadow/${verb}`, text);
      const ends = answers.filter(([topic]) => /(accepted|rejected)$/.test(topic));
      assert.equal(ends.length, 1, JSON.stringify(answers));
      const [topic = "", answer] = ends[0] ?? [];
      if (topic.endsWith("rejected")) assert.ok(Number(answer?.["code"]) < 500, JSON.stringify(answer));
    }),
    { numRuns: 150 },
  );
  assert.deepEqual(ledger.events({ kinds: ["process"] }), []);
});
