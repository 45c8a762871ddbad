/**
 * Prints every figure of docs/figures.md as a value, "not yet" (nothing measures it) or "not run" (measured by a long run,
 * not on this machine). Long runs store what they measured in docs/measured.json, with the commit.
 */
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { ErrorTable } from "../src/codec/index.ts";
import { REFUSALS } from "../src/trace/index.ts";
import { capabilityReport } from "./capability-report.ts";

const ROOT = join(import.meta.dirname, "..");

type Stored = Record<string, { value: string; commit: string }>;
const storedPath = join(ROOT, "docs/measured.json");
const stored = existsSync(storedPath) ? (JSON.parse(readFileSync(storedPath, "utf8")) as Stored) : {};

/** Figures that take no time to find out. */
const live: Record<string, () => string> = {
  "F-01": () => {
    const { covered, total } = capabilityReport();
    return `${covered} / ${total}`;
  },
  "F-04": () => {
    const { traps } = capabilityReport();
    return `${traps.covered.length} / ${traps.total}`;
  },
  "F-17": () => {
    const rows = Object.values(REFUSALS as ErrorTable).filter(({ cause, cure }) => cause !== "" && cure !== "");
    return `${rows.length} of ${Object.keys(REFUSALS).length} causes with a cure`;
  },
  "F-18": () =>
    /^\d+ of \d+ right, of \d+ causes/m.exec(readFileSync(join(ROOT, "docs/why.md"), "utf8"))?.[0] ?? "not yet",
  "F-40": () => String(certificationClaims()),
  "F-41": () => String(nativeDependencies().length),
};

const rows = [...readFileSync(join(ROOT, "docs/figures.md"), "utf8").matchAll(/^\| (F-\d+) \| (.*?) \| (.*?) \|/gm)];
const results = rows.map(([, id = "", what = "", target = ""]) => {
  const held = stored[id];
  const value = live[id]?.() ?? (held ? `${held.value} (at ${held.commit})` : "not yet");
  return { id, what, target, value };
});

if (process.argv.includes("--json")) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
else
  for (const { id, what, target, value } of results)
    process.stdout.write(`${id}  ${value}\n      ${what}; target ${target}\n`);

/** Runtime packages that build or carry native code. */
function nativeDependencies(): string[] {
  const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as {
    packages: Record<string, { dev?: boolean; optional?: boolean; hasInstallScript?: boolean; cpu?: string[] }>;
  };
  return Object.entries(lock.packages)
    .filter(
      ([name, entry]) => name !== "" && !entry.dev && (entry.hasInstallScript === true || entry.cpu !== undefined),
    )
    .map(([name]) => name);
}

/** Sentences in our own documents that claim a certification for this software. */
function certificationClaims(): number {
  const claim =
    /\b(we are|hawser is|is)\s+(certified|EAL\s?\d|FIPS[- ]validated|PSA[- ]certified|SESIP[- ]certified)/gi;
  return globSync("{*.md,docs/**/*.md,src/**/README.md}", { cwd: ROOT })
    .map((path) => readFileSync(join(ROOT, path), "utf8").match(claim)?.length ?? 0)
    .reduce((sum, count) => sum + count, 0);
}
