import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectPlain } from "node:net";
import { test, type TestContext } from "node:test";
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from "node:tls";

import { generate } from "mqtt-packet";

import { Broker } from "../../src/cloud/broker/index.ts";
import { listenPlain, nodeDefer } from "../../src/cloud/broker/node.ts";
import { toHex } from "../../src/codec/index.ts";
import { VirtualClock } from "../../src/crypto/index.ts";
import { nodeClock, nodeEntropy } from "../../src/crypto/node.ts";
import { silentTrace } from "../../src/trace/index.ts";
import { chainPem, keyPem } from "../tls/hierarchy.ts";
import { brokerWorld, Running, type BrokerWorld } from "./broker-world.ts";
import { requirePeer } from "./peers.ts";

const CONNECT = generate({ cmd: "connect", clientId: "d", clean: true, keepalive: 60, protocolVersion: 4 });

function open(t: TestContext, world: BrokerWorld, options: ConnectionOptions = {}): TLSSocket {
  const ca = [world.hierarchy.root.certificate].map(({ der }) => chainPem([der]));
  const socket = connectTls({ host: "127.0.0.1", port: world.tls, servername: "localhost", ca, ...options });
  socket.on("error", () => undefined);
  t.after(() => socket.destroy());
  return socket;
}

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  test(`the gatekeeper is shown the chain that was presented, and the server name, over ${version}`, async (t) => {
    const world = await brokerWorld(t);
    const identity = { key: keyPem(world.device.key), cert: chainPem(world.device.chain) };
    const socket = open(t, world, { ...identity, minVersion: version, maxVersion: version });
    socket.write(CONNECT);
    await once(socket, "data");
    const [request] = world.requests;
    const chain = world.device.chain.map(toHex);
    assert.deepEqual(request?.peer.certificates.map(toHex), chain);
    // What most decisions need is there without asking.
    assert.deepEqual(world.own[0]?.map(toHex), chain.slice(0, 1));
    assert.deepEqual([request?.peer.servername, request?.peer.address], ["localhost", "127.0.0.1"]);
    assert.match(request?.peer.connection ?? "", /^[0-9a-f]{16}$/);
  });
}

test("a client without certificate, and one whose issuer nobody knows, reach the gatekeeper too", async (t) => {
  const world = await brokerWorld(t);
  const other = await world.hierarchy.device();
  for (const identity of [{}, { key: keyPem(other.key), cert: chainPem(other.chain.slice(0, 1)) }]) {
    const socket = open(t, world, identity);
    socket.write(CONNECT);
    await once(socket, "data");
  }
  assert.deepEqual(
    world.requests.map(({ peer }) => peer.certificates.length),
    [0, 1],
  );
});

test("ALPN does not matter: a client that offers x-amzn-mqtt-ca is served", async (t) => {
  const world = await brokerWorld(t);
  const socket = open(t, world, { ALPNProtocols: ["x-amzn-mqtt-ca"] });
  socket.write(CONNECT);
  await once(socket, "data");
  assert.equal(world.requests.length, 1);
});

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  test(`a TLS session is not resumed over ${version}: each connection shows its chain`, async (t) => {
    const world = await brokerWorld(t);
    const identity = { key: keyPem(world.device.key), cert: chainPem(world.device.chain) };
    const options = { ...identity, minVersion: version, maxVersion: version };
    const first = open(t, world, options);
    const sessions: Buffer[] = [];
    first.on("session", (session: Buffer) => sessions.push(session));
    first.write(CONNECT);
    await once(first, "data");
    const session = sessions.at(-1) ?? first.getSession();
    first.destroy();
    const second = open(t, world, { ...options, ...(session ? { session } : {}) });
    second.write(CONNECT);
    await once(second, "data");
    assert.equal(second.isSessionReused(), false);
    assert.equal(world.requests[1]?.peer.certificates.length, 2);
  });
}

test("failed TLS handshakes are refusals that say why", async (t) => {
  const cases: { name: string; cause: string; start: (world: BrokerWorld) => void }[] = [
    {
      name: "TLS 1.1",
      cause: "tls-version",
      start: (world) =>
        void open(t, world, { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }),
    },
    {
      name: "no common suite",
      cause: "tls-cipher-suite",
      start: (world) => void open(t, world, { maxVersion: "TLSv1.2", ciphers: "ECDHE-RSA-AES128-GCM-SHA256" }),
    },
    { name: "a client that does not trust us", cause: "tls-failed", start: (world) => void open(t, world, { ca: [] }) },
    {
      name: "HTTP",
      cause: "not-tls",
      start: (world) => {
        const socket = connectPlain(world.tls, "127.0.0.1");
        socket.on("error", () => undefined);
        socket.write("GET / HTTP/1.1\r\n\r\n");
        t.after(() => socket.destroy());
      },
    },
  ];
  for (const { name, cause, start } of cases) {
    const world = await brokerWorld(t);
    start(world);
    const event = await world.event(({ kind }) => kind === "refusal");
    assert.ok(event.kind === "refusal");
    assert.equal(event.cause, cause, `${name}: ${JSON.stringify(event.evidence)}`);
    assert.equal(event.address, "127.0.0.1", name);
    assert.notEqual(event.evidence["code"], "", name);
    assert.equal(world.requests.length, 0);
  }
});

