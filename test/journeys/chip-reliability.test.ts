/** One simulated A71CH over TCP, the way that programs reach it: many callers at once, lost answers, and a killed simulator. */
import assert from "node:assert/strict";
import { createHash, createHmac, createPublicKey, verify } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { hawser, type Program } from "../../scripts/programs.ts";
import { nodeBlockCipher } from "../../src/apdu/node.ts";
import { A71chChip } from "../../src/chip/a71ch/index.ts";
import { nodeChipCrypto, serveChip } from "../../src/chip/node.ts";
import { concat, utf8Bytes } from "../../src/codec/index.ts";
import { SeededEntropy, VirtualClock } from "../../src/crypto/index.ts";
import { nodeClock, nodeEntropy, nodeHash } from "../../src/crypto/node.ts";
import { A71ch, putChannelKeys } from "../../src/host/a71ch/index.ts";
import { connectChip } from "../../src/host/node.ts";

const DEEP = process.env["HAWSER_DEEP"] === "1";
const CALLERS = 64;
const SECRET = new Uint8Array(16).fill(9);

/** P_SHA256 with the label and the premaster secret of a plain pre-shared key. RFC 5246, section 5; RFC 4279, section 2 */
function masterSecret(clientRandom: Uint8Array, serverRandom: Uint8Array): Buffer {
  const premaster = concat(Uint8Array.of(0, 16), new Uint8Array(16), Uint8Array.of(0, 16), SECRET);
  const seed = concat(utf8Bytes("master secret"), clientRandom, serverRandom);
  const mac = (...parts: readonly Uint8Array[]) =>
    createHmac("sha256", premaster)
      .update(concat(...parts))
      .digest();
  const first = mac(seed);
  return Buffer.concat([mac(first, seed), mac(mac(first), seed)]).subarray(0, 48);
}

/** What one caller does, each step checked by node:crypto: single commands, and sequences that another's command would spoil. */
async function work(device: A71ch, caller: number): Promise<void> {
  const text = utf8Bytes(`caller ${caller}`);
  const signer = await device.signer(caller % 2);
  const key = createPublicKey({ key: Buffer.from(signer.publicKey), format: "der", type: "spki" });
  assert.ok(verify("sha256", text, key, await signer.sign("ecdsa_sha256", text)));
  const digest = await device.exclusive(async (session) => {
    await session.send("sha256Start", { bytes: text });
    await session.send("sha256Update", { bytes: text });
    return (await session.send("sha256Finish", { bytes: text })).digest;
  });
  assert.deepEqual(
    Buffer.from(digest),
    createHash("sha256")
      .update(concat(text, text, text))
      .digest(),
  );
  const serverRandom = new Uint8Array(32).fill(caller);
  const made = await device.exclusive(async (session) => {
    const { random } = await session.send("clientHelloRandom", {});
    const secret = await session.send("derivePskMasterSecret", { slot: 0, blocks: 1, serverRandom });
    return { random, secret: secret.masterSecret };
  });
  assert.deepEqual(Buffer.from(made.secret), masterSecret(made.random, serverRandom));
  await device.send("incrementCounter", { slot: 0 });
}

test(`${CALLERS} callers, each over a connection of its own, get what is theirs: signatures, streamed digests, master secrets`, async (t) => {
  // Nobody stalls, so that no lease may end on a slow machine: the chip's clock stands.
  const clock = new VirtualClock();
  const chip = new A71chChip({ crypto: nodeChipCrypto, entropy: new SeededEntropy(nodeHash, "callers"), clock });
  const served = await serveChip({ chip, port: 0, clock });
  t.after(() => served.close());
  const open = async () =>
    A71ch.open(await connectChip(`127.0.0.1:${served.port}`, { clock }), { hash: nodeHash, clock });
  const first = await open();
  await first.generateKeyPair(0);
  await first.generateKeyPair(1);
  await first.send("setSecret", { slot: 0, key: SECRET });
  // The chip takes 64 connections.
  await first.close();
  await Promise.all(
    Array.from({ length: CALLERS }, async (_, caller) => {
      const device = await open();
      await work(device, caller);
      await device.close();
    }),
  );
  const last = await open();
  assert.equal((await last.send("readCounter", { slot: 0 })).value, CALLERS, "no command was lost or doubled");
  await last.close();
});

test(`${CALLERS} callers share one connection inside a secure channel`, async (t) => {
  const clock = new VirtualClock();
  const entropy = new SeededEntropy(nodeHash, "channel callers");
  const chip = new A71chChip({ crypto: nodeChipCrypto, entropy, clock });
  const served = await serveChip({ chip, port: 0, clock });
  t.after(() => served.close());
  const keys = { enc: entropy.bytes(16), mac: entropy.bytes(16), dek: entropy.bytes(16) };
  const channel = { keys, aes: nodeBlockCipher, entropy: nodeEntropy };
  const device = await A71ch.open(await connectChip(`127.0.0.1:${served.port}`, { clock }), { hash: nodeHash, clock });
  await device.exclusive((session) => putChannelKeys(session, channel));
  await device.openSecureChannel(channel);
  await device.generateKeyPair(0);
  await device.generateKeyPair(1);
  await device.send("setSecret", { slot: 0, key: SECRET });
  await Promise.all(Array.from({ length: CALLERS }, (_, caller) => work(device, caller)));
  assert.equal((await device.send("readCounter", { slot: 0 })).value, CALLERS);
  await device.close();
});

test("a simulator killed under load keeps every change that it has answered, and nothing half done", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "hawser-killed-"));
  const started: Program[] = [];
  t.after(async () => {
    for (const each of started) await each.stop("SIGKILL");
    rmSync(folder, { recursive: true });
  });
  const serve = async () => {
    const program = hawser(["chip", "serve", "--port", "0", "--json", "--state", join(folder, "part.chip")]);
    started.push(program);
    const { address } = await program.json({ event: "listening" });
    const transport = await connectChip(String(address));
    return { program, device: await A71ch.open(transport, { hash: nodeHash, clock: nodeClock }) };
  };
  let [sent, answered] = [0, 0];
  for (let round = 0; round < (DEEP ? 20 : 2); round++) {
    const { program, device } = await serve();
    const { value } = await device.send("readCounter", { slot: 0 });
    assert.ok(value >= answered && value <= sent, `${value} is not within ${answered}..${sent}`);
    [sent, answered] = [value, value];
    const enough = Promise.withResolvers<void>();
    const storm = Array.from({ length: 200 }, async (_, i) => {
      sent++;
      const isAnswered = await device.send("incrementCounter", { slot: 0 }).then(
        () => true,
        () => false,
      );
      if (isAnswered) answered++;
      if (i === 17 + round) enough.resolve();
    });
    await enough.promise;
    await program.stop("SIGKILL");
    await Promise.all(storm);
    await device.close();
    assert.ok(answered < sent, "it was killed before it had answered all");
    assert.ok(answered > value, "the kill came under load");
  }
  const { program, device } = await serve();
  const { value } = await device.send("readCounter", { slot: 0 });
  assert.ok(value >= answered && value <= sent, `${value} is not within ${answered}..${sent}`);
  await device.close();
  assert.deepEqual(await program.stop(), { status: 0, signal: null });
});
