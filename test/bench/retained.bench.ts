import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { generate, type Packet } from "mqtt-packet";

import { type BenchOptions, type BenchRow, median } from "./bench-row.ts";
import { serverIdentity, startMosquitto, startOurs, type Target } from "./broker.bench.ts";

const PAYLOAD = Buffer.alloc(100, 0x78);
const ROUNDS = 5;

/** How fast a subscription with a wildcard is sent the retained messages of ten thousand topics. */
export async function run({ long, progress }: BenchOptions): Promise<BenchRow[]> {
  const count = long ? 100_000 : 10_000;
  const folder = mkdtempSync(join(tmpdir(), "retained-bench-"));
  const ours = await startOurs(serverIdentity(folder), { profile: "spec" });
  const theirs = await startMosquitto(folder);
  try {
    progress(`  retaining ${count} messages`);
    await fill(ours, count);
    if (theirs) await fill(theirs, count);
    progress("  subscribing");
    const rates: [number, number][] = [];
    for (let round = 0; round < ROUNDS; round++) {
      rates.push([await receive(ours, count), theirs ? await receive(theirs, count) : Number.NaN]);
    }
    const mine = median(rates.map(([rate]) => rate));
    const peer = theirs && median(rates.map(([, rate]) => rate));
    const note = "from SUBSCRIBE to the last of them, QoS 0, 100 bytes each; the topics ours sends are in order";
    const name = `subscribe with ${count.toLocaleString("en")} retained messages`;
    return [{ name, ours: mine, peer, ratio: peer && mine / peer, unit: "msg/s", note }];
  } finally {
    ours.stop();
    theirs?.stop();
    rmSync(folder, { recursive: true });
  }
}

const encode = (packet: Packet) => generate(packet, { protocolVersion: 4 });
const topicOf = (i: number) => `r/${i % 100}/${String(i).padStart(6, "0")}`;
/** Each PUBLISH that comes: header, topic and payload. */
const PACKET_BYTES = encode({
  cmd: "publish",
  topic: topicOf(10),
  payload: PAYLOAD,
  qos: 0,
  dup: false,
  retain: true,
}).length;

async function open(target: Target): Promise<Socket> {
  const socket = connect(target.plain, "127.0.0.1").setNoDelay(true);
  socket.write(encode({ cmd: "connect", clientId: "", clean: true, keepalive: 60, protocolVersion: 4 }));
  await once(socket, "data");
  return socket;
}

async function fill(target: Target, count: number): Promise<void> {
  const socket = await open(target);
  let at = 0;
  let acknowledged = 0;
  const more = () => {
    const end = Math.min(count, at + 500);
    const packets = Array.from({ length: end - at }, (_, i) =>
      encode({
        cmd: "publish",
        topic: topicOf(at + i),
        payload: PAYLOAD,
        qos: 1,
        messageId: i + 1,
        dup: false,
        retain: true,
      }),
    );
    at = end;
    socket.write(Buffer.concat(packets));
  };
  more();
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    acknowledged += chunk.length / 4;
    if (acknowledged >= count) break;
    if (acknowledged >= at) more();
  }
}

async function receive(target: Target, count: number): Promise<number> {
  const socket = await open(target);
  const start = performance.now();
  socket.write(encode({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "r/#", qos: 0 }] }));
  const suback = 5;
  // Topics r/0/… to r/9/… are a byte shorter than the others.
  let expected = suback;
  for (let i = 0; i < count; i++) expected += PACKET_BYTES - (i % 100 < 10 ? 1 : 0);
  let bytes = 0;
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes >= expected) break;
  }
  return (count * 1000) / (performance.now() - start);
}
