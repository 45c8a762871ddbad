import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { fromHex, toHex } from "../codec/index.ts";
import { SeededEntropy, VirtualClock } from "../crypto/index.ts";
import { nodeHash } from "../crypto/node.ts";
import { A71chChip } from "./a71ch/index.ts";
import { CHIP_ERRORS, MemoryInRam } from "./index.ts";
import { askControl, nodeChipCrypto, SealedFileMemory, serveControl, type ControlRequest } from "./node.ts";

const KEY = "5a".repeat(16);

function newChip(memory = new MemoryInRam()): A71chChip {
  const entropy = new SeededEntropy(nodeHash, "control");
  return new A71chChip({ crypto: nodeChipCrypto, entropy, clock: new VirtualClock(), memory });
}

/** A simulated chip with a control socket, its snapshots sealed in files. */
async function bench(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "control-"));
  const chip = newChip();
  chip.exchange(fromHex(`8042000110${KEY}00`));
  const path = join(folder, "chip.sock");
  const keyFile = join(folder, "key");
  const options = {
    chip,
    path,
    snapshot: (name: string) => new SealedFileMemory({ file: join(folder, name), keyFile }),
    forkTo: (file: string) => new SealedFileMemory({ file }),
  };
  const served = await serveControl(options);
  t.after(async () => {
    await served.close();
    rmSync(folder, { recursive: true });
  });
  return { chip, folder, path, options, ask: (request: ControlRequest) => askControl(path, request) };
}

const say = (chip: A71chChip, hex: string) => toHex(chip.exchange(fromHex(hex)));

test("serveControl: a snapshot, a lock, and a rewind that takes the lock away", async (t) => {
  const { chip, ask, path } = await bench(t);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const kept = await ask({ do: "snapshot", name: "before" });
  assert.equal(kept.uniqueId, chip.uniqueId);
  assert.equal(say(chip, "8092000100"), "9000");
  assert.equal(say(chip, "809300dd00"), "9000");
  assert.equal((await ask({ do: "what-if", commands: ["809400ea00"] })).rehearsed?.[0]?.statusWord, 0x6985);
  const rewound = await ask({ do: "rewind", name: "before" });
  assert.equal(rewound.facts["inject lock"], "unlocked");
  assert.equal(say(chip, "809400ea00"), "9000");
});

test("serveControl: a fork is a chip with a sealed file and a key file of its own", async (t) => {
  const { chip, ask, folder } = await bench(t);
  await ask({ do: "snapshot", name: "full" });
  say(chip, "8044000000");
  await ask({ do: "fork", file: join(folder, "now") });
  await ask({ do: "fork", file: join(folder, "then"), name: "full" });
  const revive = (name: string) =>
    new A71chChip({
      crypto: nodeChipCrypto,
      entropy: new SeededEntropy(nodeHash, "fork"),
      clock: new VirtualClock(),
      memory: new SealedFileMemory({ file: join(folder, name) }),
    });
  assert.equal(revive("now").facts()["symmetric secret 0"], "empty, open");
  const then = revive("then");
  assert.equal(then.facts()["symmetric secret 0"], "present, open");
  assert.equal(then.uniqueId, chip.uniqueId);
  for (const name of ["now", "then"]) assert.equal(statSync(join(folder, `${name}.key`)).mode & 0o777, 0o600);
});

test("no byte of a key crosses the control socket, nor lies in a snapshot", async (t) => {
  const { path, folder } = await bench(t);
  const socket = connect(path);
  t.after(() => socket.destroy());
  let heard = "";
  const requests: ControlRequest[] = [
    { do: "snapshot", name: "s" },
    { do: "what-if", commands: [`8042010110${KEY}00`, "8047100001aa00", "8095001000"] },
    { do: "rewind", name: "s" },
    { do: "fork", file: join(folder, "f") },
  ];
  for (const request of requests) {
    socket.write(`${JSON.stringify(request)}\n`);
    const [chunk] = (await once(socket, "data")) as [Uint8Array];
    heard += new TextDecoder().decode(chunk);
  }
  assert.equal(heard.match(/"ok"/g)?.length, 4);
  const places = [new TextEncoder().encode(heard), readFileSync(join(folder, "s")), readFileSync(join(folder, "f"))];
  for (const place of places) assert.ok(!toHex(place).includes(KEY) && !toHex(place).includes("3561356135613561"));
});

test("the control socket's error codes", async (t) => {
  const { ask, folder, options, path } = await bench(t);
  const provoked = new Set<string>();
  const code = (expected: keyof typeof CHIP_ERRORS) => {
    provoked.add(expected);
    return { name: "UsageError", code: expected };
  };
  await ask({ do: "snapshot", name: "one" });
  await assert.rejects(ask({ do: "snapshot", name: "one" }), code("snapshot-exists"));
  await assert.rejects(ask({ do: "fork", file: join(folder, "one") }), /key is missing|there already/);
  for (const name of ["", "../one", "-x", "a".repeat(42)]) {
    await assert.rejects(ask({ do: "snapshot", name }), code("snapshot-name"));
  }
  await assert.rejects(ask({ do: "rewind", name: "two" }), code("snapshot-missing"));
  await assert.rejects(ask({ do: "fork", file: join(folder, "x"), name: "two" }), code("snapshot-missing"));
  await assert.rejects(ask({ do: "sail" } as never), code("control-request"));
  await assert.rejects(ask({ do: "what-if", commands: [1] } as never), code("control-request"));
  await assert.rejects(askControl(join(folder, "none"), { do: "rewind", name: "a" }), code("control-absent"));
  await assert.rejects(serveControl(options), code("control-socket"));
  writeFileSync(join(folder, "file"), "");
  await assert.rejects(serveControl({ ...options, path: join(folder, "file") }), code("control-socket"));
  await assert.rejects(serveControl({ ...options, path: join(folder, "no/where") }), code("control-socket"));
  assert.equal(statSync(path).mode & 0o777, 0o600, "still served");
  await ask({ do: "rewind", name: "one" });
  const own = Object.keys(CHIP_ERRORS).filter((each) => /^(control|snapshot)-/.test(each));
  assert.deepEqual([...provoked].sort(), own.sort());
});

test("serveControl takes the place of a socket that a killed simulator left, and outlives any bytes", async (t) => {
  const { folder, options } = await bench(t);
  const path = join(folder, "left.sock");
  const dead = createServer().listen(path);
  await once(dead, "listening");
  // Closing would remove the socket; only its listening end goes.
  const { rename } = await import("node:fs/promises");
  await rename(path, `${path}.kept`);
  dead.close();
  await once(dead, "close");
  await rename(`${path}.kept`, path);
  const served = await serveControl({ ...options, path });
  t.after(() => served.close());
  for (const bytes of ["\n", "{}\n", "null\n", "\u0000\n", "[]\n", "x".repeat(100)]) {
    const socket = connect(path);
    socket.end(bytes);
    socket.resume();
    await once(socket, "close");
  }
  await assert.rejects(askControl(path, { do: "rewind", name: "none" }), { code: "snapshot-missing" });
});
