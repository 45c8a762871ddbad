import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { World, type Client } from "./harness.test.ts";
import { AWS_PROFILE, SPEC_PROFILE } from "./index.ts";
import { malformed } from "./errors.ts";
import { PacketSplitter } from "./packet-splitter.ts";
import { TopicTrie } from "./topic-trie.ts";
import { filterMatches } from "./topics.ts";

const level = fc.constantFrom("a", "b", "c", "");
const topics = fc
  .array(level, { minLength: 1, maxLength: 4 })
  .map((levels) => levels.join("/"))
  .filter((topic) => topic !== "");
const filters = fc
  .tuple(fc.array(fc.oneof(level, fc.constant("+")), { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([levels, isMultiLevel]) => [...levels, ...(isMultiLevel ? ["#"] : [])].join("/"))
  .filter((filter) => filter !== "");

/** MQTT's matching as a regular expression: written from the specification, not from the trie. */
function expression(filter: string, matchesParent: boolean): RegExp {
  const body = filter
    .replaceAll("+", "[^/]*")
    .replace(/\/#$/, matchesParent ? "(/.*)?" : "/.*")
    .replace(/^#$/, ".*");
  return new RegExp(`^${body}$`);
}

test("TopicTrie finds exactly the filters that match, after any additions and removals", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(filters, fc.boolean()), { maxLength: 20 }),
      topics,
      fc.boolean(),
      (steps, topic, parent) => {
        const trie = new TopicTrie<string>({ multiLevelMatchesParent: parent });
        const model = new Set<string>();
        for (const [filter, isAdded] of steps) {
          if (isAdded) {
            trie.add(filter, filter);
            model.add(filter);
          } else assert.equal(trie.remove(filter, filter), model.delete(filter));
        }
        const expected = [...model].filter((filter) => expression(filter, parent).test(topic));
        assert.deepEqual(trie.match(topic).sort(), expected.sort());
        assert.equal(trie.size, model.size);
      },
    ),
    { numRuns: 400 },
  );
});

test("filterMatches says the same as MQTT's matching written as a regular expression", () => {
  fc.assert(
    fc.property(filters, topics, fc.boolean(), (filter, topic, parent) => {
      assert.equal(filterMatches(filter, topic, parent), expression(filter, parent).test(topic));
    }),
    { numRuns: 400 },
  );
  assert.equal(filterMatches("#", "$SYS", true), false);
  assert.equal(filterMatches("+/a", "$SYS/a", true), false);
  assert.equal(filterMatches("$SYS/#", "$SYS/a", true), true);
});

test("TopicTrie survives topics of very many levels and very many values under one filter", () => {
  const trie = new TopicTrie<number>({ multiLevelMatchesParent: true });
  const deep = Array(200).fill("x").join("/");
  trie.add(deep, 1);
  trie.add("#", 2);
  assert.deepEqual(new Set(trie.match(deep)), new Set([1, 2]));
  for (let i = 0; i < 200_000; i++) trie.add("many", i);
  assert.equal(trie.match("many").length, 200_001);
});

test("PacketSplitter gives the same packets however the bytes are cut", () => {
  const packet = fc.uint8Array({ maxLength: 300 }).map((body) => {
    const length = body.length < 128 ? [body.length] : [(body.length & 0x7f) | 0x80, body.length >>> 7];
    return Uint8Array.from([0x30, ...length, ...body]);
  });
  fc.assert(
    fc.property(fc.array(packet, { maxLength: 8 }), fc.array(fc.nat(400), { maxLength: 30 }), (packets, cuts) => {
      const bytes = Buffer.concat(packets);
      const splitter = new PacketSplitter(400);
      const found: Buffer[] = [];
      let at = 0;
      for (const length of [...cuts, bytes.length]) {
        splitter.append(new Uint8Array(bytes.subarray(at, at + length)));
        at = Math.min(bytes.length, at + length);
        while (splitter.next()) found.push(Buffer.from(splitter.bytes.subarray(splitter.start, splitter.end)));
      }
      assert.deepEqual(Buffer.concat(found), bytes);
      assert.equal(found.length, packets.length);
    }),
    { numRuns: 300 },
  );
});

test("PacketSplitter refuses lengths over the maximum, of five bytes, and not in their shortest form", () => {
  const fail = (...bytes: number[]) => {
    const splitter = new PacketSplitter(200);
    splitter.append(Uint8Array.from(bytes));
    return () => splitter.next();
  };
  assert.throws(fail(0x30, 0xff, 0x01), { code: "mqtt-over-limit", reply: 0x95 });
  assert.throws(fail(0x30, 0x80, 0x80, 0x80, 0x80), { code: "mqtt-malformed", reply: 0x81 });
  assert.throws(fail(0x30, 0x81, 0x00), { code: "mqtt-malformed" });
  assert.equal(fail(0x30, 0xc5, 0x01)(), false);
  assert.equal(malformed("x").reply, 0x81);
});

