import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "..");
const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { exports: Record<string, unknown> };

test(
  "the packed tarball, installed in an empty folder, gives every sub-path alone",
  { timeout: 240_000 },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "hawser-package-"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    // Packing builds, so that nobody packs what is stale.
    const packed = await run("npm", ["pack", "--json", "--pack-destination", folder], { cwd: ROOT });
    const tarball = tarballName(packed.stdout);
    writeFileSync(join(folder, "package.json"), '{ "name": "empty", "private": true, "type": "module" }\n');
    try {
      await run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", `./${tarball}`], { cwd: folder });
    } catch (error) {
      // Without a registry there is nothing to install the dependencies from; elsewhere that is a failure.
      if (process.env["CI"] === "true") throw error;
      t.skip("the package registry cannot be reached");
      return;
    }
    for (const path of Object.keys(manifest.exports).filter((each) => each !== "./package.json")) {
      const name = path.replace(/^\./, "hawser");
      const script = `const room = await import(${JSON.stringify(name)}); console.log(Object.keys(room).length)`;
      const { stdout } = await run(process.execPath, ["--input-type=module", "-e", script], { cwd: folder });
      assert.ok(Number(stdout) > 0, `${name} exports nothing`);
    }
    if (Object.hasOwn(manifest, "bin")) {
      const { stdout } = await run(process.execPath, ["node_modules/.bin/hawser", "--version"], { cwd: folder });
      assert.match(stdout, /^\d+\.\d+\.\d+/);
    }
  },
);

test("the built package runs the functions that it ships, as its sources do", { timeout: 120_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "hawser-built-"));
  await run(process.execPath, [join(ROOT, "scripts/build.ts")], { cwd: ROOT });
  const main = join(ROOT, "dist/cli/main.js");
  const hawser = (...argv: readonly string[]) => run(process.execPath, [main, ...argv], { cwd: folder });
  const cloud = spawn(process.execPath, [main, "up", "--data", "cloud", "--api-port", "0", "--mqtt-port", "0"], {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(async () => {
    cloud.kill("SIGTERM");
    await once(cloud, "close");
    rmSync(folder, { recursive: true, force: true });
  });
  await once(cloud.stdout, "data");
  await hawser("cloud", "install-jitr", "--data", "cloud");
  const invoke = ["aws", "--json", "--data", "cloud", "lambda", "invoke", "--function-name", "hawser-activate"];
  const { stdout } = await hawser(...invoke, "--payload", "{}");
  // The handler was loaded and ran: it is its own word that comes back.
  assert.match(stdout, /the event names no certificate/);
});

/** npm 11 prints an array of packages, later versions an object by name. */
function tarballName(json: string): string {
  const parsed = JSON.parse(json) as Record<string, { filename: string }>;
  return Object.values(parsed)[0]?.filename ?? assert.fail("npm pack printed no file name");
}
