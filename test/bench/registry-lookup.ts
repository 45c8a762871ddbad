import { randomInt } from "node:crypto";

import { describeCertificate, type Registry } from "../../src/cloud/registry/index.ts";
import { certificateId } from "../../src/pki/index.ts";
import { median } from "./bench-row.ts";
import { thingOf, type Fleet } from "./registry-fill.ts";

/** Certificates that are looked for, how often, and how many of them beforehand, while code is being compiled. */
const ASKED = 40_000;
const ROUNDS = 7;
const WARM_UP = 5000;
/** How often all are asked in a round: the system counts a thread's time in steps of milliseconds. */
const REPEATS = { connect: 1, entry: 4, control: 10, disk: 1 } as const satisfies Record<keyof typeof LOOKUPS, number>;

/** Microseconds of CPU that each takes: of ours, of the peer, and the lowest and highest of the rounds' ratios. */
export type Compared = { readonly ours: number; readonly peer: number; readonly ratios: readonly [number, number] };

/** A registry, and whom it is asked for: devices anywhere in it, in no order. */
export type Questions = {
  readonly registry: Registry;
  readonly ders: readonly Uint8Array[];
  readonly ids: readonly string[];
  readonly names: readonly string[];
  readonly control: () => void;
};

export function questionsFor(registry: Registry, fleet: Fleet, size: number): Questions {
  const ders = Array.from({ length: ASKED }, () => fleet.derOf(randomInt(size)));
  const ids = ders.map(certificateId);
  return { registry, ders, ids, names: ids.map(thingOf), control: controlOf(size) };
}

/** What is measured of each registry. */
export const LOOKUPS = {
  /** As a CONNECT does it: the certificate's id, its entry, its policies, and whether its thing is the client's. */
  connect({ registry: { directory }, ders, names }: Questions): void {
    for (const [i, der] of ders.entries()) {
      const entry = directory.certificate(certificateId(der));
      found(entry?.status === "ACTIVE" && entry.things.includes(names[i] ?? ""));
      found(entry && directory.policyNamesOf(entry).every((name) => directory.policy(name)));
    }
  },
  /** The same without the id, which is SHA-256 over the certificate. */
  entry({ registry: { directory }, ids, names }: Questions): void {
    for (const [i, id] of ids.entries()) {
      const entry = directory.certificate(id);
      found(entry?.status === "ACTIVE" && entry.things.includes(names[i] ?? ""));
    }
  },
  control: ({ control }: Questions): void => control(),
  async disk({ registry, ids }: Questions): Promise<void> {
    for (const id of ids) found((await describeCertificate(registry, id)).id === id);
  },
} satisfies Record<string, (questions: Questions) => void | Promise<void>>;

/** One registry beside another, in turns: whatever else the machine does meets both. */
export async function compare(kind: keyof typeof LOOKUPS, ours: Questions, peer: Questions): Promise<Compared> {
  const ask = LOOKUPS[kind];
  for (const each of [ours, peer]) await ask(warmUpOf(each));
  const rounds: { readonly ours: number; readonly peer: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const once = (of: Questions) => cpuMicroseconds(ask, of, REPEATS[kind]);
    rounds.push({ ours: await once(ours), peer: await once(peer) });
  }
  const ratios = rounds.map((each) => each.ours / each.peer).sort((a, b) => a - b);
  return {
    ours: median(rounds.map((each) => each.ours)),
    peer: median(rounds.map((each) => each.peer)),
    ratios: [ratios.at(0) ?? Number.NaN, ratios.at(-1) ?? Number.NaN],
  };
}

function warmUpOf({ ders, ids, ...rest }: Questions): Questions {
  return { ...rest, ders: ders.slice(0, WARM_UP), ids: ids.slice(0, WARM_UP) };
}

/** CPU time of this thread: what else the machine does is not in it. */
async function cpuMicroseconds(
  ask: (questions: Questions) => void | Promise<void>,
  of: Questions,
  repeats: number,
): Promise<number> {
  const before = process.threadCpuUsage();
  for (let i = 0; i < repeats; i++) await ask(of);
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / (repeats * ASKED);
}

function found(isFound: boolean | undefined): void {
  if (!isFound) throw new Error("a certificate is lost");
}

/**
 * What the machine's memory alone takes: as many reads as looking up an entry with its thing has to wait for, one after
 * the other, in tables of the same sizes, which are a row of the table of certificates and the name of a thing.
 */
function controlOf(size: number): () => void {
  const rows = new Uint32Array(rowsFor(size) * ROW_WORDS);
  for (let at = 0; at < rows.length; at += ROW_WORDS) rows[at] = randomInt(size);
  const names = new Uint32Array(size * NAME_WORDS);
  for (let at = 0; at < names.length; at += NAME_WORDS) names[at] = randomInt(2 ** 32);
  const shift = 32 - Math.log2(rowsFor(size));
  let at = 0;
  return () => {
    for (let i = 0; i < ASKED; i++) {
      const name = rows[(at >>> shift) * ROW_WORDS] ?? 0;
      // Where it looks next depends on what it has found, so that no two reads are under way at once.
      at = (Math.imul(at, 1_664_525) + (names[name * NAME_WORDS] ?? 0)) >>> 0;
    }
  };
}

const ROW_WORDS = 12;
/** A text of 27 characters, with what V8 puts before it. */
const NAME_WORDS = 10;

/** Three quarters of the rows are used at most, and their number doubles. */
function rowsFor(size: number): number {
  return 2 ** Math.ceil(Math.log2((size * 4) / 3));
}
