import assert from "node:assert/strict";
import { test } from "node:test";

import { fromBase64, utf8Bytes, type HawserError } from "../../codec/index.ts";
import { VirtualClock } from "../../crypto/index.ts";
import { AWS_PROFILE, type Published, type PublishListener } from "../broker/index.ts";
import { entropy } from "../registry/fixtures.test.ts";
import { Recordings, type RecordingLimits } from "./index.ts";

function world(limits: Partial<RecordingLimits> = {}) {
  const clock = new VirtualClock();
  const listeners = new Set<PublishListener>();
  const listen = (listener: PublishListener) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  const recordings = new Recordings({ clock, entropy, settings: AWS_PROFILE, listen, limits });
  const publish = (topic: string, payload = "{}", more: Partial<Published> = {}): void => {
    const common = {
      qos: 0,
      retain: false,
      properties: {},
      origin: "client",
      clientId: "c",
      principalId: "p",
    } as const;
    for (const listener of listeners) void listener({ topic, payload: utf8Bytes(payload), ...common, ...more });
  };
  return { clock, recordings, publish, listeners };
}

function refused(work: () => unknown, code: string, message = /./): void {
  assert.throws(work, (error: HawserError) => {
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });
}

test("a recording keeps what matches its filters, with all that rules may ask of a message, until it is fetched", () => {
  const { clock, recordings, publish, listeners } = world();
  publish("a/1");
  const { recordingId } = recordings.start(["a/+", "$aws/events/#"]);
  clock.advance(5);
  const properties = {
    contentType: "text/plain",
    correlationData: utf8Bytes("x"),
    userProperties: [
      ["k", "1"],
      ["k", "2"],
    ],
  } as const;
  publish("a/1", "one", { qos: 1, retain: true, properties, address: "10.0.0.9" });
  publish("b", "two");
  publish("$aws/events/x", "three", { origin: "presence", clientId: "", principalId: "" });
  const page = recordings.fetch(recordingId);
  const time = clock.now();
  assert.deepEqual(page, {
    messages: [
      {
        seq: 1,
        time,
        topic: "a/1",
        payload: "b25l",
        qos: 1,
        retain: true,
        origin: "client",
        clientId: "c",
        principalId: "p",
        address: "10.0.0.9",
        properties: {
          contentType: "text/plain",
          correlationData: "eA==",
          userProperties: [
            ["k", "1"],
            ["k", "2"],
          ],
        },
      },
      {
        seq: 2,
        time,
        topic: "$aws/events/x",
        payload: "dGhyZWU=",
        qos: 0,
        retain: false,
        origin: "presence",
        clientId: "",
        principalId: "",
      },
    ],
    missed: 0,
  });
  assert.deepEqual(recordings.fetch(recordingId), page, "what was not taken is there again: an answer may be lost");
  assert.deepEqual(
    recordings.fetch(recordingId, 1).messages.map(({ seq }) => seq),
    [2],
  );
  assert.deepEqual(recordings.fetch(recordingId, 2).messages, []);
  recordings.stop(recordingId);
  assert.equal(listeners.size, 0, "nothing listens when nothing is recorded");
  refused(() => recordings.fetch(recordingId), "recording-not-found");
  refused(() => recordings.stop(recordingId), "recording-not-found");
});

test("a recording keeps the newest within its bounds and counts what is missing; a page has bounds of its own", () => {
  const { recordings, publish } = world({ messages: 3, bytes: 20, pageMessages: 2, pageBytes: 12 });
  const { recordingId } = recordings.start(["#"]);
  for (let i = 1; i <= 5; i++) publish("a", String(i));
  const seen = (after?: number) => recordings.fetch(recordingId, after).messages.map(({ seq }) => seq);
  assert.deepEqual([seen(), recordings.fetch(recordingId).missed], [[3, 4], 2]);
  assert.deepEqual(seen(4), [5]);
  publish("a", "123456789");
  publish("a", "123456789");
  assert.deepEqual([seen(5), recordings.fetch(recordingId).missed], [[7], 3], "24 characters of base64 are too many");
  publish("a", "x".repeat(100));
  assert.deepEqual([seen(7), recordings.fetch(recordingId).missed], [[], 4], "one larger than all bounds is missed");
});

test("a page is never empty for a message that is larger than it", () => {
  const { recordings, publish } = world({ pageBytes: 4 });
  const { recordingId } = recordings.start(["#"]);
  publish("a", "0123456789");
  publish("a", "1");
  assert.deepEqual(
    recordings.fetch(recordingId).messages.map(({ payload }) => new TextDecoder().decode(fromBase64(payload))),
    ["0123456789"],
  );
});

test("recordings are few, end when nobody fetches them, and refuse what is no filter: limit-exceeded", () => {
  const { clock, recordings, listeners } = world({ recordings: 2, idleMs: 1000 });
  refused(() => recordings.start(["a/#/b"]), "invalid-request", /a\/#\/b.*# is not alone/);
  refused(() => recordings.start([""]), "invalid-request", /empty/);
  const { recordingId: first } = recordings.start(["a"]);
  const { recordingId: second } = recordings.start(["a"]);
  refused(() => recordings.start(["a"]), "limit-exceeded", /2 recordings/);
  clock.advance(999);
  recordings.fetch(first);
  clock.advance(1);
  refused(() => recordings.fetch(second), "recording-not-found");
  assert.equal(listeners.size, 1);
  clock.advance(999);
  refused(() => recordings.fetch(first), "recording-not-found");
  assert.equal(listeners.size, 0);
  recordings.start(["a"]);
  recordings.close();
  assert.equal(listeners.size, 0);
});
