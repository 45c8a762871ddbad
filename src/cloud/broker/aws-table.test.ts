/**
 * What AWS IoT Core does otherwise than OASIS, and its limits, row by row: the setting that says so, its value in each
 * profile, and the test that shows it. A setting that no row names fails here.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { World } from "./harness.test.ts";
import { AWS_PROFILE, AWS_RATES, SPEC_PROFILE, type BrokerLimits, type BrokerSettings } from "./index.ts";

type Name = keyof BrokerLimits | Exclude<keyof BrokerSettings, "limits">;
type Row = {
  readonly what: string;
  /** Each setting with its value in profile `aws` and in profile `spec`; none where both behave alike. */
  readonly settings: Partial<Record<Name, readonly [aws: unknown, spec: unknown]>>;
  /** Files and titles of tests. */
  readonly shown: readonly (readonly [file: string, title: string])[];
};

const K128 = 128 * 1024;
/** A rate is off in both profiles, and `rates=aws` sets it to this. */
const rate = (name: keyof typeof AWS_RATES, value: number) => {
  assert.equal(AWS_RATES[name], value, name);
  return { [name]: [Infinity, Infinity] } as Row["settings"];
};

const DEVIATIONS: readonly Row[] = [
  {
    what: "MQTT 3.1.1 and 5, not 3.1",
    settings: { servesMqtt31: [false, true] },
    shown: [
      ["connect", "a version that is not served is told so: MQTT 3.1, a bridge's bit, MQTT 6"],
      ["conformance", "MQTT 3.1 is served as 3.1.1 without Session Present, with DUP on a repeated PUBREL"],
    ],
  },
  {
    what: "QoS 0 and 1: a PUBLISH or will at QoS 2 is refused, a SUBSCRIBE is granted 1; no PUBREC, PUBREL, PUBCOMP",
    settings: { maximumQos: [1, 2] },
    shown: [
      ["publish", "QoS 2, QoS 3, DUP at QoS 0, packet identifier 0 and properties out of place are refused"],
      ["subscribe", "SUBACK grants at most QoS 1, in the order of the filters"],
      ["connect", "a will that is not authorised, reserved or of QoS 2 is refused with CONNECT"],
      ["connect", "packets that a server does not take end the connection with 0x82"],
    ],
  },
  {
    what: "`sensor/#` does not match `sensor`",
    settings: { multiLevelMatchesParent: [false, true] },
    shown: [["publish", "AW-50 wildcards match as MQTT says, and the aws profile's a/# does not match a"]],
  },
  {
    what: "retained messages for exact filters only, RETAIN 1 on subscribe and 0 live, an empty one deletes",
    settings: { retainedOnWildcard: [false, true] },
    shown: [
      ["subscribe", "retained messages go to wildcard subscriptions in the spec profile only"],
      ["subscribe", "a retained message goes to a new subscription with RETAIN 1, and to live ones with RETAIN 0"],
    ],
  },
  {
    what: "no retained messages on `$` topics",
    settings: { retainOnReserved: [false, true] },
    shown: [
      ["subscribe", "retaining needs iot:RetainPublish besides iot:Publish, and is not possible on reserved topics"],
    ],
  },
  {
    what: "persistent sessions last an hour unless an operator raises it; what is asked beyond is lowered and told",
    settings: { sessionExpiryDefaultS: [3600, 0xffffffff], sessionExpiryMaxS: [3600, 0xffffffff] },
    shown: [
      ["session", "a session ends when its expiry has passed since the connection ended"],
      ["aws-table", "session expiry over the account's maximum is lowered, and CONNACK says so"],
    ],
  },
  {
    what: "shared subscriptions in both versions, a share's name up to 128, its two slashes do not count",
    settings: { sharedSubscriptions: [true, true], shareNameLength: [128, 65_535] },
    shown: [
      ["conformance", "a shared subscription gives each message to one member in turn, at its own QoS, live ones only"],
      ["aws-table", "a share's name and its slashes count towards no limit but its own"],
    ],
  },
  {
    what: "what is stored for a shared subscription is drained at 20 a second",
    settings: rate("sharedDrainsPerSecond", 20),
    shown: [["rates", "messages stored for a shared subscription are drained at sharedDrainsPerSecond"]],
  },
  {
    what: "no subscription identifiers",
    settings: { subscriptionIdentifiers: [false, true] },
    shown: [
      [
        "subscribe",
        "subscription identifiers end the connection with 0xA1, shared subscriptions are refused with 0x9E",
      ],
    ],
  },
  {
    what: "8 topic aliases, none towards clients",
    settings: { topicAliases: [8, 10], outboundTopicAliases: [0, 64] },
    shown: [
      ["publish", "a topic alias stands for its topic, up to the maximum that CONNACK told"],
      [
        "conformance",
        "topics go out by alias as far as the client allows, anew on each connection, and not to who allows none",
      ],
    ],
  },
  {
    what: "receive maximum 100 in both directions",
    settings: { inFlight: [100, 20] },
    shown: [
      ["session", "the window is the server's own limit for clients that name none, and unknown PUBACKs are ignored"],
      [
        "session",
        "more unacknowledged QoS 1 messages than Receive Maximum end an MQTT 5 connection with 0x93, and pause a 3.1.1 one",
      ],
    ],
  },
  {
    what: "packets of 128 KiB and a header, 8 KiB before CONNECT",
    settings: { packetBytes: [K128 + 2048, SPEC_PROFILE.limits.packetBytes], connectPacketBytes: [8192, 512 * 1024] },
    shown: [
      ["publish", "a packet over the announced maximum is refused by its length, before its body"],
      ["connect", "CONNECT over 8 KiB is refused before its body arrives"],
    ],
  },
  {
    what: "message expiry of 0 counts as 1 s, over a week as a week; for 3.1.1 receivers, too",
    settings: { messageExpiryMinS: [1, 0], messageExpiryMaxS: [604_800, 0xffffffff] },
    shown: [
      ["publish", "message expiry counts down in what is delivered, and an expired message is not"],
      ["aws-table", "message expiry is brought within its limits, for receivers of both versions"],
    ],
  },
  {
    what: "keep alive out of range is replaced and told",
    settings: {
      keepAliveMinS: [30, 0],
      keepAliveMaxS: [1200, 60],
      keepAliveForZeroS: [1200, 0],
      shortensKeepAliveUntold: [true, false],
    },
    shown: [
      ["connect", "keep alive out of range is replaced and told to MQTT 5 clients"],
      ["connect", "silence of one and a half times the keep alive closes, a packet in time does not"],
    ],
  },
  {
    what: "an empty client id is assigned",
    settings: { assignedClientIds: ["$GEN/", "auto-"] },
    shown: [["connect", "an empty client id is assigned, told to MQTT 5 clients, and refused with clean session 0"]],
  },
  {
    what: "a session is not resumed by the other version",
    settings: { resumesAcrossVersions: [false, true] },
    shown: [
      ["session", "a session cannot be resumed by the other version in the aws profile, and can in the spec profile"],
    ],
  },
  {
    what: "a second connection with a client id takes over",
    settings: {},
    shown: [["connect", "a second connection with the same client id takes over, the first is told 0x8E or closed"]],
  },
  {
    what: "clients wait for CONNACK",
    settings: { beforeConnack: ["refuse", "hold"] },
    shown: [
      ["connect", "packets before CONNACK close the connection in the aws profile, and wait in the spec profile"],
    ],
  },
  {
    what: "what a 3.1.1 client is told that may not connect",
    settings: { unauthorizedReturnCode: [5, 5] },
    shown: [["connect", "what an MQTT 3.1.1 client is told whom no policy lets in is a setting: 5, 7 or nothing"]],
  },
  {
    what: "an unauthorised PUBLISH closes, or is told 0x87",
    settings: {},
    shown: [
      ["publish", "an unauthorised PUBLISH closes MQTT 3.1.1, gives PUBACK 0x87 at QoS 1 and DISCONNECT 0x87 at QoS 0"],
    ],
  },
  {
    what: "an unauthorised SUBSCRIBE is refused, and the connection stays",
    settings: {},
    shown: [["subscribe", "an unauthorised SUBSCRIBE is refused with 0x80 or 0x87 and the connection stays"]],
  },
  {
    what: "a filter or topic that breaks the rules is refused for itself",
    settings: { badTopicsAreMalformed: [false, true] },
    shown: [
      ["subscribe", "filters that are invalid are refused with 0x8F or 0x80"],
      ["publish", "topics that are invalid, too long, too deep or reserved end the connection with 0x90"],
    ],
  },
  {
    what: "`$aws` topics are those that AWS documents, and what is asked there reaches no subscriber",
    settings: {
      reservedPublish: [AWS_PROFILE.reservedPublish, ["$"]],
      reservedSubscribe: [AWS_PROFILE.reservedSubscribe, ["$"]],
      questions: [AWS_PROFILE.questions, AWS_PROFILE.questions],
      refusedFilters: [[], []],
    },
    shown: [["subscribe", "reserved filters that do not exist end the connection, events may be subscribed to"]],
  },
  {
    what: "presence and subscription events",
    settings: { presence: [true, false] },
    shown: [["session", "presence events tell who came and went, with one version number for both"]],
  },
  {
    what: "reason strings by default, no response topic, no word about missing subscribers",
    settings: {
      reasonStrings: ["by default", "where asked for"],
      responseTopics: ["", "responses/"],
      tellsNoSubscribers: [false, true],
    },
    shown: [
      ["conformance", "reason strings go to who asked for them, and the spec profile tells nobody else"],
      [
        "conformance",
        "who asks is told where its responses go, who does not is not; a PUBACK says that nobody subscribed",
      ],
    ],
  },
];

