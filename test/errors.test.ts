import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { errorsDocument, errorTables } from "../scripts/errors-document.ts";
import { A71CH_EXIT_STATUS } from "../src/cli/a71ch-errors.ts";
import { REFUSALS } from "../src/trace/index.ts";

const ROOT = join(import.meta.dirname, "..");
const read = (pattern: string, keep: (path: string) => boolean) =>
  globSync(pattern, { cwd: ROOT })
    .filter(keep)
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), "utf8") }));
const shipped = read("src/**/*.ts", (path) => !path.endsWith(".test.ts"));
const tests = read("{src,test}/**/*.ts", (path) => path.endsWith(".test.ts") || path.startsWith("test/"));

/** Whether a text holds the code as a string, or at the beginning of one. */
function quotes(text: string, code: string): boolean {
  return ['"', "'", "`"].some((mark) => text.includes(mark + code + mark) || text.includes(`${mark}${code}:`));
}

/** Whether a room throws the code: in its files, or in a function beside the table that makes the error. */
function isThrown(code: string, { path, text }: { path: string; text: string }): boolean {
  return path.endsWith("/errors.ts") ? text.includes(`("${code}"`) : quotes(text, code) || text.includes(`${code}:`);
}

/** The Configure tool's failures are its exit statuses, asserted one by one; 1 means several and must be named instead. */
function isExitStatus(code: string): boolean {
  const status = A71CH_EXIT_STATUS[code as keyof typeof A71CH_EXIT_STATUS];
  if (status === undefined || status === 1) return false;
  const asserted = new RegExp(`(?:status, |: |, )${status}[,)\\]]`);
  return tests
    .filter(({ path }) => /^(src\/cli\/a71ch|test\/a71ch-config)/.test(path))
    .some(({ text }) => text.split("\n").some((line) => asserted.test(line) && !line.includes("documented = ")));
}

test("docs/errors.md lists every error code with its cause and its cure, and no other", async () => {
  assert.equal(readFileSync(join(ROOT, "docs/errors.md"), "utf8"), await errorsDocument(), "run npm run errors:write");
});

test("every error code is thrown by the code of its room and provoked by a test", async () => {
  const missing: string[] = [];
  for (const [room, table] of await errorTables()) {
    const code = shipped.filter(({ path }) => path.startsWith(`src/${room.split("/")[0]}/`));
    // The system throws its own codes (ENOENT …); the command line only explains them.
    for (const name of Object.keys(table).filter((each) => !/^E[A-Z]+$/.test(each))) {
      // The codec's classes are thrown by every room above it.
      const throwers = room === "codec" ? shipped : code;
      if (!throwers.some((file) => isThrown(name, file))) missing.push(`${room} ${name}: thrown nowhere`);
      const isProvoked = tests.some(({ text }) => quotes(text, name)) || isExitStatus(name);
      if (!isProvoked) missing.push(`${room} ${name}: provoked by no test`);
    }
  }
  assert.deepEqual(missing, []);
});

test("every refusal is written by some code and provoked by a test", () => {
  const missing: string[] = [];
  for (const cause of Object.keys(REFUSALS)) {
    const writers = shipped.filter(({ path }) => path !== "src/trace/refusals.ts");
    if (!writers.some(({ text }) => quotes(text, cause))) missing.push(`${cause}: written nowhere`);
    if (!tests.some(({ text }) => quotes(text, cause))) missing.push(`${cause}: provoked by no test`);
  }
  assert.deepEqual(missing, []);
});

test("every cause and cure is a sentence", async () => {
  const tables = [...(await errorTables()).values(), REFUSALS];
  const bad = tables
    .flatMap((table) => Object.entries(table))
    .filter(([, { cause }]) => !/^[A-Z].{9,}\.$/s.test(cause));
  assert.deepEqual(
    bad.map(([code]) => code),
    [],
  );
});
