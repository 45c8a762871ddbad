/**
 * Every code block of README.md is executed, in order, in one empty folder: `sh` blocks by bash, `ts` blocks by Node.
 * Two commands cannot run inside this test: `npm ci`, which would remove the modules under it (it runs dry, which
 * still compares the lock file), and `npm test`, which is what runs it.
 */
import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";

import { A71CH_COMMANDS } from "../src/apdu/a71ch/index.ts";
import { verificationCounts } from "../src/apdu/index.ts";
import { SE05X_COMMANDS } from "../src/apdu/se05x/index.ts";
import { runPage } from "./page-runner.ts";

const ROOT = join(import.meta.dirname, "..");

test("every code block of README.md runs", { timeout: 280_000 }, async (t) => {
  await runPage(t, "README.md");
});

test("README.md says how many command rows no outside bytes have verified", () => {
  const count = (table: Parameters<typeof verificationCounts>[0]) => {
    const { verified, unverified } = verificationCounts(table);
    return `${unverified} of ${verified + unverified}`;
  };
  const sentence = `${count(A71CH_COMMANDS)} for the A71CH, ${count(SE05X_COMMANDS)} for the SE05x family`;
  assert.ok(readFileSync(join(ROOT, "README.md"), "utf8").includes(sentence), `README.md should say: ${sentence}`);
});

test("ARCHITECTURE.md and README.md name files and rooms that exist", () => {
  const named = ["ARCHITECTURE.md", "README.md"].flatMap((page) => {
    const text = readFileSync(join(ROOT, page), "utf8");
    const inSource = [...text.matchAll(/`([a-z][a-z0-9]*\/[a-z0-9/.-]+)`/g)].map((match) => match[1] ?? "");
    const linked = [...text.matchAll(/\]\(((?!https?:)[^)#]+)\)/g)].map((match) => match[1] ?? "");
    return [...inSource.filter((path) => !path.startsWith("hawser/")), ...linked];
  });
  assert.deepEqual(
    named.filter((path) => !existsSync(join(ROOT, "src", path)) && !existsSync(join(ROOT, path))),
    [],
  );
});

test("the rooms' READMEs and CONTRIBUTING.md name files that exist", () => {
  const pages = [...globSync("{src,test}/**/README.md", { cwd: ROOT }), "CONTRIBUTING.md"];
  const sources = globSync("{src,test,scripts,docs}/**/*.{ts,md,json}", { cwd: ROOT });
  const stale = pages.flatMap((page) => {
    const folder = dirname(page) === "." ? "" : `${dirname(page)}/`;
    const isThere = (named: string) =>
      sources.some((path) => path === named || (path.startsWith(folder) && path.endsWith(`/${named}`)));
    const named = readFileSync(join(ROOT, page), "utf8").matchAll(/`((?:[\w.-]+\/)*[\w-]+(?:\.test|\.bench)?\.ts)`/g);
    return [...named].flatMap(([, path = ""]) => (isThere(path) ? [] : [`${page}: ${path}`]));
  });
  assert.ok(pages.length > 10);
  assert.deepEqual(stale, []);
});