const LIMITS: readonly Row[] = [
  {
    what: "payload 128 KiB",
    settings: { payloadBytes: [K128, SPEC_PROFILE.limits.payloadBytes] },
    shown: [["publish", "a payload over the limit ends the connection with 0x95, one of exactly 128 KiB passes"]],
  },
  {
    what: "topics of 256 bytes and 7 slashes, Basic Ingest's first three levels not counted",
    settings: { topicBytes: [256, 65_535], topicSlashes: [7, 200] },
    shown: [
      ["publish", "topics that are invalid, too long, too deep or reserved end the connection with 0x90"],
      ["aws-table", "Basic Ingest's first three levels count towards no limit of topics"],
    ],
  },
  {
    what: "client id 128 bytes",
    settings: { clientIdBytes: [128, 65_535] },
    shown: [["connect", "a client id over the limit is refused with 0x85, or 2 for MQTT 3.1.1"]],
  },
  {
    what: "8 filters in one SUBSCRIBE, 50 subscriptions",
    settings: { filtersPerSubscribe: [8, 1000], subscriptionsPerSession: [50, 10_000] },
    shown: [
      [
        "subscribe",
        "more than 8 filters in one SUBSCRIBE and more than 50 subscriptions are refused with 0x97 or 0x80",
      ],
    ],
  },
  {
    what: "100 publishes and 512 KiB a second from one client",
    settings: { ...rate("publishesPerSecond", 100), ...rate("bytesPerSecond", 524_288) },
    shown: [["backpressure", "a client over its rate is read more slowly, loses nothing, and is not taken for silent"]],
  },
  {
    what: "100 publishes and 512 KiB a second to one client",
    settings: { ...rate("deliveriesPerSecond", 100), ...rate("deliveredBytesPerSecond", 524_288) },
    shown: [
      ["rates", "over deliveriesPerSecond QoS 0 is dropped and told once, QoS 1 waits and comes in order"],
      ["rates", "over deliveredBytesPerSecond a client is sent less, by bytes"],
      ["rates", "a queue that a rate of ours fills costs messages, told once, and never the connection"],
    ],
  },
  {
    what: "an unacknowledged message is given up after an hour",
    settings: { inFlightS: [3600, Infinity] },
    shown: [["rates", "a QoS 1 message without PUBACK is given up after inFlightS, and makes room for what waits"]],
  },
  {
    what: "500,000 connections; 500 connects a second, one a second for a client id",
    settings: {
      connections: [500_000, 500_000],
      ...rate("accountConnectsPerSecond", 500),
      ...rate("connectsPerSecond", 1),
    },
    shown: [
      ["connect", "connections over the limit are refused with 0x97, or 3 for MQTT 3.1.1"],
      [
        "backpressure",
        "CONNECT packets over the rate of the account, or of one client id, are refused with 0x97, or 3, and do not count",
      ],
    ],
  },
  {
    what: "20,000 publishes a second of one account, in and out",
    settings: { ...rate("accountPublishesPerSecond", 20_000), ...rate("accountDeliveriesPerSecond", 20_000) },
    shown: [
      ["backpressure", "an account over its rate of publishing has its publishers read more slowly, and loses nothing"],
      ["rates", "accountDeliveriesPerSecond holds all clients together to one rate, and nothing of QoS 1 is lost"],
    ],
  },
  {
    what: "500 messages a second stored for sessions, 10 a second taken from each",
    settings: { ...rate("accountQueuesPerSecond", 500), ...rate("drainsPerSecond", 10) },
    shown: [
      [
        "rates",
        "messages over accountQueuesPerSecond are dropped for who is away, told once, while who is there gets all",
      ],
      ["rates", "stored messages go to a client that is back at drainsPerSecond, in order, and none is lost"],
      ["rates", "what comes while a session is drained at the rate may fill its queue, and its client stays"],
    ],
  },
  {
    what: "retained messages for three years, quotas on their number and rate",
    settings: {
      retainedS: [94_608_000, Infinity],
      retainedMessages: [100_000, 100_000],
      retainedBytes: [268_435_456, 268_435_456],
      ...rate("accountRetainsPerSecond", 500),
    },
    shown: [
      ["rates", "a retained message is forgotten after retainedS"],
      ["rates", "who retains over accountRetainsPerSecond is read more slowly, and loses nothing"],
      ["subscribe", "a retained message expires, and retained messages are bounded in number and bytes"],
    ],
  },
  {
    what: "a WebSocket lasts a day",
    settings: { webSocketS: [86_400, Infinity] },
    shown: [["../gateway/node-websocket", "a WebSocket ends after webSocketS, or with the credentials that opened it"]],
  },
  {
    what: "bounds of ours, which AWS does not publish",
    settings: {
      connectTimeoutMs: [10_000, 10_000],
      queuedMessages: [10_000, 10_000],
      queuedBytes: [8_388_608, 67_108_864],
      outboundSoftBytes: [1_048_576, 1_048_576],
      outboundHardBytes: [33_554_432, SPEC_PROFILE.limits.outboundHardBytes],
      tracedDataPacketsPerSecond: [AWS_PROFILE.tracedDataPacketsPerSecond, SPEC_PROFILE.tracedDataPacketsPerSecond],
      profile: ["aws", "spec"],
    },
    shown: [
      ["connect", "a connection without CONNECT is closed after the connect timeout"],
      [
        "backpressure",
        "a slow consumer is cut when its queue is full, and its persistent session keeps what was queued",
      ],
      ["backpressure", "the queue is bounded in bytes as well"],
      ["backpressure", "retained messages to a stalled subscriber end at the hard bound"],
    ],
  },
];

