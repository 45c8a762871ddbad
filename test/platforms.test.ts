/** docs/platforms.md: its claims that can be checked on one machine are checked, its commands run, and its gaps are named. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { runPage } from "./page-runner.ts";

const ROOT = join(import.meta.dirname, "..");
const PAGE = "docs/platforms.md";
const page = readFileSync(join(ROOT, PAGE), "utf8");
const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { engines: { node: string } };

/** The page's first table: what comes after it is about other people's programs. */
const [platforms = ""] = page.split("\n## ");
const rows = [...platforms.matchAll(/^\| (.+?) \| (.+?) \| (.+?) \| (.+?) \|$/gm)]
  .map(([, processor = "", system = "", node = "", known = ""]) => ({ processor, system, node, known }))
  .filter(({ processor }) => processor !== "processor");

test("OE-04 docs/platforms.md says of each platform which run shows it, or why it is not reproduced", () => {
  assert.ok(rows.length >= 6);
  for (const { processor, known } of rows) {
    assert.match(known, /^(each run of `npm test`|run by hand\b.*\d+ of \d+|not reproduced because )/, processor);
  }
  assert.ok(rows.some(({ processor }) => processor.startsWith("x86-64")));
  const [, oldest = ""] = /^>=(\d+\.\d+)$/.exec(manifest.engines.node) ?? [];
  assert.ok(page.includes(`The package supports Node.js ${oldest} and later.`), oldest);
});

test("OE-35 docs/platforms.md says why the engine on the i.MX6UltraLite is not reproduced, and what stands in its place", () => {
  const board = rows.find(({ processor }) => processor.startsWith("i.MX6UltraLite")) ?? assert.fail();
  assert.match(board.known, /^not reproduced because there is no such board here.*Cortex-A7/);
  const near = rows.find(({ processor }) => processor.includes("Cortex-A7")) ?? assert.fail();
  assert.match(near.known, /^run by hand/);
  assert.match(page, /## The engine's place[^]*hawser pkcs11 serve/);
});

/** The rooms that reach a device. */
const DEVICE_ROOMS = ["codec", "crypto", "trace", "pki", "apdu", "host", "tls", "pkcs11", "agent"];

test("OE-04 no room of the device side reads bytes in the machine's own order, nor needs compiled code", () => {
  const views = /\bnew (?:Uint|Int|BigUint|BigInt|Float)(?:16|32|64)Array\([^)]*buffer|endianness\(\)/;
  const looked: string[] = [];
  for (const room of DEVICE_ROOMS) {
    assert.ok(page.includes(`\`${room}\``), `${PAGE} names ${room}`);
    for (const name of readdirSync(join(ROOT, "src", room), { recursive: true, encoding: "utf8" })) {
      if (!name.endsWith(".ts") || name.endsWith(".test.ts")) continue;
      const text = readFileSync(join(ROOT, "src", room, name), "utf8");
      looked.push(name);
      assert.doesNotMatch(text, views, `${room}/${name}`);
      // The little-endian argument of a DataView is written out wherever there is one.
      assert.doesNotMatch(text, /\.(?:read|write)U?Int(?:16|32)LE\(/, `${room}/${name}`);
    }
  }
  assert.ok(looked.length > 200, `${looked.length} files`);
  const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean; hasInstallScript?: boolean; cpu?: string[] }>;
  };
  const native = Object.entries(lock.packages)
    .filter(([name, entry]) => name !== "" && !entry.dev && !entry.devOptional)
    .filter(([, entry]) => entry.hasInstallScript === true || entry.cpu !== undefined);
  assert.deepEqual(
    native.map(([name]) => name),
    [],
  );
});

test("OE-04 every block of docs/platforms.md runs: one program over JRCP v1 and v2", async (t) => {
  const runs = await runPage(t, PAGE);
  const last = runs.at(-1)?.stdout ?? "";
  assert.match(last, /A71CH B, applet 1\.31/);
  assert.match(last, /key pair 0: 3059/);
});
