import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { test, type TestContext } from "node:test";

import { nodeBlockCipher as aes } from "../../apdu/node.ts";
import { A71chChip } from "../../chip/a71ch/index.ts";
import { nodeChipCrypto, serveChip } from "../../chip/node.ts";
import { fromHex, HawserError } from "../../codec/index.ts";
import { SeededEntropy, VirtualClock } from "../../crypto/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { HOST_ERRORS, type HostErrorCode } from "../index.ts";
import { connectChip } from "../node.ts";
import { A71ch, putChannelKeys, type SecureChannel } from "./index.ts";

/** A served chip behind a cable that loses the chip's next answer when it is told to: cut, or swallowed. */
async function bench(t: TestContext) {
  const clock = new VirtualClock();
  const chip = new A71chChip({ crypto: nodeChipCrypto, entropy: new SeededEntropy(nodeHash, "lost"), clock });
  const served = await serveChip({ chip, port: 0 });
  const cable: { fault: "none" | "cut" | "swallow"; onAnswer: () => void } = {
    fault: "none",
    onAnswer: () => undefined,
  };
  const sockets = new Set<Socket>();
  const listener = createServer((near) => {
    const far = connect({ port: served.port, host: "127.0.0.1", noDelay: true });
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
    }
    near.on("data", (bytes) => far.write(bytes));
    near.on("close", () => far.destroy());
    far.on("data", (bytes) => {
      if (cable.fault === "none") near.write(bytes);
      if (cable.fault === "cut") near.destroy();
      cable.onAnswer();
    });
  }).listen(0, "127.0.0.1");
  await once(listener, "listening");
  t.after(async () => {
    listener.close();
    for (const socket of sockets) socket.destroy();
    await served.close();
  });
  const { port } = listener.address() as { port: number };
  const open = async (channel?: SecureChannel) => {
    const transport = await connectChip(`127.0.0.1:${port}`, { clock, timeoutMs: 1000 });
    return A71ch.open(transport, { hash: nodeHash, clock, ...(channel ? { channel } : {}) });
  };
  return { chip, cable, clock, open };
}

/** Asserts that an error is of a code whose cure is told to people. */
async function failsWith(work: Promise<unknown>, code: HostErrorCode, cure: RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof HawserError, String(error));
    assert.equal(error.code, code);
    assert.match(HOST_ERRORS[code].cure, cure);
    return true;
  });
}

test("a lost answer: the command is not sent twice, the error says to look first, and a new connection finds the truth", async (t) => {
  const { cable, open } = await bench(t);
  const device = await open();
  await device.send("incrementCounter", { slot: 0 });
  cable.fault = "cut";
  await failsWith(device.send("incrementCounter", { slot: 0 }), "connection-lost", /look at the chip's state first/);
  await failsWith(device.send("incrementCounter", { slot: 0 }), "closed", /Connect again/);
  cable.fault = "none";
  const again = await open();
  assert.equal((await again.send("readCounter", { slot: 0 })).value, 2, "carried out once");
  await again.close();
});

test("an answer that never comes ends by the clock, and callers behind it are told, not left waiting", async (t) => {
  const { cable, clock, open } = await bench(t);
  const device = await open();
  cable.fault = "swallow";
  const answered = new Promise<void>((resolve) => (cable.onAnswer = resolve));
  const first = failsWith(device.generateKeyPair(1), "timeout", /longer timeout/);
  const second = failsWith(device.random.random(8), "closed", /Connect again/);
  await answered;
  clock.advance(1000);
  await Promise.all([first, second]);
  cable.fault = "none";
  const again = await open();
  const slots = await again.keySlots();
  assert.ok(slots[1]?.publicKey, "the chip had generated the key all the same");
  await again.close();
});

test("a lost answer inside a secure channel: the connection ends, without a channel the chip says so, with a new one all is well", async (t) => {
  const { cable, chip, open } = await bench(t);
  const key = (byte: string) => fromHex(byte.repeat(16));
  const channel: SecureChannel = {
    keys: { enc: key("e1"), mac: key("a2"), dek: key("d3") },
    aes,
    entropy: new SeededEntropy(nodeHash, "host"),
  };
  const first = await open();
  await first.exclusive((session) => putChannelKeys(session, { keys: channel.keys, aes }));
  await first.openSecureChannel(channel);
  await first.generateKeyPair(0);
  cable.fault = "cut";
  await failsWith(first.generateKeyPair(1), "connection-lost", /look at the chip's state first/);
  cable.fault = "none";
  await assert.rejects(open(), { code: "status-word", wire: 0x6982, message: /open the secure channel/ });
  const again = await open(channel);
  assert.ok((await again.keySlots())[1]?.publicKey);
  // The chip lost its session, as after a power cut; the host does not know yet.
  chip.reset();
  await failsWith(again.random.random(8), "secure-channel", /Open the channel again/);
  await failsWith(again.random.random(8), "secure-channel", /Open the channel again/);
  await again.openSecureChannel(channel);
  assert.equal((await again.random.random(8)).length, 8);
  await again.close();
});