/** Time that stands still, and knows how many timers were set. */
class CountingClock extends VirtualClock {
  timers = 0;

  override after(delayMs: number, task: () => void): () => void {
    this.timers += 1;
    return super.after(delayMs, task);
  }
}

test("a connection that does not finish TLS, or sends no CONNECT, is cut after the connect timeout", async (t) => {
  const clock = new CountingClock();
  const world = await brokerWorld(t, { clock });
  const silent = connectPlain(world.tls, "127.0.0.1");
  const secured = open(t, world);
  const plain = connectPlain(world.plain, "127.0.0.1");
  const closed = Promise.all([silent, secured, plain].map((socket) => once(socket.resume(), "close")));
  // Two handshakes and two connections wait.
  while (clock.timers < 4) await new Promise((resolve) => setImmediate(resolve));
  clock.advance(world.broker.settings.limits.connectTimeoutMs);
  await closed;
  assert.deepEqual(
    world
      .refusals()
      .map(({ cause, evidence }) => `${cause}: ${String(evidence["awaited"])}`)
      .sort(),
    ["connect-timeout: CONNECT", "connect-timeout: CONNECT", "connect-timeout: TLS handshake"],
  );
});

test("what was written before the end arrives, and a peer that lingers is cut", async (t) => {
  const clock = new VirtualClock();
  const world = await brokerWorld(t, { clock });
  const socket = connectPlain({ port: world.plain, host: "127.0.0.1", allowHalfOpen: true });
  t.after(() => socket.destroy());
  const received: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => received.push(chunk));
  socket.write(
    generate({ cmd: "connect", clientId: "d", clean: true, keepalive: 60, protocolVersion: 4, username: "stranger" }),
  );
  await once(socket, "end");
  assert.deepEqual(Buffer.concat(received), Buffer.from([0x20, 2, 0, 5]));
  socket.on("error", () => undefined);
  clock.advance(5000);
  // Our half is still open: only writing shows that the other side is gone.
  while (!socket.destroyed) {
    socket.write("x");
    await new Promise((resolve) => setImmediate(resolve));
  }
});

test("backpressure of real sockets: a subscriber that does not read loses QoS 0, and no connection is harmed", async (t) => {
  const world = await brokerWorld(t);
  const connect = async (clientId: string) => {
    const socket = connectPlain(world.plain, "127.0.0.1");
    socket.on("error", () => undefined);
    t.after(() => socket.destroy());
    socket.write(generate({ cmd: "connect", clientId, clean: true, keepalive: 60, protocolVersion: 4 }));
    await once(socket, "data");
    return socket;
  };
  const [subscriber, publisher] = [await connect("s"), await connect("p")];
  subscriber.write(generate({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a", qos: 0 }] }));
  await once(subscriber, "data");
  subscriber.pause();
  const message = generate({
    cmd: "publish",
    topic: "a",
    payload: Buffer.alloc(60_000),
    qos: 0,
    dup: false,
    retain: false,
  });
  const isDropping = world.event(
    (event) => event.kind === "refusal" && event.evidence["limit"] === "outboundSoftBytes",
  );
  const state = { isDropping: false, isDone: false };
  void isDropping.then(() => (state.isDropping = true));
  while (!state.isDropping) if (!publisher.write(message)) await once(publisher, "drain");
  subscriber.resume();
  const last = generate({ cmd: "publish", topic: "a", payload: "last", qos: 0, dup: false, retain: false });
  subscriber.on("data", (chunk: Buffer) => (state.isDone ||= chunk.includes("last")));
  while (!state.isDone) {
    publisher.write(last);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual(
    world.broker.sessions().map(({ connected }) => connected),
    [true, true],
  );
});

test("plain MQTT is offered on loopback addresses only", async () => {
  const broker = new Broker({
    clock: nodeClock,
    entropy: nodeEntropy,
    defer: nodeDefer,
    trace: silentTrace,
    gatekeeper: { admit: () => Promise.reject(new RangeError("not asked")) },
  });
  for (const host of ["0.0.0.0", "::", "192.0.2.1"]) {
    const listen = listenPlain({ broker, host, port: 0, clock: nodeClock, trace: silentTrace });
    await assert.rejects(listen, { code: "not-loopback" });
  }
  await broker.stop();
});

test("openssl s_client sees both TLS versions and is asked for a certificate without a list of authorities", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const world = await brokerWorld(t);
  for (const version of ["-tls1_2", "-tls1_3"]) {
    const target = ["-connect", `127.0.0.1:${world.tls}`, "-servername", "localhost", "-CAfile", world.files.ca];
    const client = new Running(t, "openssl", ["s_client", version, "-verify_return_error", ...target], { input: "" });
    await client.ended();
    assert.match(client.output, /Verification: OK/);
    assert.match(client.output, /No client certificate CA names sent/);
  }
});
