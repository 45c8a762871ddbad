import assert from "node:assert/strict";
import { duplexPair, type Duplex } from "node:stream";
import { test } from "node:test";

import { generate, parser, type Packet } from "mqtt-packet";

import { ProtocolError, Refused, UsageError } from "../codec/index.ts";
import { SeededEntropy, VirtualClock } from "../crypto/index.ts";
import { nodeHash } from "../crypto/node.ts";
import { Ledger } from "../trace/index.ts";
import { ConnectedDevice, type DeviceProgress } from "./node.ts";

/** What a scripted broker does with each packet of one connection. */
type Behaviour = (packet: Packet, reply: (packet: Packet) => void, stream: Duplex) => void;

const accept: Behaviour = (packet, reply) => {
  if (packet.cmd === "connect") reply({ cmd: "connack", returnCode: 0, sessionPresent: false });
  if (packet.cmd === "publish") reply({ cmd: "puback", messageId: packet.messageId ?? 0 });
  if (packet.cmd === "subscribe") reply({ cmd: "suback", messageId: packet.messageId ?? 0, granted: [1] });
};
const drop: Behaviour = (_packet, _reply, stream) => void stream.end();
const loseAtPublish: Behaviour = (packet, reply, stream) =>
  packet.cmd === "publish" ? stream.destroy() : accept(packet, reply, stream);

/** A device whose every attempt meets the next behaviour; time passes only by its own waiting. */
function scripted(
  behaviours: readonly Behaviour[],
  options: { maxFailures?: number; maxLosses?: number; signal?: AbortSignal; protocolVersion?: 4 | 5 } = {},
) {
  const { protocolVersion = 4 } = options;
  const clock = new VirtualClock();
  const ledger = new Ledger({ clock });
  const progress: DeviceProgress[] = [];
  const received: Packet[] = [];
  const streams: Duplex[] = [];
  let attempt = 0;
  const open = async () => {
    const [device, broker] = duplexPair();
    const behave = behaviours[Math.min(attempt++, behaviours.length - 1)] ?? accept;
    const input = parser({ protocolVersion });
    input.on("packet", (packet: Packet) => {
      received.push(packet);
      if (!broker.destroyed) behave(packet, (answer) => broker.write(generate(answer, { protocolVersion })), broker);
    });
    broker.on("data", (chunk: Buffer) => input.parse(chunk));
    broker.on("end", () => broker.end());
    broker.on("close", () => device.destroy());
    streams.push(broker);
    return device;
  };
  const connect = (overrides: { open?: () => Promise<Duplex> } = {}) =>
    ConnectedDevice.connect({
      open: overrides.open ?? open,
      mqtt: { clientId: "d1", protocolVersion, keepAliveSeconds: 0, answerWithinMs: 1000, clock, trace: ledger },
      policy: {
        firstMs: 100,
        maxMs: 1000,
        stableMs: 5000,
        maxFailures: options.maxFailures ?? 5,
        maxLosses: options.maxLosses ?? Number.POSITIVE_INFINITY,
      },
      clock,
      entropy: new SeededEntropy(nodeHash, "device"),
      signal: options.signal ?? new AbortController().signal,
      onProgress(step) {
        progress.push(step);
        if (step.step === "waiting") setImmediate(() => clock.advance(step.delayMs));
      },
    });
  return { connect, progress, received, ledger, clock, streams };
}

const bytes = (text: string) => new TextEncoder().encode(text);
const steps = (progress: readonly DeviceProgress[]) => progress.map(({ step }) => step);

test("AW-64 AW-63 a device that is dropped before CONNACK comes back with back-off until it is accepted", async () => {
  const { connect, progress } = scripted([drop, drop, accept]);
  const device = await connect();
  assert.deepEqual(steps(progress), [
    "connecting",
    "refused",
    "waiting",
    "connecting",
    "refused",
    "waiting",
    "connecting",
    "connected",
  ]);
  for (const step of progress) if (step.step === "refused") assert.equal(step.dropped, true);
  const waits = progress.flatMap((step) => (step.step === "waiting" ? [step.delayMs] : []));
  assert.ok((waits[0] ?? 0) >= 50 && (waits[1] ?? 0) >= 100, String(waits));
  await device.end();
});

test("AW-65 publish settles with PUBACK and sends again, over a new connection, what was not acknowledged", async () => {
  const { connect, received, progress } = scripted([loseAtPublish, accept]);
  const device = await connect();
  await device.publish("t/a", bytes("one"));
  const published = received.filter((packet) => packet.cmd === "publish");
  assert.deepEqual(
    published.map(({ topic, qos, payload }) => [topic, qos, String(payload)]),
    [
      ["t/a", 1, "one"],
      ["t/a", 1, "one"],
    ],
  );
  assert.ok(steps(progress).includes("lost"));
  await device.end();
});

test("a subscriber that loses its connection subscribes again without being asked", async () => {
  const heard: string[] = [];
  let told = () => {};
  const again = new Promise<void>((resolve) => (told = resolve));
  const talk: Behaviour = (packet, reply, stream) => {
    accept(packet, reply, stream);
    if (packet.cmd !== "subscribe") return;
    const publish = { cmd: "publish" as const, topic: "t/a/b", payload: `hello ${heard.length}`, qos: 0 as const };
    reply({ ...publish, dup: false, retain: false });
  };
  const { connect, streams } = scripted([talk]);
  const device = await connect();
  await device.subscribe("t/+/b", (topic, payload) => {
    heard.push(`${topic} ${new TextDecoder().decode(payload)}`);
    if (heard.length === 1) streams[0]?.destroy();
    else told();
  });
  await again;
  assert.deepEqual(heard, ["t/a/b hello 0", "t/a/b hello 1"]);
  await device.end();
});

