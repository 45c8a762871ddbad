import assert from "node:assert/strict";
import { test } from "node:test";

import { A71CH_COMMAND_SET, type A71chCommandName, type A71chRequest } from "../../apdu/a71ch/index.ts";
import {
  type CommandApdu,
  decodeResponse,
  encodeCommand,
  keyCheckValue,
  type ResponseApdu,
  type Scp03Keys,
  Scp03Session,
} from "../../apdu/index.ts";
import { nodeBlockCipher as aes } from "../../apdu/node.ts";
import { fromHex, toHex, utf8Bytes } from "../../codec/index.ts";
import { SeededEntropy, VirtualClock } from "../../crypto/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { Ledger } from "../../trace/index.ts";
import { MemoryInRam } from "../index.ts";
import { nodeChipCrypto } from "../node.ts";
import { A71chChip } from "./index.ts";

function keySet(name: string): Scp03Keys {
  const key = (use: string) => nodeHash.digest("sha256", utf8Bytes(`${name} ${use}`)).slice(0, 16);
  return { enc: key("enc"), mac: key("mac"), dek: key("dek") };
}

const KEYS = keySet("first");
const HOST_CHALLENGE = fromHex("0102030405060708");

/** The form in which keys are put: in the clear, or under the key encryption key. */
function putRequest(keys: Scp03Keys, dek?: Uint8Array): A71chRequest<"putKeys"> {
  const field = (key: Uint8Array) => ({ key: dek ? aes.encrypt(dek, key) : key, checkValue: keyCheckValue(aes, key) });
  return { version: 0x21, enc: field(keys.enc), mac: field(keys.mac), dek: field(keys.dek) };
}

function bench(memory = new MemoryInRam()) {
  const clock = new VirtualClock();
  const ledger = new Ledger({ clock });
  const entropy = new SeededEntropy(nodeHash, "secure channel");
  const chip = new A71chChip({ crypto: nodeChipCrypto, entropy, clock, memory, trace: ledger });
  const exchange = (command: CommandApdu): ResponseApdu => decodeResponse(chip.exchange(encodeCommand(command)));
  const build = <Key extends A71chCommandName>(key: Key, request: A71chRequest<Key>) =>
    A71CH_COMMAND_SET.build(key, request);
  const send = <Key extends A71chCommandName>(key: Key, request: A71chRequest<Key>) => exchange(build(key, request));
  const propose = (keys: Scp03Keys) => {
    const { data, sw } = send("initializeUpdate", { keyVersion: 0x21, hostChallenge: HOST_CHALLENGE });
    assert.equal(sw, 0x9000);
    const { cardChallenge, cardCryptogram } = A71CH_COMMAND_SET.readResponse("initializeUpdate", data);
    const session = new Scp03Session(aes, keys, { host: HOST_CHALLENGE, card: cardChallenge });
    return { session, proven: toHex(session.cardCryptogram) === toHex(cardCryptogram) };
  };
  const open = (keys: Scp03Keys) => {
    const { session } = propose(keys);
    const { hostCryptogram } = session;
    const { sw } = send("externalAuthenticate", { hostCryptogram, mac: session.authenticationMac(hostCryptogram) });
    return { session, sw };
  };
  const inside = <Key extends A71chCommandName>(session: Scp03Session, key: Key, request: A71chRequest<Key>) =>
    session.openResponse(exchange(session.protectCommand(build(key, request))));
  return { chip, memory, ledger, exchange, build, send, propose, open, inside };
}

