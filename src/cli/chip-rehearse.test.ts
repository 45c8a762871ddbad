import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";

const MAIN = join(import.meta.dirname, "main.ts");

test("hawser chip snapshot, what-if, rewind and fork rehearse a lock on a simulated chip", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "rehearse-"));
  const serve = ["chip", "serve", "--port", "0", "--state", "a.chip", "--control", "s", "--json"];
  const child = spawn(process.execPath, [MAIN, ...serve], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
  t.after(async () => {
    child.kill();
    await new Promise((resolve) => child.once("close", resolve));
    rmSync(folder, { recursive: true });
  });
  let address = "";
  for await (const line of createInterface({ input: child.stdout })) {
    address = (JSON.parse(line) as { address: string }).address;
    break;
  }
  const hawser = (...argv: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...argv], { cwd: folder, encoding: "utf8" });
    return { status, stdout, stderr };
  };
  const control = ["--control", "s"];
  assert.match(
    hawser("chip", "snapshot", "before", ...control).stdout,
    /^simulated chip [0-9a-f]{36}: kept as snapshot/,
  );
  const { stdout } = hawser("chip", "what-if", "809300DD00", ...control, "--json");
  const told = JSON.parse(stdout) as Record<string, unknown>;
  assert.deepEqual([told.command, told.statusWord, told.simulated], ["EndDebugMode", "9000", true]);
  assert.match(JSON.stringify(told.impossible), /to reset the chip: every lock stays for good","undoneBy":"nothing/);
  assert.equal(hawser("a71ch", address, "debug", "permanently_disable_debug").status, 0);
  assert.equal(hawser("a71ch", address, "debug", "reset").status, 1);
  assert.equal(hawser("chip", "rewind", "before", ...control).status, 0);
  assert.equal(hawser("a71ch", address, "debug", "reset").status, 0);
  assert.equal(hawser("chip", "fork", "--state", "b.chip", ...control).status, 0);
  const files = ["a.chip", "a.chip.key", "a.chip.snapshot-before", "b.chip", "b.chip.key", "s"];
  assert.deepEqual(readdirSync(folder).sort(), files);
  const absent = hawser("chip", "rewind", "before", "--control", "none");
  assert.equal(absent.status, 1);
  assert.match(absent.stderr, /Real chips have no control socket/);
  assert.equal(hawser("chip", "what-if", "xyz", ...control).status, 2);
});
