import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";

import { generate } from "mqtt-packet";

import type { BenchOptions, BenchRow } from "./bench-row.ts";
import { serverIdentity, startMosquitto, startOurs, type Target } from "./broker.bench.ts";

const AT_ONCE = 20;

/**
 * What a connection costs that does nothing: MQTT over TLS 1.3 to our broker and to mosquitto, opened by this process.
 * Our broker resumes no TLS sessions unless it is told to: each connect here is a full one.
 */
export async function run({ long, progress }: BenchOptions): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), "broker-idle-"));
  const ours = await startOurs(serverIdentity(folder));
  const theirs = await startMosquitto(folder);
  try {
    const count = long ? 4000 : 400;
    progress(`  ${count} idle TLS connections`);
    // What the first connections make the process load, and its young heap grow to, is no cost of a connection.
    const before = long ? 1000 : 50;
    const mine = await measure(ours, count, before);
    const peer = theirs && (await measure(theirs, count, before));
    return [
      row(
        "idle TLS connection",
        "kB",
        mine.kilobytes,
        peer?.kilobytes,
        `resident memory after a collection, ${count} connections`,
      ),
      row(
        "TLS and MQTT connects",
        "/s",
        mine.perSecond,
        peer?.perSecond,
        `full handshakes, ${AT_ONCE} at once, one client process`,
      ),
    ];
  } finally {
    ours.stop();
    theirs?.stop();
    rmSync(folder, { recursive: true });
  }
}

function row(name: string, unit: string, ours: number, peer: number | undefined, note: string): BenchRow {
  return { name, ours, peer, ratio: peer && ours / peer, unit, note };
}

async function measure(
  target: Target,
  count: number,
  firstCount: number,
): Promise<{ kilobytes: number; perSecond: number }> {
  const first = await openAll(target.tls, firstCount, "first");
  await target.collect();
  const before = residentKilobytes(target.pid);
  const start = performance.now();
  const sockets = await openAll(target.tls, count, "idle");
  const perSecond = (count * 1000) / (performance.now() - start);
  await target.collect();
  const kilobytes = (residentKilobytes(target.pid) - before) / count;
  for (const socket of [...first, ...sockets]) socket.destroy();
  return { kilobytes, perSecond };
}

async function openAll(port: number, count: number, name: string): Promise<TLSSocket[]> {
  const sockets: TLSSocket[] = [];
  for (let at = 0; at < count; at += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - at) }, (_, i) => open(port, `${name}${at + i}`));
    sockets.push(...(await Promise.all(some)));
  }
  return sockets;
}

async function open(port: number, clientId: string): Promise<TLSSocket> {
  const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false });
  await new Promise((resolve, reject) => {
    socket.once("secureConnect", resolve);
    socket.once("error", reject);
  });
  socket.write(generate({ cmd: "connect", clientId, clean: true, keepalive: 1200, protocolVersion: 4 }));
  await new Promise((resolve) => socket.once("data", resolve));
  return socket;
}

/** Linux only: elsewhere it is not a number. */
function residentKilobytes(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  } catch {
    return Number.NaN;
  }
}
