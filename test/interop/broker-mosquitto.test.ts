/** Debian's mosquitto_pub and mosquitto_sub against our broker, MQTT 3.1.1 and 5, plain and over TLS. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import { brokerWorld, Running, type BrokerWorld } from "./broker-world.ts";
import { requirePeer } from "./peers.ts";

type Transport = "plain" | "TLS";
type Version = "mqttv311" | "mqttv5";

class Programs {
  readonly world: BrokerWorld;
  readonly #t: TestContext;
  readonly #common: readonly string[];

  constructor(t: TestContext, world: BrokerWorld, how: { readonly transport: Transport; readonly version: Version }) {
    this.world = world;
    this.#t = t;
    const { ca, cert, key } = world.files;
    const tls = ["-p", String(world.tls), "--cafile", ca, "--cert", cert, "--key", key];
    const target = how.transport === "TLS" ? tls : ["-p", String(world.plain)];
    this.#common = ["-h", "localhost", "-V", how.version, ...target];
  }

  /** mosquitto_pub, which must succeed unless told otherwise. */
  async pub(args: readonly string[], status = 0, input?: string): Promise<string> {
    const program = new Running(
      this.#t,
      "mosquitto_pub",
      [...this.#common, ...args],
      input === undefined ? {} : { input },
    );
    assert.equal(await program.ended(), status, program.output);
    return program.output;
  }

  /** mosquitto_sub, once the broker has answered its SUBSCRIBE. */
  async sub(id: string, args: readonly string[]): Promise<Running> {
    const subscribed = this.world.nextEvent(
      (event) => event.kind === "mqtt.packet" && event.packet === "suback" && event.clientId === id,
    );
    const program = new Running(this.#t, "mosquitto_sub", [...this.#common, "-i", id, ...args]);
    await subscribed;
    return program;
  }

  run(program: string, args: readonly string[]): Running {
    return new Running(this.#t, program, [...this.#common, ...args]);
  }
}

for (const version of ["mqttv311", "mqttv5"] as const) {
  for (const transport of ["plain", "TLS"] as const) {
    test(`AW-01 AW-47 AW-65 mosquitto_pub reaches mosquitto_sub, ${version}, ${transport}, QoS 0 and 1`, async (t) => {
      if (!requirePeer(t, "mosquitto_pub")) return;
      const programs = new Programs(t, await brokerWorld(t), { transport, version });
      const subscriber = await programs.sub("s", ["-t", "room/+/temperature", "-q", "1", "-v", "-C", "4"]);
      await programs.pub(["-t", "room/1/temperature", "-m", "zero", "-q", "0"]);
      await programs.pub(["-t", "room/2/temperature", "-m", "one", "-q", "1"]);
      await programs.pub(["-t", "room/2/humidity", "-m", "not this", "-q", "1"]);
      await programs.pub(["-t", "room/3/temperature", "-l", "-q", "1"], 0, "first line\nsecond line\n");
      assert.equal(await subscriber.ended(), 0);
      const lines = subscriber.output.split("\n").filter((line) => line.startsWith("room/"));
      assert.deepEqual(lines, [
        "room/1/temperature zero",
        "room/2/temperature one",
        "room/3/temperature first line",
        "room/3/temperature second line",
      ]);
    });
  }

  test(`mosquitto's retained message reaches a later subscriber, and is gone after an empty one, ${version}`, async (t) => {
    if (!requirePeer(t, "mosquitto_pub")) return;
    const programs = new Programs(t, await brokerWorld(t), { transport: "plain", version });
    await programs.pub(["-t", "state", "-m", "kept", "-r", "-q", "1"]);
    const late = await programs.sub("late", ["-t", "state", "-q", "1", "-C", "1", "-F", "%r %p"]);
    assert.equal(await late.ended(), 0);
    assert.match(late.output, /^1 kept$/m);
    await programs.pub(["-t", "state", "-n", "-r"]);
    assert.equal(programs.world.broker.retained, 0);
  });

  test(`mosquitto's will is published when it is killed, not when it disconnects, ${version}`, async (t) => {
    if (!requirePeer(t, "mosquitto_pub")) return;
    const programs = new Programs(t, await brokerWorld(t), { transport: "plain", version });
    const watcher = await programs.sub("w", ["-t", "gone/#", "-v", "-C", "1"]);
    const will = (id: string) => ["-t", "x", "--will-topic", `gone/${id}`, "--will-payload", "bye", "--will-qos", "1"];
    const polite = await programs.sub("polite", [...will("polite"), "-C", "1"]);
    await programs.pub(["-t", "x", "-m", "enough"]);
    assert.equal(await polite.ended(), 0);
    const rude = await programs.sub("rude", [...will("rude")]);
    rude.child.kill("SIGKILL");
    assert.equal(await watcher.ended(), 0);
    assert.match(watcher.output, /^gone\/rude bye$/m);
    assert.doesNotMatch(watcher.output, /^gone\/polite/m);
  });

  test(`mosquitto_sub's persistent session is sent what came while it was away, ${version}`, async (t) => {
    if (!requirePeer(t, "mosquitto_pub")) return;
    const programs = new Programs(t, await brokerWorld(t), { transport: "plain", version });
    const session = ["-c", "-t", "inbox/#", "-q", "1", ...(version === "mqttv5" ? ["-x", "600"] : [])];
    const first = await programs.sub("device", session);
    // SIGTERM is not safe: mosquitto_sub may wait for ever when it comes while a packet is handled.
    first.child.kill("SIGKILL");
    await first.ended();
    for (const text of ["one", "two", "three"]) await programs.pub(["-t", "inbox/a", "-m", text, "-q", "1"]);
    await programs.pub(["-t", "inbox/a", "-m", "lost", "-q", "0"]);
    const again = programs.run("mosquitto_sub", ["-i", "device", ...session, "-C", "3"]);
    assert.equal(await again.ended(), 0);
    assert.equal(again.output, "one\ntwo\nthree\n");
  });

  test(`two mosquitto_sub with one client id: the second takes over, ${version}`, async (t) => {
    if (!requirePeer(t, "mosquitto_sub")) return;
    const programs = new Programs(t, await brokerWorld(t), { transport: "plain", version });
    const first = await programs.sub("twin", ["-t", "a"]);
    await programs.sub("twin", ["-t", "a"]);
    await programs.world.event((event) => event.kind === "refusal" && event.cause === "client-id-taken-over");
    first.child.kill("SIGKILL");
    await first.ended();
  });

  test(`a refused CONNECT is told to mosquitto_pub in its own words, ${version}`, async (t) => {
    if (!requirePeer(t, "mosquitto_pub")) return;
    const programs = new Programs(t, await brokerWorld(t), { transport: "TLS", version });
    const status = version === "mqttv5" ? 135 : 5;
    const output = await programs.pub(["-t", "a", "-m", "x", "-u", "stranger"], status);
    assert.match(output, version === "mqttv5" ? /Not authorized/i : /not authori[sz]ed/i);
  });
}

test("MQTT 5 properties set by mosquitto_pub arrive at mosquitto_sub", async (t) => {
  if (!requirePeer(t, "mosquitto_pub")) return;
  const programs = new Programs(t, await brokerWorld(t), { transport: "plain", version: "mqttv5" });
  const subscriber = await programs.sub("s", ["-t", "a", "-q", "1", "-C", "1", "-F", "%E|%C|%R|%D|%P|%p"]);
  const properties: [string, ...string[]][] = [
    ["message-expiry-interval", "60"],
    ["content-type", "text/plain"],
    ["response-topic", "reply/here"],
    ["correlation-data", "42"],
    ["user-property", "b", "1"],
    ["user-property", "a", "2"],
  ];
  const args = properties.flatMap((property) => ["-D", "publish", ...property]);
  await programs.pub(["-t", "a", "-q", "1", "-m", "x", ...args]);
  assert.equal(await subscriber.ended(), 0);
  assert.match(subscriber.output, /^60\|text\/plain\|reply\/here\|42\|b:1 a:2\|x$/m);
});

for (const transport of ["plain", "TLS"] as const) {
  test(
    `when the cloud stops, mosquitto_sub over ${transport} hears why before the connection ends`,
    { timeout: 30_000 },
    async (t) => {
      if (!requirePeer(t, "mosquitto_sub")) return;
      const world = await brokerWorld(t);
      const subscriber = await new Programs(t, world, { transport, version: "mqttv5" }).sub("s", ["-t", "a", "-d"]);
      await world.closeListeners();
      await subscriber.ended();
      assert.match(subscriber.output, /Received DISCONNECT \(139\)/);
    },
  );
}

test("a client that does not trust the server's certificate is a refusal tls-failed with its alert", async (t) => {
  if (!requirePeer(t, "mosquitto_pub")) return;
  const world = await brokerWorld(t);
  const other = await brokerWorld(t);
  const args = ["-h", "localhost", "-p", String(world.tls), "--cafile", other.files.ca, "-t", "a", "-m", "x"];
  const program = new Running(t, "mosquitto_pub", args);
  assert.notEqual(await program.ended(), 0);
  const event = await world.event(({ kind }) => kind === "refusal");
  assert.ok(event.kind === "refusal");
  assert.deepEqual([event.cause, event.address], ["tls-failed", "127.0.0.1"]);
  assert.match(String(event.evidence["said"]), /unknown ca/i);
});