const ROWS = [...DEVIATIONS, ...LIMITS];
const valueIn = ({ limits, ...settings }: BrokerSettings, name: string) =>
  Object.entries({ ...settings, ...limits }).find(([each]) => each === name)?.[1];

test("each deviation and limit of AWS IoT Core has its setting, with the value that AWS documents and that of OASIS", () => {
  for (const { what, settings } of ROWS) {
    for (const [name, [aws, spec]] of Object.entries(settings)) {
      assert.deepEqual([valueIn(AWS_PROFILE, name), valueIn(SPEC_PROFILE, name)], [aws, spec], `${what}: ${name}`);
    }
  }
  const named = ROWS.flatMap(({ settings }) => Object.keys(settings)).sort();
  const { limits, ...others } = AWS_PROFILE;
  assert.deepEqual(named, [...Object.keys(others), ...Object.keys(limits)].sort(), "every setting, once");
});

test("the tests that the table names are there", () => {
  const missing = ROWS.flatMap(({ shown }) => shown).filter(([file, title]) => {
    return !readFileSync(join(import.meta.dirname, `${file}.test.ts`), "utf8").includes(`test("${title}"`);
  });
  assert.deepEqual(missing, []);
});

test("session expiry over the account's maximum is lowered, and CONNACK says so", async () => {
  const world = new World();
  const asked = { properties: { sessionExpiryInterval: 700_000 } };
  assert.equal((await world.client(5).connect("d", asked))?.properties?.sessionExpiryInterval, 3600);
  const week = new World({ limits: { sessionExpiryMaxS: 604_800 } });
  assert.equal((await week.client(5).connect("d", asked))?.properties?.sessionExpiryInterval, 604_800);
  const within = { properties: { sessionExpiryInterval: 604_799 } };
  assert.equal((await week.client(5).connect("e", within))?.properties?.sessionExpiryInterval, undefined);
});

