import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..");
const NOTES = ["A5", "OE", "AW", "EG", "MQ"] as const;

export type Coverage = {
  readonly total: number;
  readonly covered: readonly string[];
  readonly uncovered: readonly string[];
};

export type CapabilityReport = {
  readonly total: number;
  readonly covered: number;
  readonly notes: readonly (Coverage & { readonly prefix: string })[];
  readonly traps: Coverage;
  /** Titles of the tests that show an id. */
  readonly tests: Readonly<Record<string, readonly string[]>>;
  readonly unknown: readonly string[];
};

/** Compares the ids of docs/capabilities.md with the ids in the titles of all tests. */
export function capabilityReport(): CapabilityReport {
  const rows = new Set<string>();
  for (const match of readFileSync(join(ROOT, "docs/capabilities.md"), "utf8").matchAll(
    /^\| ((?:A5|OE|AW|EG|MQ|T)-\d+) \|/gm,
  )) {
    rows.add(match[1] ?? "");
  }
  const tests = testsById();
  const shown = new Set(Object.keys(tests));
  const cover = (prefix: string): Coverage => {
    const ids = [...rows].filter((id) => id.startsWith(`${prefix}-`));
    return {
      total: ids.length,
      covered: ids.filter((id) => shown.has(id)),
      uncovered: ids.filter((id) => !shown.has(id)),
    };
  };
  const notes = NOTES.map((prefix) => ({ prefix, ...cover(prefix) }));
  return {
    total: notes.reduce((sum, note) => sum + note.total, 0),
    covered: notes.reduce((sum, note) => sum + note.covered.length, 0),
    notes,
    traps: cover("T"),
    tests,
    unknown: [...shown].filter((id) => !rows.has(id)),
  };
}

function testsById(): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const path of globSync("{src,test}/**/*.test.ts", { cwd: ROOT })) {
    const text = readFileSync(join(ROOT, path), "utf8");
    for (const match of text.matchAll(/\btest\(\s*(["'`])((?:\\.|(?!\1)[\s\S])*)\1/g)) {
      const title = match[2] ?? "";
      for (const [id] of title.matchAll(/\b(?:A5|OE|AW|EG|MQ|T)-\d{2}\b/g))
        (found[id] ??= []).push(`${path}: ${title}`);
    }
  }
  return found;
}
