/**
 * Replays what NXP's unmodified A71CH host programs sent, and compares with the answers of the stand-in that those
 * programs accepted (they compare key derivation, hashes and ECC with OpenSSL).
 *
 * The captures hold one or two exchanges of each shape, so what set the state up may be missing: `BEFORE` puts it back.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { A71CH_COMMAND_SET } from "../../apdu/a71ch/index.ts";
import { decodeCommand, encodeCommand, Scp03Session } from "../../apdu/index.ts";
import { nodeBlockCipher } from "../../apdu/node.ts";
import { fromHex, toHex } from "../../codec/index.ts";
import { ecdsaDerToRaw, type Entropy, SeededEntropy, VirtualClock } from "../../crypto/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { nodeChipCrypto } from "../node.ts";
import { A71chChip } from "./index.ts";

const PATH = join(import.meta.dirname, "../../../../shared/captures/a71ch.txt");

const RESET = "809400ea00";
const SECRETS = ["8042000110dbfee9e3b276154d67f9d84cb935545600", "8042010110000102030405060708090a0b0c0d0e0f00"];
/** Configuration keys 0 and 1 as the programs set them; key 2 was not captured. */
const TRANSPORT_KEY = "8032000110000102030405060708090a0b0c0d0e0f00";
const PRIVATE_KEYS_KEY = fromHex("010003020504070609080b0a0d0c0f0e");
const CLIENT_RANDOM = "8095010000";

/** Commands to send before an exchange; a number stands for the command of another exchange. */
const BEFORE: Readonly<Record<number, readonly (string | number)[]>> = {
  12: SECRETS,
  26: [24],
  28: [24],
  33: [RESET],
  320: [RESET],
  352: [350],
  353: [350],
  354: [350],
  356: [350],
  358: [350, 356],
  359: [RESET],
  360: SECRETS,
  364: ["8012000000", CLIENT_RANDOM],
  365: [CLIENT_RANDOM],
  371: [RESET],
  383: ["8023010000"],
  386: [RESET],
  389: [RESET],
  393: SECRETS,
  396: [TRANSPORT_KEY],
  636: [350],
  637: [350],
  638: [350],
  639: [350, 356],
  640: [350, 356],
  641: [RESET],
  650: ["8013010000"],
};

/** Exchanges whose keys were not captured: only status word and length can agree. */
const KEYS_UNKNOWN = new Set([17, 18, 19, 20, 21, 23, 25, 27, 29, 30, 361, 363, 364, 365, 394, 395]);

/** Exchanges that need configuration key 2 or a public key that was not captured. */
const NOT_REPLAYED = new Set([41, 42, 43, 44, 70, 72, 380, 381, 382]);

/**
 * The stand-in refused to say who it is outside a mandatory channel. The script that shows how a channel is taken down
 * reads it there, and says that it can; so we answer.
 */
const STAND_IN_REFUSED = new Set([652, 653]);

/** Gives what a test asks for next, and else what follows from a seed. */
class ScriptedEntropy implements Entropy {
  readonly #seeded = new SeededEntropy(nodeHash, "captures");
  next: Uint8Array | undefined;

  bytes(length: number): Uint8Array {
    const scripted = this.next?.length === length ? this.next : undefined;
    if (scripted) this.next = undefined;
    return scripted ?? this.#seeded.bytes(length);
  }
}

type Exchange = { readonly command: string; readonly answer: string };

function captures(): Exchange[] {
  const lines = readFileSync(PATH, "utf8").split("\n");
  const bytes = lines.filter((line) => /^[<>] /.test(line)).map((line) => line.slice(2));
  return Array.from({ length: bytes.length / 2 }, (_, i) => ({
    command: bytes[2 * i] ?? "",
    answer: bytes[2 * i + 1] ?? "",
  }));
}

/** The random bytes that the stand-in's answer shows, so that ours is the same. */
function randomIn({ command, answer }: Exchange): Uint8Array | undefined {
  if (/^8091..05|^8095/.test(command)) return fromHex(answer.slice(0, -4));
  return command.startsWith("8050") ? fromHex(answer.slice(26, 42)) : undefined;
}

