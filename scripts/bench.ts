/**
 * Measures Hawser against peers in the same run and prints ratios; machines differ, ratios much less.
 *
 *   npm run bench                      every suite, briefly
 *   npm run bench -- --only chip,tls   some suites
 *   npm run bench -- --long            about ten times the work
 *   npm run bench -- --json            one JSON object a row
 *
 * HAWSER_SE05X_PEER=HOST:PORT (JRCP) or t1:HOST:PORT (T=1 blocks over TCP) names a simulated SE05x of somebody else's,
 * whose commands the suite se05x then measures beside ours.
 */
import { globSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";

import type { BenchOptions, BenchRow } from "../test/bench/bench-row.ts";

const FOLDER = join(import.meta.dirname, "../test/bench");
const suites = globSync("*.bench.ts", { cwd: FOLDER })
  .sort()
  .map((file) => basename(file, ".bench.ts"));

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    long: { type: "boolean" },
    json: { type: "boolean" },
    help: { type: "boolean" },
  },
});
if (values.help) {
  process.stdout.write(`usage: npm run bench -- [--only ${suites.join(",")}] [--long] [--json]\n`);
  process.exit(0);
}
const chosen = values.only?.split(",") ?? suites;
const unknown = chosen.filter((name) => !suites.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`error: no suite ${unknown.join(", ")}; there are ${suites.join(", ")}\n`);
  process.exit(2);
}

const options: BenchOptions = {
  long: values.long ?? false,
  progress: (line) => void process.stderr.write(`${line}\n`),
};
for (const name of chosen) {
  options.progress(`measuring ${name} …`);
  const suite = (await import(join(FOLDER, `${name}.bench.ts`))) as { run(options: BenchOptions): Promise<BenchRow[]> };
  for (const row of await suite.run(options)) {
    process.stdout.write(values.json ? `${JSON.stringify({ suite: name, ...row })}\n` : `${line(name, row)}\n`);
  }
}
// Peers that a suite started and whose sockets linger must not keep the report waiting.
process.exit(0);

function line(suite: string, { name, ours, peer, ratio, unit, note }: BenchRow): string {
  const number = (value: number) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));
  const against = peer === undefined ? "no peer" : `peer ${number(peer)}`;
  const times = ratio === undefined ? "" : `  ${ratio.toFixed(2)} ×`;
  return `${suite.padEnd(11)} ${name.padEnd(44)} ${number(ours).padStart(8)} ${unit}, ${against}${times}  (${note})`;
}