test("A71chChip opens a secure channel with the keys it was given, and answers nobody outside it any more", () => {
  const { send, open, inside, memory } = bench();
  assert.equal(send("initializeUpdate", { keyVersion: 0x21, hostChallenge: HOST_CHALLENGE }).sw, 0x6985);
  assert.equal(send("putKeys", putRequest(KEYS)).sw, 0x9000);
  assert.equal(toHex(send("readModuleInfo", {}).data), "0131f3321000");
  assert.equal(send("initializeUpdate", { keyVersion: 0x20, hostChallenge: HOST_CHALLENGE }).sw, 0x6a86);
  const { session, sw } = open(KEYS);
  assert.equal(sw, 0x9000);
  assert.equal(toHex(inside(session, "readModuleInfo", {}).data), "0131f3121000");
  assert.equal(inside(session, "generateKeyPair", { slot: 0 }).sw, 0x9000);
  assert.equal(inside(session, "readKeyPairPoint", { slot: 0 }).data.length, 65);
  assert.equal(inside(session, "readKeyPairPoint", { slot: 1 }).sw, 0x6985);
  assert.equal(inside(session, "reflect", { bytes: utf8Bytes("hello") }).data.length, 5);
  assert.equal(send("random", { length: 8 }).sw, 0x6982);
  assert.equal(send("readUniqueId", {}).sw, 0x9000, "the vendor's scripts read who it is after the channel is gone");
  assert.equal(inside(session, "readUniqueId", {}).sw, 0x9000, "a plain command in between does no harm");
  const later = bench(memory);
  assert.equal(later.send("readKeyPairPoint", { slot: 0 }).sw, 0x6982, "mandatory beyond a reset");
  assert.equal(later.send("select", { aid: utf8Bytes("a71ch") }).sw, 0x9000);
  const again = later.open(KEYS);
  assert.equal(later.inside(again.session, "readKeyPairPoint", { slot: 0 }).data.length, 65);
});

test("A71chChip refuses channel keys with wrong check values, and later ones that are not under the DEK", () => {
  const { send, open } = bench();
  const request = putRequest(KEYS);

  assert.equal(send("putKeys", { ...request, mac: { ...request.mac, checkValue: fromHex("000000") } }).sw, 0x6a80);
  assert.equal(toHex(send("readModuleInfo", {}).data), "0131f3221000");
  assert.equal(send("putKeys", request).sw, 0x9000);
  const next = keySet("second");
  assert.equal(send("putKeys", putRequest(next)).sw, 0x6a80);
  assert.equal(send("putKeys", putRequest(next, KEYS.dek)).sw, 0x9000);
  assert.equal(open(KEYS).sw, 0x6982);
  assert.equal(open(next).sw, 0x9000);
});

test("A71chChip replaces channel keys by version, as NXP's host library sends it, in the clear and inside the channel", () => {
  const { send, open, inside, chip } = bench();
  const replacing = (keys: Scp03Keys, dek: Uint8Array) => ({ replacedVersion: 0x21, ...putRequest(keys, dek) });
  const [second, third] = [keySet("second"), keySet("third")];
  assert.equal(send("replaceKeys", replacing(second, KEYS.dek)).sw, 0x6985, "there is nothing to replace");
  assert.equal(send("putKeys", putRequest(KEYS)).sw, 0x9000);
  const command = encodeCommand(A71CH_COMMAND_SET.build("replaceKeys", replacing(second, KEYS.dek)));
  assert.equal(chip.consequencesOf(command).length, 1, "a rehearsal knows it");
  assert.equal(send("replaceKeys", replacing(second, second.dek)).sw, 0x6a80, "not under the present DEK");
  assert.equal(toHex(chip.exchange(command)), "9000");
  assert.equal(open(KEYS).sw, 0x6982);
  const { session } = open(second);
  assert.equal(inside(session, "replaceKeys", replacing(third, second.dek)).sw, 0x9000);
  assert.equal(send("replaceKeys", replacing(KEYS, third.dek)).sw, 0x6982, "the channel is mandatory by now");
  assert.equal(open(third).sw, 0x9000);
});