test("a share's name and its slashes count towards no limit but its own", async () => {
  for (const version of [4, 5] as const) {
    const client = await new World().connected("d", { protocolVersion: version });
    const granted = async (filter: string) => {
      const [suback] = await client.subscribe(filter, 1);
      return suback?.cmd === "suback" ? suback.granted[0] : undefined;
    };
    const deep = "a/b/c/d/e/f/g/h";
    assert.equal(await granted(`$share/${"n".repeat(128)}/${deep}`), 1);
    assert.equal(await granted(`$share/name/${"x".repeat(256)}`), 1);
    assert.equal(await granted(`$share/name/${deep}/i`), version === 5 ? 0x8f : 0x80);
    assert.equal(await granted(`$share/name/${"x".repeat(257)}`), version === 5 ? 0x8f : 0x80);
    assert.equal(await granted(`$share/${"n".repeat(129)}/a`), version === 5 ? 0x8f : 0x80);
  }
});

test("message expiry is brought within its limits, for receivers of both versions", async () => {
  const world = new World();
  const publisher = await world.connected("p", { protocolVersion: 5 });
  for (const version of [4, 5] as const) {
    const properties = version === 5 ? { properties: { sessionExpiryInterval: 3600 } } : {};
    const parts = { clean: false, protocolVersion: version, ...properties };
    const subscriber = await world.connected(`s${version}`, parts);
    await subscriber.subscribe(`a${version}`, 1);
    await subscriber.drop();
    for (const [payload, messageExpiryInterval] of [["zero", 0] as const, ["ever", 0xffff_ffff] as const]) {
      await publisher.publish(`a${version}`, payload, { qos: 1, properties: { messageExpiryInterval } });
    }
    await world.advance(version === 4 ? 999 : 1001);
    const again = await world.connected(`s${version}`, parts);
    const expected = version === 4 ? ["a4=zero", "a4=ever"] : ["a5=ever"];
    assert.deepEqual(again.messages(), expected, "0 counts as one second");
  }
});

test("Basic Ingest's first three levels count towards no limit of topics", async () => {
  const heard: string[] = [];
  const world = new World();
  world.broker.onPublish(({ topic }) => void heard.push(topic));
  const deep = "a/b/c/d/e/f/g/h";
  for (const topic of [`$aws/rules/r/${deep}`, `$aws/rules/r/${"x".repeat(256)}`]) {
    await (await world.connected("d")).publish(topic, "x");
    assert.equal(heard.at(-1), topic);
  }
  for (const topic of [`$aws/rules/r/${deep}/i`, `$aws/rules/r/${"x".repeat(257)}`]) {
    const client = await world.connected("d");
    await client.publish(topic, "x");
    assert.equal(client.ended, "end", topic.slice(0, 40));
  }
});
