import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test, type TestContext } from "node:test";

const MAIN = join(import.meta.dirname, "main.ts");

type Listening = { readonly address: string; readonly model: string; readonly uniqueId: string };

async function serve(t: TestContext, cwd: string, model: string): Promise<Listening & { stop(): Promise<void> }> {
  const argv = [MAIN, "chip", "serve", "--model", model, "--port", "0", "--state", "part.chip", "--json"];
  const child = spawn(process.execPath, argv, { cwd, stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.once("close", resolve));
  const stop = async () => {
    child.kill();
    await ended;
  };
  t.after(stop);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { value } = await lines.next();
  return { ...(JSON.parse(String(value)) as Listening), stop };
}

test("hawser chip serve --model a5000 serves the same part again from its state file, and chip info reads it", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "se05x-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const hawser = (...argv: readonly string[]) =>
    spawnSync(process.execPath, [MAIN, ...argv], { cwd: folder, encoding: "utf8" });
  const first = await serve(t, folder, "a5000");
  assert.equal(first.model, "A5000");
  const info = hawser("chip", "info", "--chip", first.address, "--json");
  assert.equal(info.status, 0, info.stderr);
  const told = JSON.parse(info.stdout) as { uniqueId: string; firmware: string; keySlots: { slot: number }[] };
  assert.deepEqual([told.uniqueId, told.firmware], [first.uniqueId, "7.2.0"]);
  assert.ok(told.keySlots.some(({ slot }) => slot === 0xf0000100));
  await first.stop();
  const second = await serve(t, folder, "a5000");
  assert.equal(second.uniqueId, first.uniqueId);
  await second.stop();
  const other = hawser("chip", "serve", "--model", "se050", "--port", "0", "--state", "part.chip");
  assert.equal(other.status, 1);
  assert.match(other.stderr, /the state is not of se050/);
  assert.equal(hawser("chip", "serve", "--model", "se051", "--variant", "A").status, 2);
});
