/**
 * Every code block of README.md is executed, in order, in one empty folder: `sh` blocks by bash, `ts` blocks by Node.
 * Two commands cannot run inside this test: `npm ci`, which would remove the modules under it (it runs dry, which
 * still compares the lock file), and `npm test`, which is what runs it.
 */
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { A71CH_COMMANDS } from "../src/apdu/a71ch/index.ts";
import { verificationCounts } from "../src/apdu/index.ts";
import { SE05X_COMMANDS } from "../src/apdu/se05x/index.ts";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "..");

type Block = { readonly language: string; readonly text: string; readonly line: number };

function blocksOf(markdown: string): Block[] {
  return [...markdown.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map((match) => ({
    language: match[1] ?? "",
    text: match[2] ?? "",
    line: markdown.slice(0, match.index).split("\n").length,
  }));
}

test("every code block of README.md runs", { timeout: 280_000 }, async (t) => {
  const blocks = blocksOf(readFileSync(join(ROOT, "README.md"), "utf8"));
  assert.ok(blocks.length > 0, "README.md has no code block");
  const folder = mkdtempSync(join(tmpdir(), "hawser-readme-"));
  // Inside the package's folder, so that `hawser/...` resolves to the package itself.
  const modules = join(ROOT, ".hawser", `readme-${process.pid}`);
  mkdirSync(modules, { recursive: true });
  t.after(() => {
    rmSync(folder, { recursive: true, force: true });
    rmSync(modules, { recursive: true, force: true });
  });
  const bin = commands(folder);
  const env = { ...process.env, PATH: `${bin}:${process.env["PATH"]}`, HOME: folder };
  for (const [index, block] of blocks.entries()) {
    if (block.language === "text" || block.language === "json") continue;
    try {
      if (block.language === "sh") await run("bash", ["-euo", "pipefail", "-c", block.text], { cwd: folder, env });
      else if (block.language === "ts") {
        const file = join(modules, `block-${index}.ts`);
        writeFileSync(file, block.text);
        await run(process.execPath, ["--conditions=hawser-source", file], { cwd: folder, env });
      } else assert.fail(`a block of ${block.language} cannot be run`);
    } catch (error) {
      const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
      assert.fail(`README.md line ${block.line}: ${String(error)}\n${stdout}\n${stderr}`);
    }
  }
});

test("README.md says how many command rows no outside bytes have verified", () => {
  const count = (table: Parameters<typeof verificationCounts>[0]) => {
    const { verified, unverified } = verificationCounts(table);
    return `${unverified} of ${verified + unverified}`;
  };
  const sentence = `${count(A71CH_COMMANDS)} for the A71CH, ${count(SE05X_COMMANDS)} for the SE05x family`;
  assert.ok(readFileSync(join(ROOT, "README.md"), "utf8").includes(sentence), `README.md should say: ${sentence}`);
});

/** A folder with the commands that a reader would have: `npm` in a checkout, `hawser`, and the pinned `node`. */
function commands(folder: string): string {
  const bin = join(folder, ".bin");
  mkdirSync(bin);
  const npm = execFileSync("which", ["npm"], { encoding: "utf8" }).trim();
  const scripts = {
    node: `exec "${process.execPath}" "$@"`,
    hawser: `exec "${process.execPath}" "${join(ROOT, "src/cli/main.ts")}" "$@"`,
    npm: `cd "${ROOT}"\nif [ "$1" = ci ]; then exec "${npm}" ci --dry-run --offline; fi\nif [ "$1" = test ]; then exit 0; fi\nexec "${npm}" "$@"`,
  };
  for (const [name, body] of Object.entries(scripts)) {
    writeFileSync(join(bin, name), `#!/usr/bin/env bash\n${body}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  return bin;
}

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