function agrees(i: number, { command, answer }: Exchange, got: string): void {
  const where = `exchange ${i}: ${command.slice(0, 40)}`;
  assert.equal(got.slice(-4), answer.slice(-4), where);
  if (command.startsWith("8015") && got.length > 4) {
    // Both made a signature with the same key; the nonce is each one's own.
    const digest = fromHex(command.slice(10, 74));
    const point = i === 49 ? POINTS[0] : POINTS[1];
    for (const der of [got, answer]) {
      const raw = ecdsaDerToRaw(fromHex(der.slice(0, -4)), 32);
      assert.ok(nodeChipCrypto.verifyDigest(point ?? assert.fail(), digest, raw), where);
    }
  } else if (KEYS_UNKNOWN.has(i) || /^8091..02/.test(command)) assert.equal(got.length, answer.length, where);
  else assert.equal(got, answer, where);
}

/** The key pairs of exchanges 47 to 50. */
const POINTS: Uint8Array[] = [];

test("A71chChip answers NXP's A71CH host programs as the stand-in did whose answers they accepted", (t) => {
  if (!existsSync(PATH)) return t.skip("the captures are not here");
  const entropy = new ScriptedEntropy();
  entropy.next = fromHex("2341005366964751");
  const chip = new A71chChip({ crypto: nodeChipCrypto, entropy, clock: new VirtualClock() });
  const say = (hex: string) => toHex(chip.exchange(fromHex(hex)));
  const exchanges = captures();
  const setUp = (hex: string) => assert.equal(say(hex).slice(-4), "9000", hex);
  let replayed = 0;
  for (const [i, exchange] of exchanges.entries()) {
    const { command, answer } = exchange;
    for (const before of BEFORE[i] ?? []) {
      setUp(typeof before === "string" ? before : (exchanges[before]?.command ?? assert.fail()));
    }
    if (i === 371) storePublicKeys(exchanges, setUp);
    if (i === 64 || i === 65) {
      // The challenge behind a captured code follows from the code.
      entropy.next = nodeBlockCipher.encrypt(PRIVATE_KEYS_KEY, fromHex(command.slice(10, 42)));
      setUp("8091010500");
    }
    if (i === 652) openChannel(exchanges[31]?.command ?? assert.fail(), say);
    if (NOT_REPLAYED.has(i)) continue;
    if (i === 47 || i === 48) POINTS.push(fromHex(answer.slice(0, -4)));
    entropy.next = randomIn(exchange);
    if (STAND_IN_REFUSED.has(i)) {
      assert.equal(say(command).slice(-4), "9000");
      continue;
    }
    agrees(i, exchange, say(command));
    replayed++;
  }
  assert.equal(replayed, exchanges.length - NOT_REPLAYED.size - STAND_IN_REFUSED.size);
  t.diagnostic(`${replayed} of ${exchanges.length} captured exchanges agree`);
});

/** The stored keys of exchanges 371, 373 and 375 come along in those behind them. */
function storePublicKeys(exchanges: readonly Exchange[], setUp: (hex: string) => void): void {
  for (const [slot, i] of [372, 374, 376].entries()) {
    setUp(`80220${slot}0041${exchanges[i]?.command.slice(-132, -2)}00`);
  }
}

function openChannel(putKeys: string, say: (hex: string) => string): void {
  assert.equal(say(RESET), "9000");
  assert.equal(say(putKeys), "9000");
  const { request } = A71CH_COMMAND_SET.recognise(decodeCommand(fromHex(putKeys)));
  const { enc, mac } = request as { enc: { key: Uint8Array }; mac: { key: Uint8Array } };
  const host = new Uint8Array(8);
  const answer = fromHex(say(`8050210008${toHex(host)}00`));
  const card = answer.subarray(13, 21);
  const session = new Scp03Session(nodeBlockCipher, { enc: enc.key, mac: mac.key }, { host, card });
  const { hostCryptogram } = session;
  const proof = { hostCryptogram, mac: session.authenticationMac(hostCryptogram) };
  assert.equal(say(toHex(encodeCommand(A71CH_COMMAND_SET.build("externalAuthenticate", proof)))), "9000");
}
