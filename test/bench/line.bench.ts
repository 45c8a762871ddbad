import { generateKeyPairSync, sign, verify } from "node:crypto";

import { nodeClock } from "../../src/crypto/node.ts";
import {
  type ChipModel,
  issuerOf,
  lineOptions,
  newAuthority,
  Parts,
} from "../../src/provisioning/line/fixtures.test.ts";
import { type LineModelName, runLine } from "../../src/provisioning/line/index.ts";
import { type BenchOptions, type BenchRow, cpuMsPerCall } from "./bench-row.ts";

const COUNT = 1000;

/**
 * A line of 1,000 parts in this process: parts made ready per second of CPU, against what their signatures alone cost.
 * Parts are born before the clock starts, as they are delivered.
 */
export async function run({ long, progress }: BenchOptions): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  const cases: readonly (readonly [LineModelName, ChipModel])[] = [
    ["oem", "a71ch"],
    ["oem", "a5000"],
    ...(long
      ? ([
          ["vendor", "a5000"],
          ["preconfigured", "a5000"],
        ] as const)
      : []),
  ];
  for (const [model, chip] of cases) {
    progress(`  ${COUNT} parts ${chip} by ${model}`);
    const peer = 1000 / (await pureCost(model));
    const ours = 1000 / (await lineCost(model, chip));
    const note = `node:crypto's key generation, signatures and checks of a part alone; per second of CPU, ${COUNT} parts`;
    rows.push({ name: `line ${model}, ${chip}`, ours, peer, ratio: ours / peer, unit: "parts/s", note });
  }
  return rows;
}

/** CPU milliseconds a part. */
async function lineCost(model: LineModelName, chip: ChipModel): Promise<number> {
  const feed = new Parts(chip);
  const issuer = await issuerOf(await newAuthority());
  const options = await lineOptions({ model, chip, count: COUNT, issuer, feed });
  const elements = new Map<number, Awaited<ReturnType<Parts["open"]>>>();
  for (let part = 1; part <= COUNT; part++) elements.set(part, await feed.open(part));
  const ready = { open: async (part: number) => elements.get(part) ?? feed.open(part) };
  const before = process.cpuUsage();
  const started = nodeClock.now();
  const report = await runLine({ ...options, feed: ready });
  const { user, system } = process.cpuUsage(before);
  if (report.done !== COUNT || report.faults.length > 0) {
    throw new Error(
      `the line came to ${report.done} parts in ${nodeClock.now() - started} ms: ${report.faults.join()}`,
    );
  }
  return (user + system) / 1000 / COUNT;
}

/** CPU milliseconds of what no way round exists: key pair, request and certificate, each signed and checked once. */
async function pureCost(model: LineModelName): Promise<number> {
  const content = new Uint8Array(300);
  const ca = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const signedAndChecked = (key: typeof ca) =>
    verify("sha256", content, key.publicKey, sign("sha256", content, key.privateKey));
  if (model === "preconfigured") {
    // Three identities, each with a chain of one to check and a proof of possession.
    return cpuMsPerCall(500, () => {
      for (let i = 0; i < 3; i++) {
        const signature = sign("sha256", content, ca.privateKey);
        verify("sha256", content, ca.publicKey, signature);
        verify("sha256", content, ca.publicKey, signature);
      }
    });
  }
  return cpuMsPerCall(500, () => {
    const own = generateKeyPairSync("ec", { namedCurve: "P-256" });
    signedAndChecked(own);
    signedAndChecked(ca);
  });
}
