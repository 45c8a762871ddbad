import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test, type TestContext } from "node:test";

import { nodeBlockCipher } from "../apdu/node.ts";
import { nodeClock, nodeEntropy, nodeHash } from "../crypto/node.ts";
import { connectChip } from "../host/node.ts";
import { Se05x } from "../host/se05x/index.ts";

const MAIN = join(import.meta.dirname, "main.ts");

type Listening = { readonly address: string; readonly model: string; readonly uniqueId: string };

async function serve(
  t: TestContext,
  cwd: string,
  model: string,
  ...more: readonly string[]
): Promise<Listening & { stop(): Promise<void> }> {
  const argv = [MAIN, "chip", "serve", "--model", model, "--port", "0", "--state", "part.chip", "--json", ...more];
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

test("hawser chip info reads an SE051 through its secure channel and in a session, with keys from files", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "se05x-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const served = await serve(t, folder, "se051");
  const ports = { hash: nodeHash, clock: nodeClock };
  const device = await Se05x.open(await connectChip(served.address), ports);
  await device.send("writeUserId", { insFlags: 0x40, objectId: 0x7da00001, value: Uint8Array.of(0xc0, 1, 2, 3, 4) });
  await device.close();
  const put = (name: string, text: string) => writeFileSync(join(folder, name), text);
  put("pin.hex", "c001020304\n");
  // NXP's published keys for applet 7.2 (AN12436), in the form of its host programs.
  put(
    "channel.keys",
    "ENC d2db63e7a0a5aed72a6460c4dfdcaf64\nMAC 738d5b798ed241b0b24768514bfba95b\nDEK 6702dac30942b2c85e7f47b42ced4e7f\n",
  );
  const info = (...argv: readonly string[]) =>
    spawnSync(process.execPath, [MAIN, "chip", "info", "--chip", served.address, "--json", ...argv], {
      cwd: folder,
      encoding: "utf8",
    });
  const inside = info("--scp03", "channel.keys", "--session", "userid:7da00001:pin.hex");
  assert.equal(inside.status, 0, inside.stderr);
  assert.equal((JSON.parse(inside.stdout) as { uniqueId: string }).uniqueId, served.uniqueId);
  put("pin.hex", "c0010203ff\n");
  const wrong = info("--session", "userid:0x7da00001:pin.hex");
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /7da00001 was not taken/);
  put("pin.hex", "not hex");
  const unreadable = info("--session", "userid:7da00001:pin.hex");
  assert.equal(unreadable.status, 2);
  assert.doesNotMatch(unreadable.stderr, /not hex/);
  await served.stop();
});

test("hawser chip what-if, snapshot and rewind rehearse on a simulated A5000 as on an A71CH", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "se05x-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const served = await serve(t, folder, "a5000", "--control", "s");
  const device = await Se05x.open(await connectChip(served.address), { hash: nodeHash, clock: nodeClock });
  t.after(() => device.close());
  const publicKey = await device.generateKeyPair(0);
  const hawser = (...argv: readonly string[]) => {
    const words = [MAIN, "chip", ...argv, "--control", "s", "--json"];
    return spawnSync(process.execPath, words, { cwd: folder, encoding: "utf8" });
  };
  const told = hawser("what-if", "8004002806410448570000");
  const { command, statusWord, impossible } = JSON.parse(told.stdout) as Record<string, unknown>;
  assert.deepEqual([command, statusWord], ["DeleteSecureObject", "9000"]);
  assert.match(JSON.stringify(impossible), /use the key that is in object 48570000 now, ever again/);
  assert.equal(hawser("snapshot", "with-key").status, 0);
  await device.eraseKeyPair(0);
  assert.equal(hawser("rewind", "with-key").status, 0);
  assert.deepEqual((await device.signer(0)).publicKey, publicKey);
});

test("hawser chip what-if looks into an SE051 that demands the platform's channel, from its control socket", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "se05x-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const served = await serve(t, folder, "se051", "--control", "s");
  const ports = { hash: nodeHash, clock: nodeClock };
  const pin = Uint8Array.of(0xc0, 1, 2, 3, 4);
  const owner = await Se05x.open(await connectChip(served.address), ports);
  await owner.generateKeyPair(0);
  await owner.send("writeUserId", { insFlags: 0x40, objectId: 0x7fff0207, value: pin });
  await owner.close();
  const session = { kind: "userId", objectId: 0x7fff0207, value: pin } as const;
  const device = await Se05x.open(await connectChip(served.address), {
    ...ports,
    access: { session, aes: nodeBlockCipher, entropy: nodeEntropy },
  });
  await device.settings.demandPlatformChannel(true);
  await device.close();
  const hawser = (...argv: readonly string[]) => {
    const words = [MAIN, "chip", ...argv, "--control", "s", "--json"];
    const { stdout, stderr } = spawnSync(process.execPath, words, { cwd: folder, encoding: "utf8" });
    assert.equal(stderr, "");
    return stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  };
  const [told, gone] = hawser("what-if", "8004002806410448570000", "800200000641044857000000");
  assert.deepEqual([told?.command, told?.statusWord], ["DeleteSecureObject", "9000"]);
  assert.match(JSON.stringify(told?.impossible), /use the key that is in object 48570000 now, ever again/);
  assert.deepEqual([gone?.command, gone?.statusWord], ["ReadObject", "6985"]);
  const [locked] = hawser("what-if", "8004003e06410102420101");
  assert.equal(locked?.statusWord, "6982");
  assert.match(JSON.stringify(locked?.onceCarriedOut), /anything but ask who the chip is/);
  const facts = hawser("snapshot", "demanding")[0]?.facts as Record<string, string>;
  assert.equal(facts["platform channel"], "required");
  assert.ok("object 48570000" in facts, "the chip itself never noticed");
});
