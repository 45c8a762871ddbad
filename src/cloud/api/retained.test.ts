import assert from "node:assert/strict";
import { test } from "node:test";

import { toBase64, utf8Bytes } from "../../codec/index.ts";
import { AWS_PROFILE } from "../broker/index.ts";
import { newApi } from "./fixtures.test.ts";

test("retained messages are read one by one and listed in pages", async (t) => {
  const kept = new Map(
    ["a/b", "c", "d"].map((topic, i) => [
      topic,
      {
        payload: utf8Bytes("x".repeat(i)),
        qos: 1,
        properties: {},
        modifiedAt: i === 0 ? undefined : 1_800_000_000_000 + i,
      },
    ]),
  );
  const api = await newApi(t, {
    messages: {
      limits: AWS_PROFILE.limits,
      publish: () => assert.fail(),
      retainedMessage: (topic) => kept.get(topic),
      retainedTopics: () => [...kept.keys()],
      disconnect: async () => false,
    },
  });
  kept.set("c", {
    payload: utf8Bytes("payload"),
    qos: 0,
    properties: { userProperties: [["k", "v"]] },
    modifiedAt: 1_700_000_000_123.5,
  });
  assert.deepEqual(await api.call("GetRetainedMessage", { topic: "c" }), {
    topic: "c",
    payload: toBase64(utf8Bytes("payload")),
    qos: 0,
    lastModifiedTime: 1_700_000_000_123,
    userProperties: toBase64(utf8Bytes('[{"k":"v"}]')),
  });
  assert.equal((await api.call("GetRetainedMessage", { topic: "a/b" })).topic, "a/b");
  await assert.rejects(api.call("GetRetainedMessage", { topic: "none" }), { wire: 404 });
  const first = await api.call("ListRetainedMessages", { maxResults: 2 });
  assert.deepEqual(first.retainedTopics, [
    { topic: "a/b", payloadSize: 0, qos: 1 },
    { topic: "c", payloadSize: 7, qos: 0, lastModifiedTime: 1_700_000_000_123 },
  ]);
  const rest = await api.call("ListRetainedMessages", { nextToken: first.nextToken ?? "" });
  assert.deepEqual(rest, {
    retainedTopics: [{ topic: "d", payloadSize: 2, qos: 1, lastModifiedTime: 1_800_000_000_002 }],
  });
  await assert.rejects(api.call("ListRetainedMessages", { nextToken: "!" }), { wire: 400 });
});

test("DeleteConnection ends a client's connection, its session and its will as it is asked, and knows who is not there", async (t) => {
  const api = await newApi(t);
  await api.call("DeleteConnection", { clientId: "a/b é" });
  await api.call("DeleteConnection", { clientId: "d1", cleanSession: true, preventWillMessage: true });
  assert.deepEqual(
    api.calls.map(({ input }) => input),
    [
      { clientId: "a/b é", cleanSession: false, withWill: true },
      { clientId: "d1", cleanSession: true, withWill: false },
    ],
  );
  const nobody = api.call("DeleteConnection", { clientId: "nobody" });
  await assert.rejects(nobody, { type: "ResourceNotFoundException", wire: 404 });
  for (const clientId of ["$reserved", "x".repeat(129)]) {
    await assert.rejects(api.call("DeleteConnection", { clientId }), { type: "InvalidRequestException" });
  }
});
