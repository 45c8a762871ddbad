import assert from "node:assert/strict";
import { verify, createPublicKey } from "node:crypto";
import { test } from "node:test";

import type { Scp03Keys } from "../../apdu/index.ts";
import { nodeBlockCipher as aes } from "../../apdu/node.ts";
import { A71chChip } from "../../chip/a71ch/index.ts";
import { nodeChipCrypto } from "../../chip/node.ts";
import { toHex, utf8Bytes } from "../../codec/index.ts";
import { SeededEntropy, VirtualClock } from "../../crypto/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { Ledger, silentTrace, type Trace } from "../../trace/index.ts";
import { localTransport, type Transport } from "../index.ts";
import { A71ch, putChannelKeys, type SecureChannel } from "./index.ts";

const clock = new VirtualClock();
const entropy = new SeededEntropy(nodeHash, "host channel");

function keySet(name: string): Scp03Keys {
  const key = (use: string) => nodeHash.digest("sha256", utf8Bytes(`${name} ${use}`)).slice(0, 16);
  return { enc: key("enc"), mac: key("mac"), dek: key("dek") };
}

const CHANNEL: SecureChannel = { keys: keySet("one"), aes, entropy };

function newChip(): A71chChip {
  return new A71chChip({ crypto: nodeChipCrypto, entropy: new SeededEntropy(nodeHash, "channel"), clock });
}

function open(transport: Transport, channel?: SecureChannel, trace: Trace = silentTrace): Promise<A71ch> {
  return A71ch.open(transport, { hash: nodeHash, clock, trace, ...(channel ? { channel } : {}) });
}

/** A transport whose bytes a test can see and change. */
function tapped(chip: A71chChip) {
  const inner = localTransport(chip);
  const tap = { frames: [] as string[], change: (bytes: Uint8Array) => bytes, drop: false };
  const transport: Transport = {
    exchange: async (command) => {
      const response = await inner.exchange(tap.change(command));
      tap.frames.push(toHex(command), toHex(response));
      assert.ok(!tap.drop, "the answer is lost");
      return response;
    },
    close: () => inner.close(),
  };
  return { tap, transport };
}

async function withChannel() {
  const chip = newChip();
  const { tap, transport } = tapped(chip);
  const device = await open(transport);
  await device.exclusive((session) => putChannelKeys(session, { keys: CHANNEL.keys, aes }));
  await device.openSecureChannel(CHANNEL);
  return { chip, tap, transport, device };
}

test("A71ch works inside a secure channel as it does outside, and hides what it says from the bus", async () => {
  const { tap, device } = await withChannel();
  tap.frames.length = 0;
  const publicKey = await device.generateKeyPair(0);
  const signature = await (await device.signer(0)).sign("ecdsa_sha256", utf8Bytes("sample"));
  const key = createPublicKey({ key: Buffer.from(publicKey), format: "der", type: "spki" });
  assert.ok(verify("sha256", utf8Bytes("sample"), key, signature));
  const certificate = Uint8Array.from([0x30, 0x82, 0x01, 0x00, ...new Uint8Array(256).fill(0x5a)]);
  await device.writeCertificate(0, certificate);
  assert.deepEqual(await device.readCertificate(0), certificate);
  assert.equal((await device.random.random(500)).length, 500);
  const seen = tap.frames.join(" ");
  for (const secret of [toHex(publicKey.slice(-64)), toHex(signature), "5a5a5a5a"]) assert.ok(!seen.includes(secret));
  assert.ok(tap.frames.filter((_, i) => i % 2 === 0).every((command) => command.startsWith("84")));
});

test("A71ch.open reaches a chip that wants a secure channel only with its keys", async () => {
  const { chip } = await withChannel();
  await assert.rejects(open(localTransport(chip)), { name: "Refused", code: "status-word", wire: 0x6982 });
  await assert.rejects(open(localTransport(chip), { ...CHANNEL, keys: keySet("other") }), { code: "secure-channel" });
  const device = await open(localTransport(chip), CHANNEL);
  assert.equal(device.identity.uniqueId, chip.uniqueId);
  const next = { ...CHANNEL, keys: keySet("two") };
  await device.exclusive((session) => putChannelKeys(session, { keys: next.keys, aes, presentDek: CHANNEL.keys.dek }));
  await assert.rejects(open(localTransport(chip), CHANNEL), { code: "secure-channel" });
  await open(localTransport(chip), next);
});

test("A71ch notices a changed or lost message, says secure-channel, and goes on with a new channel", async () => {
  const { tap, device } = await withChannel();
  tap.change = (bytes) => bytes.with(6, (bytes[6] ?? 0) ^ 1);
  await assert.rejects(device.random.random(4), { name: "ProtocolError", code: "secure-channel" });
  tap.change = (bytes) => bytes;
  const sent = tap.frames.length;
  await assert.rejects(device.send("setSecret", { slot: 0, key: CHANNEL.keys.enc }), { code: "secure-channel" });
  assert.equal(tap.frames.length, sent, "nothing goes out in the clear by itself");
  await device.openSecureChannel(CHANNEL);
  tap.drop = true;
  await assert.rejects(device.random.random(4), /the answer is lost/);
  tap.drop = false;
  await assert.rejects(device.random.random(4), { code: "secure-channel" });
  await device.openSecureChannel(CHANNEL);
  assert.equal((await device.random.random(4)).length, 4);
});

test("A71ch refuses an answer that does not belong to the channel", async () => {
  const { chip } = await withChannel();
  let forge = false;
  const inner = localTransport(chip);
  const device = await open(
    {
      exchange: async (command) => {
        const answer = await inner.exchange(command);
        return forge ? Uint8Array.from([...answer.slice(0, -3), (answer.at(-3) ?? 0) ^ 1, 0x90, 0x00]) : answer;
      },
      close: () => inner.close(),
    },
    CHANNEL,
  );
  forge = true;
  await assert.rejects(device.random.random(4), { name: "ProtocolError", code: "secure-channel" });
});

test("A71ch tells the trace what it said in the channel by name, with what went over the bus in bytes", async () => {
  const { chip } = await withChannel();
  const ledger = new Ledger({ clock });
  const device = await open(localTransport(chip), CHANNEL, ledger);
  await device.random.random(8);
  const last = ledger.events().at(-1);
  assert.ok(last?.kind === "bus.exchange");
  assert.deepEqual([last.name, last.sentBytes, last.receivedBytes], ["Random", 14, 26]);
  for (const key of Object.values(CHANNEL.keys)) assert.ok(!ledger.jsonLines().includes(toHex(key)));
});

test("A71ch sends nothing in the clear after a channel could not be opened, until somebody decides so", async () => {
  const { device, tap } = await withChannel();
  await assert.rejects(device.openSecureChannel({ ...CHANNEL, keys: keySet("wrong") }), { code: "secure-channel" });
  const sent = tap.frames.length;
  await assert.rejects(device.random.random(4), { code: "secure-channel" });
  assert.equal(tap.frames.length, sent);
  await device.exclusive(async (session) => session.secure(undefined));
  await assert.rejects(device.random.random(4), { code: "status-word", wire: 0x6982 });
});

test("A71ch keeps its channel when a command is too long for it, and leaves it after a debug reset", async () => {
  const { device } = await withChannel();
  await assert.rejects(device.send("reflect", { bytes: new Uint8Array(240) }), { code: "length" });
  assert.equal((await device.random.random(4)).length, 4);
  await device.send("debugReset", {});
  assert.equal((await device.random.random(4)).length, 4, "in the clear: the chip has no channel keys any more");
});