test("gave-up names the attempts and carries the last failure", async () => {
  const { connect } = scripted([drop], { maxFailures: 3 });
  await assert.rejects(connect(), (error) => {
    assert.ok(error instanceof Refused && error.code === "gave-up" && error.wire === 3);
    assert.ok(error.cause instanceof ProtocolError && error.cause.code === "connection-dropped");
    return true;
  });
});

test("connack-refused is what a CONNACK with a refusal ends in, and the device tries again", async () => {
  const refuse: Behaviour = (_packet, reply) => reply({ cmd: "connack", returnCode: 5, sessionPresent: false });
  const { connect, progress } = scripted([refuse, accept]);
  await (await connect()).end();
  const [refused] = progress.filter((step) => step.step === "refused");
  assert.ok(refused?.error instanceof Refused && refused.error.code === "connack-refused" && refused.error.wire === 5);
});

test("publish-refused carries the reason code of PUBACK", async () => {
  const refuse: Behaviour = (packet, reply, stream) => {
    if (packet.cmd === "connect") reply({ cmd: "connack", reasonCode: 0, sessionPresent: false });
    else if (packet.cmd === "publish") reply({ cmd: "puback", messageId: packet.messageId ?? 0, reasonCode: 0x87 });
    else accept(packet, reply, stream);
  };
  const { connect } = scripted([refuse], { protocolVersion: 5 });
  const device = await connect();
  await assert.rejects(
    device.publish("t", bytes("x")),
    (error) => error instanceof Refused && error.code === "publish-refused" && error.wire === 0x87,
  );
  await device.end();
});

test("subscribe-refused carries the reason code of SUBACK", async () => {
  const refuse: Behaviour = (packet, reply, stream) => {
    if (packet.cmd === "subscribe") reply({ cmd: "suback", messageId: packet.messageId ?? 0, granted: [128] });
    else accept(packet, reply, stream);
  };
  const { connect } = scripted([refuse]);
  const device = await connect();
  await assert.rejects(
    device.subscribe("$SYS/#", () => undefined),
    (error) => error instanceof Refused && error.code === "subscribe-refused" && error.wire === 128,
  );
  await device.end();
});

test("not-mqtt is what another server at that port ends in, at once", async () => {
  const http: Behaviour = (_packet, _reply, stream) => void stream.end("HTTP/1.1 400 Bad Request\r\n\r\n");
  const { connect, progress } = scripted([http]);
  await assert.rejects(connect(), { code: "not-mqtt" });
  assert.deepEqual(steps(progress), ["connecting", "refused"]);
});

test("a failure that waiting cannot cure ends connecting at once, as itself", async () => {
  const { connect, progress } = scripted([accept]);
  const failure = new UsageError("bad-key", "no such key");
  await assert.rejects(connect({ open: async () => Promise.reject(failure) }), failure);
  assert.deepEqual(steps(progress), ["connecting", "refused"]);
});

test("an aborted device stops waiting and connecting", async () => {
  const controller = new AbortController();
  const { connect, progress } = scripted(
    [
      (_packet, _reply, stream) => {
        stream.end();
        controller.abort();
      },
    ],
    { signal: controller.signal },
  );
  await assert.rejects(connect(), { name: "AbortError" });
  assert.deepEqual(steps(progress), ["connecting"]);
});

test("a silent broker is connection-lost once the answer's time is over", async () => {
  const deaf: Behaviour = (packet, reply, stream) => void (packet.cmd === "connect" && accept(packet, reply, stream));
  const { connect, clock, progress } = scripted([deaf, accept]);
  const device = await connect();
  const published = device.publish("t", bytes("x"));
  setImmediate(() => clock.advance(1000));
  await published;
  const lost = progress.find((step) => step.step === "lost");
  assert.match(String(lost?.error), /no PUBACK for t in time/);
  await device.end();
});

test("every MQTT packet of a session is in the ledger with direction, topic and size", async () => {
  const { connect, ledger } = scripted([accept]);
  const device = await connect();
  await device.publish("t/a", bytes("12"));
  const packets = ledger
    .events({ kinds: ["mqtt.packet"] })
    .flatMap((event) =>
      event.kind === "mqtt.packet" ? [[event.direction, event.packet, event.topic, event.bytes]] : [],
    );
  assert.deepEqual(packets, [
    ["sent", "CONNECT", "", 16],
    ["received", "CONNACK", "", 2],
    ["sent", "PUBLISH", "t/a", 11],
    ["received", "PUBACK", "", 2],
  ]);
  await device.end();
});

test("a device stops after maxLosses connections that ended at the same message, and says what that means", async () => {
  const { connect, progress } = scripted([loseAtPublish], { maxLosses: 3 });
  const device = await connect();
  await assert.rejects(device.publish("t/1", bytes("hi")), { code: "dropped-at-request", wire: 3 });
  assert.equal(steps(progress).filter((step) => step === "connected").length, 3);
});