type Op =
  | { readonly do: "connect"; readonly who: number; readonly clean: boolean }
  | { readonly do: "drop"; readonly who: number }
  | { readonly do: "disconnect"; readonly who: number }
  | { readonly do: "subscribe"; readonly who: number; readonly filter: string; readonly qos: 0 | 1 }
  | { readonly do: "unsubscribe"; readonly who: number; readonly filter: string }
  | {
      readonly do: "publish";
      readonly who: number;
      readonly topic: string;
      readonly qos: 0 | 1;
      readonly retain: boolean;
    };

const who = fc.nat(2);
const qos = fc.constantFrom(0 as const, 1 as const);
const op: fc.Arbitrary<Op> = fc.oneof(
  fc.record({ do: fc.constant("connect" as const), who, clean: fc.boolean() }),
  fc.record({ do: fc.constant("drop" as const), who }),
  fc.record({ do: fc.constant("disconnect" as const), who }),
  fc.record({ do: fc.constant("subscribe" as const), who, filter: filters, qos }),
  fc.record({ do: fc.constant("unsubscribe" as const), who, filter: filters }),
  fc.record({ do: fc.constant("publish" as const), who, topic: topics, qos, retain: fc.boolean() }),
);

/** What a broker must deliver, in a few lines: no trie, no window, no packets. */
class Model {
  readonly sessions = new Map<number, { kept: boolean; online: boolean; subs: Map<string, 0 | 1>; queue: string[] }>();
  readonly retained = new Map<string, { text: string; qos: 0 | 1 }>();
  readonly parent: boolean;
  readonly wildcardRetained: boolean;

  constructor(profile: typeof AWS_PROFILE) {
    this.parent = profile.multiLevelMatchesParent;
    this.wildcardRetained = profile.retainedOnWildcard;
  }

  /** Gives what each client receives, as sorted texts. */
  apply(op: Op, serial: number): Map<number, string[]> {
    const out = new Map<number, string[]>([
      [0, []],
      [1, []],
      [2, []],
    ]);
    const session = this.sessions.get(op.who);
    if (op.do === "connect") {
      const resumed = session?.kept && !op.clean ? session : undefined;
      this.sessions.set(op.who, { kept: !op.clean, online: true, subs: resumed?.subs ?? new Map(), queue: [] });
      if (resumed) out.get(op.who)?.push(...resumed.queue);
      return out;
    }
    if (!session?.online) return out;
    if (op.do === "drop" || op.do === "disconnect") {
      session.online = false;
      if (!session.kept) this.sessions.delete(op.who);
    } else if (op.do === "subscribe") {
      session.subs.set(op.filter, op.qos);
      for (const [topic, { text, qos }] of this.retained) {
        if (!this.wildcardRetained && /[+#]/.test(op.filter)) continue;
        if (expression(op.filter, this.parent).test(topic))
          out.get(op.who)?.push(`${topic}=${text}@${Math.min(qos, op.qos)}r`);
      }
    } else if (op.do === "unsubscribe") session.subs.delete(op.filter);
    else this.#publish(op, String(serial), out);
    return out;
  }

  #publish({ topic, qos, retain }: Extract<Op, { do: "publish" }>, text: string, out: Map<number, string[]>): void {
    if (retain) this.retained.set(topic, { text, qos });
    for (const [who, session] of this.sessions) {
      const granted = [...session.subs]
        .filter(([filter]) => expression(filter, this.parent).test(topic))
        .map(([, q]) => q);
      if (granted.length === 0) continue;
      const effective = Math.min(qos, Math.max(...granted));
      const line = `${topic}=${text}@${effective}`;
      if (session.online) out.get(who)?.push(line);
      else if (effective === 1) session.queue.push(line);
    }
  }
}

test("any sequence of operations delivers exactly what a reference model of a few lines delivers", async () => {
  for (const settings of [AWS_PROFILE, { ...SPEC_PROFILE }]) {
    await fc.assert(
      fc.asyncProperty(fc.array(op, { maxLength: 30 }), async (ops) => {
        const world = new World({ settings });
        const model = new Model(settings);
        const clients: (Client | undefined)[] = [];
        for (const [serial, step] of ops.entries()) {
          const expected = model.apply(step, serial);
          await perform(world, clients, step, serial);
          for (const [who, lines] of expected) {
            const got = await receivedBy(clients[who]);
            assert.deepEqual(got.sort(), lines.sort(), `client ${who} at step ${serial}`);
          }
        }
      }),
      { numRuns: 60 },
    );
  }
});

async function perform(world: World, clients: (Client | undefined)[], step: Op, serial: number): Promise<void> {
  const client = clients[step.who];
  if (step.do === "connect") clients[step.who] = await world.connected(`d${step.who}`, { clean: step.clean });
  else if (!client) return;
  else if (step.do === "publish") {
    const { topic, qos, retain } = step;
    await client.send({
      cmd: "publish",
      topic,
      payload: String(serial),
      qos,
      retain,
      dup: false,
      ...(qos > 0 ? { messageId: 1 } : {}),
    });
  } else if (step.do === "subscribe") {
    await client.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: step.filter, qos: step.qos }] });
  } else if (step.do === "unsubscribe") {
    await client.send({ cmd: "unsubscribe", messageId: 1, unsubscriptions: [step.filter] });
  } else {
    if (step.do === "drop") await client.drop();
    else await client.send({ cmd: "disconnect" });
    clients[step.who] = undefined;
  }
}

