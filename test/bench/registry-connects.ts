import { randomInt } from "node:crypto";
import { createSecureContext } from "node:tls";

import { cpuSecondsOf, median } from "./bench-row.ts";
import { connected, type Device } from "./onboarding.bench.ts";
import type { Fleet } from "./registry-fill.ts";
import type { Compared } from "./registry-lookup.ts";

const ROUNDS = 9;

/** A cloud in a process of its own, over so many devices. */
export type RunningCloud = {
  readonly pid: number;
  readonly mqttPort: number;
  /** Who connects next. */
  readonly next: () => number;
};

/** All devices of a registry in no order, again and again: none comes back while its certificate is remembered. */
export function devicesOf(size: number): () => number {
  let at = randomInt(size);
  // The sizes are powers of ten, with which this has no factor in common.
  const step = 2 * Math.floor(size * 0.191) + 1;
  return () => (at = (at + (step % 5 === 0 ? step + 2 : step)) % size);
}

/**
 * Microseconds of the cloud's CPU that a whole CONNECT takes, from TCP to CONNACK over full mutual TLS 1.2, of devices
 * anywhere in the registry: two clouds in turns.
 */
export async function compareConnects(
  fleet: Fleet,
  { ours, peer, count }: { readonly ours: RunningCloud; readonly peer: RunningCloud; readonly count: number },
): Promise<Compared> {
  for (const cloud of [ours, peer]) await cpuMicroseconds(fleet, cloud, count);
  const rounds: { readonly ours: number; readonly peer: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    rounds.push({
      ours: await cpuMicroseconds(fleet, ours, count),
      peer: await cpuMicroseconds(fleet, peer, count),
    });
  }
  const ratios = rounds.map((each) => each.ours / each.peer).sort((a, b) => a - b);
  return {
    ours: median(rounds.map((each) => each.ours)),
    peer: median(rounds.map((each) => each.peer)),
    ratios: [ratios.at(0) ?? Number.NaN, ratios.at(-1) ?? Number.NaN],
  };
}

async function cpuMicroseconds(fleet: Fleet, { pid, mqttPort, next }: RunningCloud, count: number): Promise<number> {
  const devices: Device[] = Array.from({ length: count }, () => {
    const { cert, key, clientId } = fleet.identityOf(next());
    return { clientId, context: createSecureContext({ cert, key, maxVersion: "TLSv1.2" }) };
  });
  const before = cpuSecondsOf(pid);
  for (const device of devices) await connected(mqttPort, device);
  return ((cpuSecondsOf(pid) - before) * 1e6) / count;
}