test("A71chChip proves its keys first and wants the host's proof with the right MAC, each once", () => {
  const { send, propose, open, exchange } = bench();
  send("putKeys", putRequest(KEYS));
  assert.equal(propose(KEYS).proven, true);
  assert.equal(propose(keySet("wrong")).proven, false);
  const { session } = propose(KEYS);
  const { hostCryptogram } = session;
  const mac = session.authenticationMac(hostCryptogram);
  assert.equal(send("externalAuthenticate", { hostCryptogram, mac: mac.with(0, (mac[0] ?? 0) ^ 1) }).sw, 0x6982);
  assert.equal(send("externalAuthenticate", { hostCryptogram, mac }).sw, 0x6985, "one try a proposal");
  const other = propose(KEYS).session;
  const forged = other.hostCryptogram.with(0, (other.hostCryptogram[0] ?? 0) ^ 1);
  const proof = { hostCryptogram: forged, mac: other.authenticationMac(forged) };
  assert.equal(send("externalAuthenticate", proof).sw, 0x6982);
  assert.equal(toHex(send("readModuleInfo", {}).data), "0131f3321000", "not mandatory after failures");
  assert.equal(exchange({ cla: 0x84, ins: 0x91, p1: 0, p2: 1, data: new Uint8Array(8), le: 256 }).sw, 0x6882);
  assert.equal(open(KEYS).sw, 0x9000);
});

test("A71chChip closes the channel when a message is changed or lost, and opens a new one", () => {
  const { send, open, inside, exchange, build } = bench();
  send("putKeys", putRequest(KEYS));
  let { session } = open(KEYS);
  const secured = session.protectCommand(build("readUniqueId", {}));
  assert.equal(exchange({ ...secured, data: secured.data.with(0, (secured.data[0] ?? 0) ^ 1) }).sw, 0x6982);
  assert.equal(exchange(session.protectCommand(build("readUniqueId", {}))).sw, 0x6882, "closed for good");
  ({ session } = open(KEYS));
  session.protectCommand(build("readUniqueId", {}));
  assert.equal(exchange(session.protectCommand(build("readUniqueId", {}))).sw, 0x6982, "one was lost");
  ({ session } = open(KEYS));
  assert.equal(inside(session, "readUniqueId", {}).data.length, 18);
  send("select", { aid: utf8Bytes("a71ch") });
  assert.equal(exchange(session.protectCommand(build("readUniqueId", {}))).sw, 0x6882, "selecting closes it");
});

test("A71chChip refuses answers that do not fit the secure channel", () => {
  const { send, open, inside } = bench();
  send("putKeys", putRequest(KEYS));
  const { session } = open(KEYS);
  assert.equal(inside(session, "random", { length: 239 }).data.length, 239);
  assert.equal(inside(session, "random", { length: 240 }).sw, 0x6a80);
  assert.equal(inside(session, "readStorage", { offset: 0, length: 240 }).sw, 0x6a80);
  assert.equal(inside(session, "readStorage", { offset: 0, length: 239 }).data.length, 239);
});

test("A71chChip debug reset wipes the channel's keys and still answers inside the channel", () => {
  const { send, open, inside } = bench();
  send("putKeys", putRequest(KEYS));
  const { session } = open(KEYS);
  assert.equal(inside(session, "debugReset", {}).sw, 0x9000);
  assert.equal(toHex(send("readModuleInfo", {}).data), "0131f3221000");
  assert.equal(send("putKeys", putRequest(keySet("third"))).sw, 0x9000);
});

test("A71chChip tells the trace what was said inside the channel, and never the channel's keys", () => {
  const { send, open, inside, ledger } = bench();
  send("putKeys", putRequest(KEYS));
  const { session } = open(KEYS);
  inside(session, "random", { length: 8 });
  const last = ledger.events().at(-1);
  assert.equal(last?.kind === "chip.command" && last.name, "Random");
  const text = ledger.jsonLines();
  for (const key of Object.values(KEYS)) assert.ok(!text.includes(toHex(key)));
});

test("A71chChip takes debug commands in the clear where a channel is mandatory, since hosts send them so, and nothing else", () => {
  const { send, open } = bench();
  send("putKeys", putRequest(KEYS));
  open(KEYS);
  assert.equal(send("random", { length: 8 }).sw, 0x6982);
  assert.equal(send("readFreeMemory", { kind: 0 }).sw, 0x9000);
  assert.equal(send("debugReset", {}).sw, 0x9000);
  assert.equal(toHex(send("readModuleInfo", {}).data), "0131f3221000", "keys and mandate are gone");
  send("putKeys", putRequest(KEYS));
  open(KEYS);
  assert.equal(send("endDebugMode", {}).sw, 0x9000);
  assert.equal(send("debugReset", {}).sw, 0x6985, "for good");
});