async function receivedBy(client: Client | undefined): Promise<string[]> {
  const got = client?.takeAll("publish") ?? [];
  for (const { messageId } of got) if (messageId !== undefined) await client?.send({ cmd: "puback", messageId });
  return got.map(({ topic, payload, qos, retain }) => `${topic}=${String(payload)}@${qos}${retain ? "r" : ""}`);
}

/** A conversation as bytes: CONNECT, subscriptions, publishes with and without properties, pings. */
function conversation(client: Client): Uint8Array {
  const properties = { topicAlias: 1, userProperties: { a: "b" } };
  return new Uint8Array(
    Buffer.concat([
      client.bytes({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a/#", qos: 1 }] }),
      client.bytes({
        cmd: "publish",
        topic: "a/b",
        payload: "x".repeat(200),
        qos: 0,
        dup: false,
        retain: false,
        properties,
      }),
      client.bytes({ cmd: "publish", topic: "a/c", payload: "y", qos: 1, messageId: 9, dup: false, retain: false }),
      client.bytes({ cmd: "pingreq" }),
      client.bytes({
        cmd: "publish",
        topic: "",
        payload: "z",
        qos: 0,
        dup: false,
        retain: false,
        properties: { topicAlias: 1 },
      }),
      client.bytes({ cmd: "unsubscribe", messageId: 2, unsubscriptions: ["a/#"] }),
      client.bytes({ cmd: "disconnect", reasonCode: 0 }),
    ]),
  );
}

test("splitting a conversation's bytes anywhere changes nothing in the answers", async () => {
  const run = async (cuts: readonly number[]): Promise<string> => {
    const world = new World();
    const client = await world.connected("d", { protocolVersion: 5 });
    const bytes = conversation(client);
    let at = 0;
    for (const length of [...cuts, bytes.length]) {
      client.connection.receive(bytes.slice(at, at + length));
      await world.settle();
      at += length;
    }
    return Buffer.concat(client.writes).toString("hex");
  };
  const whole = await run([]);
  assert.deepEqual(await run(Array(600).fill(1)), whole);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 100 }), { maxLength: 20 }), async (cuts) => {
      assert.equal(await run(cuts), whole);
    }),
    { numRuns: 40 },
  );
});

/** Whatever arrives: nothing is thrown, and a connection that ends says why. */
async function survives(version: 4 | 5, bytes: Uint8Array, isConnected: boolean): Promise<void> {
  const world = new World();
  const client = isConnected ? await world.connected("d", { protocolVersion: version }) : world.client(version);
  const refused = world.causes().length;
  assert.doesNotThrow(() => client.connection.receive(bytes));
  await world.settle();
  const warnings = world.ledger.events({ kinds: ["process"] });
  assert.deepEqual(warnings, [], "no packet may be more than the client's fault");
  const isDisconnect = world.ledger
    .events({ kinds: ["mqtt.packet"] })
    .some((event) => event.kind === "mqtt.packet" && event.packet === "disconnect" && event.direction === "received");
  if (client.ended === undefined || isDisconnect) return;
  const causes = world.causes().slice(refused);
  assert.ok(
    causes.length > 0 && causes.every((cause) => cause === "mqtt-malformed" || cause === "mqtt-limit"),
    String(causes),
  );
}

test("arbitrary bytes never throw, before CONNECT or after", async () => {
  const version = fc.constantFrom(4 as const, 5 as const);
  const header = fc.constantFrom(0x10, 0x30, 0x32, 0x40, 0x82, 0xa2, 0xc0, 0xe0, 0xf0);
  const framed = fc
    .tuple(header, fc.uint8Array({ maxLength: 60 }))
    .map(([first, body]) => Uint8Array.from([first, body.length, ...body]));
  await fc.assert(
    fc.asyncProperty(version, fc.oneof(fc.uint8Array({ maxLength: 100 }), framed), fc.boolean(), survives),
    { numRuns: 700 },
  );
});

test("a valid conversation with any one byte changed never throws", async () => {
  const world = new World();
  const template = conversation(world.client(5));
  const connect = world.client(5).bytes({
    cmd: "connect",
    clientId: "d",
    protocolVersion: 5,
    keepalive: 60,
    username: "u",
    password: Buffer.from("p"),
    properties: { sessionExpiryInterval: 60, receiveMaximum: 10, userProperties: { a: "b" } },
    will: { topic: "gone", payload: Buffer.from("x"), qos: 1, properties: { willDelayInterval: 5, contentType: "t" } },
  });
  await fc.assert(
    fc.asyncProperty(fc.boolean(), fc.nat(), fc.nat(255), async (isConnect, at, value) => {
      const bytes = new Uint8Array(isConnect ? connect : template);
      bytes[at % bytes.length] = value;
      await survives(5, bytes, !isConnect);
    }),
    { numRuns: 500 },
  );
});
