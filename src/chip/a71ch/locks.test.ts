import assert from "node:assert/strict";
import { createECDH } from "node:crypto";
import { test } from "node:test";

import {
  A71CH_COMMAND_SET,
  type A71chCommandName,
  type A71chRequest,
  type A71chResponse,
} from "../../apdu/a71ch/index.ts";
import { decodeResponse, encodeCommand, wrapKey } from "../../apdu/index.ts";
import { nodeBlockCipher as aes } from "../../apdu/node.ts";
import { concat, fromHex, utf8Bytes } from "../../codec/index.ts";
import { SeededEntropy, VirtualClock } from "../../crypto/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { MemoryInRam } from "../index.ts";
import { nodeChipCrypto } from "../node.ts";
import { A71chChip } from "./index.ts";

type Answer<Key extends A71chCommandName> = { readonly sw: number; readonly fields: () => A71chResponse<Key> };

function bench(memory = new MemoryInRam()) {
  const entropy = new SeededEntropy(nodeHash, "locks");
  const chip = new A71chChip({ crypto: nodeChipCrypto, entropy, clock: new VirtualClock(), memory });
  const send = <Key extends A71chCommandName>(key: Key, request: A71chRequest<Key>): Answer<Key> => {
    const { data, sw } = decodeResponse(chip.exchange(encodeCommand(A71CH_COMMAND_SET.build(key, request))));
    return { sw, fields: () => A71CH_COMMAND_SET.readResponse(key, data) };
  };
  /** The code for a fresh challenge. */
  const codeFor = (kind: 0 | 1 | 2) => aes.decrypt(CONFIG[kind], send("readChallenge", { kind }).fields().challenge);
  return { chip, memory, send, codeFor };
}

type Bench = ReturnType<typeof bench>;

const CONFIG = ["transport", "private", "public"].map((name) =>
  nodeHash.digest("sha256", utf8Bytes(name)).slice(0, 16),
) as [Uint8Array, Uint8Array, Uint8Array];

function setConfigKeys({ send }: Bench): void {
  CONFIG.forEach((key, slot) => assert.equal(send("setConfigKey", { slot, key }).sw, 0x9000));
}

function newPair() {
  const ecdh = createECDH("prime256v1");
  const point = new Uint8Array(ecdh.generateKeys());
  return { point, scalar: fromHex(ecdh.getPrivateKey("hex").padStart(64, "0")) };
}

test("A71chChip takes keys wrapped with configuration keys, and refuses what is wrapped with others", () => {
  const chip = bench();
  const { send } = chip;
  const { scalar, point } = newPair();
  const wrappedScalar = wrapKey(aes, CONFIG[1], scalar);
  const wrappedPoint = wrapKey(aes, CONFIG[2], point.subarray(1));
  assert.equal(send("setWrappedKeyPair", { slot: 0, wrappedScalar, point }).sw, 0x6985);
  assert.equal(send("setWrappedPublicKey", { slot: 0, wrappedPoint }).sw, 0x6985);
  setConfigKeys(chip);
  assert.equal(send("setWrappedKeyPair", { slot: 0, wrappedScalar, point }).sw, 0x9000);
  assert.equal(send("setWrappedPublicKey", { slot: 0, wrappedPoint }).sw, 0x9000);
  assert.deepEqual(send("readKeyPairPoint", { slot: 0 }).fields().point, point);
  assert.deepEqual(send("readPublicKey", { slot: 0 }).fields().point, point);
  const swapped = wrapKey(aes, CONFIG[2], scalar);
  assert.equal(send("setWrappedKeyPair", { slot: 1, wrappedScalar: swapped, point }).sw, 0x6a80);
  const offCurve = wrapKey(aes, CONFIG[2], point.subarray(1).with(63, (point[64] ?? 0) ^ 1));
  assert.equal(send("setWrappedPublicKey", { slot: 1, wrappedPoint: offCurve }).sw, 0x6a80);
  const wrappedKey = wrapKey(aes, CONFIG[0], CONFIG[1]);
  assert.equal(send("setWrappedConfigKey", { slot: 1, wrappedKey }).sw, 0x6a80);
  assert.equal(send("setWrappedConfigKey", { slot: 0, wrappedKey }).sw, 0x9000);
  assert.equal(send("setConfigKey", { slot: 3, key: CONFIG[0] }).sw, 0x6a86);
});

test("A71chChip with injection locked takes no plain keys, and changes key pairs and public keys by code only", () => {
  const chip = bench();
  const { send, codeFor } = chip;
  const { scalar, point } = newPair();
  setConfigKeys(chip);
  assert.equal(send("generateKeyPair", { slot: 0 }).sw, 0x9000);
  assert.equal(send("setPublicKey", { slot: 0, point }).sw, 0x9000);
  assert.equal(send("lockInjection", {}).sw, 0x9000);
  assert.equal(send("readModuleInfo", {}).fields().injectLock, 1);
  const key = new Uint8Array(16);
  assert.equal(send("setKeyPair", { slot: 1, scalar, point }).sw, 0x6986);
  assert.equal(send("generateKeyPair", { slot: 1 }).sw, 0x6986);
  assert.equal(send("setPublicKey", { slot: 1, point }).sw, 0x6986);
  assert.equal(send("setSecret", { slot: 1, key }).sw, 0x6986);
  assert.equal(send("setConfigKey", { slot: 1, key }).sw, 0x6986);
  for (const command of ["freezeKeyPair", "eraseKeyPair", "freezePublicKey", "erasePublicKey"] as const) {
    assert.equal(send(command, { slot: 0 }).sw, 0x6a80, command);
  }
  assert.equal(
    send("setWrappedKeyPair", { slot: 1, wrappedScalar: wrapKey(aes, CONFIG[1], scalar), point }).sw,
    0x9000,
  );
  assert.equal(send("generateKeyPairByCode", { slot: 2, code: codeFor(1) }).sw, 0x9000);
  assert.equal(send("freezeKeyPairByCode", { slot: 2, code: codeFor(1) }).sw, 0x9000);
  assert.equal(send("eraseKeyPairByCode", { slot: 2, code: codeFor(1) }).sw, 0x6986, "frozen even for a code");
  assert.equal(send("eraseKeyPairByCode", { slot: 0, code: codeFor(1) }).sw, 0x9000);
  assert.equal(send("readKeyPairPoint", { slot: 0 }).sw, 0x6985);
  assert.equal(send("freezePublicKeyByCode", { slot: 1, code: codeFor(2) }).sw, 0x9000);
  assert.equal(send("erasePublicKeyByCode", { slot: 0, code: codeFor(2) }).sw, 0x9000);
  assert.equal(send("readPublicKey", { slot: 0 }).sw, 0x6985);
});

test("A71chChip takes each code once, for its own kind, and not after a reset", () => {
  const chip = bench();
  const { send, codeFor } = chip;
  const erase = (code: Uint8Array) => send("eraseKeyPairByCode", { slot: 0, code }).sw;
  assert.equal(send("readChallenge", { kind: 3 }).sw, 0x6a86);
  assert.equal(erase(new Uint8Array(16)), 0x6985, "no configuration key");
  setConfigKeys(chip);
  assert.equal(erase(new Uint8Array(16)), 0x6985, "no challenge");
  const code = codeFor(1);
  assert.equal(erase(code), 0x9000);
  assert.equal(erase(code), 0x6985, "used");
  const right = codeFor(1);
  assert.equal(erase(right.with(0, (right[0] ?? 0) ^ 1)), 0x6a80);
  assert.equal(erase(right), 0x6985, "a wrong try spends the challenge");
  assert.equal(erase(codeFor(2)), 0x6985, "of another kind");
  const late = codeFor(1);
  chip.chip.reset();
  assert.equal(erase(late), 0x6985);
});

test("A71chChip under transport lock tells only who it is, and is unlocked once and for good", () => {
  const chip = bench();
  const { send, codeFor } = chip;
  assert.equal(send("lockTransport", {}).sw, 0x6985, "without its configuration key");
  setConfigKeys(chip);
  assert.equal(send("unlockTransport", { code: codeFor(0) }).sw, 0x6985, "not locked");
  assert.equal(send("readModuleInfo", {}).fields().transportLock, 3);
  assert.equal(send("lockTransport", {}).sw, 0x9000);
  assert.equal(send("readModuleInfo", {}).fields().transportLock, 1);
  const locked = bench(chip.memory);
  const refused: A71chCommandName[] = [];
  for (const key of Object.keys(A71CH_COMMAND_SET.table) as A71chCommandName[]) {
    const row = A71CH_COMMAND_SET.table[key];
    const probe = locked.chip.exchange(encodeCommand(probeOf(key)));
    const { sw } = decodeResponse(probe);
    if (sw === 0x6985) refused.push(key);
    else assert.ok(sw === 0x9000 || sw === 0x6a80 || sw === 0x6a82, `${row.name} ${sw.toString(16)}`);
  }
  const open = ["selectCardManager", "select", "readUniqueId", "readModuleInfo", "readChallenge", "unlockTransport"];
  for (const key of open) assert.ok(!refused.includes(key as A71chCommandName), key);
  assert.equal(refused.length, Object.keys(A71CH_COMMAND_SET.table).length - open.length);
  assert.equal(locked.send("unlockTransport", { code: new Uint8Array(16) }).sw, 0x6985);
  assert.equal(locked.send("unlockTransport", { code: locked.codeFor(1) }).sw, 0x6985);
  assert.equal(locked.send("unlockTransport", { code: locked.codeFor(0) }).sw, 0x9000);
  assert.equal(locked.send("readModuleInfo", {}).fields().transportLock, 2);
  assert.equal(locked.send("generateKeyPair", { slot: 0 }).sw, 0x9000);
  assert.equal(locked.send("lockTransport", {}).sw, 0x6985, "never again");
});

/** Some command that fits a row: zeros wherever the row leaves a choice. */
function probeOf(key: A71chCommandName) {
  const zeros = (n: number) => new Uint8Array(n);
  const scpKey = { key: zeros(16), checkValue: zeros(3) };
  const fields = {
    slot: 0,
    blocks: 1,
    keyPair: 0,
    kind: 0,
    offset: 0,
    length: 16,
    value: 1,
    keyVersion: 0x21,
    replacedVersion: 0x21,
    version: 0x21,
    aid: utf8Bytes("a71ch"),
    scalar: zeros(32),
    point: zeros(65),
    peerPoint: zeros(65),
    digest: zeros(32),
    signature: zeros(8),
    bytes: zeros(4),
    update: zeros(5),
    code: zeros(16),
    key: zeros(16),
    wrappedKey: zeros(24),
    info: zeros(1),
    wrappedScalar: zeros(40),
    wrappedPoint: zeros(72),
    salt: zeros(2),
    serverRandom: zeros(32),
    label: zeros(4),
    enc: scpKey,
    mac: key === "putKeys" || key === "replaceKeys" ? scpKey : zeros(8),
    dek: scpKey,
    hostChallenge: zeros(8),
    hostCryptogram: zeros(8),
  };
  return A71CH_COMMAND_SET.build(key, fields);
}

test("A71chChip counters only rise, stop at their end, and go back to zero in debug mode only", () => {
  const { send } = bench();
  const value = () => send("readCounter", { slot: 1 }).fields().value;
  assert.equal(value(), 0);
  assert.equal(send("incrementCounter", { slot: 1 }).sw, 0x9000);
  assert.equal(value(), 1);
  assert.equal(send("setCounter", { slot: 1, value: 0xfffffffe }).sw, 0x9000);
  assert.equal(send("setCounter", { slot: 1, value: 0xfffffffd }).sw, 0x6985);
  assert.equal(send("incrementCounter", { slot: 1 }).sw, 0x9000);
  assert.equal(send("incrementCounter", { slot: 1 }).sw, 0x6985);
  assert.equal(value(), 0xffffffff);
  assert.equal(send("readCounter", { slot: 0 }).fields().value, 0);
  assert.equal(send("readCounter", { slot: 2 }).sw, 0x6a86);
  assert.equal(send("eraseCounter", { slot: 1 }).sw, 0x9000);
  assert.equal(value(), 0);
  assert.equal(send("endDebugMode", {}).sw, 0x9000);
  assert.equal(send("incrementCounter", { slot: 1 }).sw, 0x9000);
  assert.equal(send("eraseCounter", { slot: 1 }).sw, 0x6985);
});

test("A71chChip whose debug mode was ended is never reset again, and says so", () => {
  const chip = bench();
  assert.equal(chip.send("readModuleInfo", {}).fields().selectResponse, 0x0131);
  assert.equal(chip.send("generateKeyPair", { slot: 0 }).sw, 0x9000);
  assert.equal(chip.send("endDebugMode", {}).sw, 0x9000);
  const again = bench(chip.memory);
  assert.equal(again.send("debugReset", {}).sw, 0x6985);
  assert.equal(again.send("endDebugMode", {}).sw, 0x6985);
  assert.equal(again.send("readModuleInfo", {}).fields().selectResponse, 0x0130);
  assert.equal(again.send("select", { aid: utf8Bytes("a71ch") }).fields().appletVersion, 0x0130);
  assert.equal(again.send("readKeyPairPoint", { slot: 0 }).sw, 0x9000);
});

test("A71chChip that was not born so has no restricted key pair, and counts no use of others", () => {
  const { send } = bench();
  assert.equal(send("readKeyPairUsage", { slot: 0 }).sw, 0x6985);
  assert.equal(send("generateKeyPair", { slot: 0 }).sw, 0x9000);
  assert.deepEqual(send("readKeyPairUsage", { slot: 0 }).fields().usage, new Uint8Array(0));
  assert.deepEqual(send("readRestriction", {}).fields().restriction, Uint8Array.of(0xff, 0x00));
});

test("A71chChip keeps locks, counters, secrets, label and configuration keys over a power cycle, and a debug reset wipes them", () => {
  const chip = bench();
  setConfigKeys(chip);
  const key = concat(CONFIG[0]);
  for (const { sw } of [
    chip.send("setSecret", { slot: 7, key }),
    chip.send("freezeSecret", { slot: 7 }),
    chip.send("setCounter", { slot: 0, value: 77 }),
    chip.send("setTlsLabel", { label: utf8Bytes("label") }),
    chip.send("lockInjection", {}),
  ]) {
    assert.equal(sw, 0x9000);
  }
  const derive = (each: Bench) => {
    each.send("clientHelloRandom", {});
    return each.send("derivePskMasterSecret", { slot: 7, blocks: 1, serverRandom: new Uint8Array(32) }).sw;
  };
  const again = bench(chip.memory);
  assert.deepEqual(again.send("readCredentialMap", {}).fields(), chip.send("readCredentialMap", {}).fields());
  assert.deepEqual(again.send("readModuleInfo", {}).fields(), chip.send("readModuleInfo", {}).fields());
  assert.equal(again.send("readCounter", { slot: 0 }).fields().value, 77);
  assert.equal(derive(again), 0x9000);
  assert.equal(again.send("eraseKeyPairByCode", { slot: 0, code: again.codeFor(1) }).sw, 0x9000);
  assert.equal(again.send("debugReset", {}).sw, 0x9000);
  assert.equal(again.send("readModuleInfo", {}).fields().injectLock, 2);
  assert.equal(again.send("readCounter", { slot: 0 }).fields().value, 0);
  assert.equal(derive(again), 0x6985);
  assert.equal(again.send("setSecret", { slot: 7, key }).sw, 0x9000);
});

test("A71chChip freezes and erases symmetric secrets without a code until injection is locked, and by code after", () => {
  const chip = bench();
  const { send, codeFor } = chip;
  setConfigKeys(chip);
  for (const slot of [0, 1, 2]) assert.equal(send("setSecret", { slot, key: CONFIG[0] }).sw, 0x9000);
  assert.equal(send("eraseSecret", { slot: 0 }).sw, 0x9000);
  assert.equal(send("lockInjection", {}).sw, 0x9000);
  assert.equal(send("eraseSecret", { slot: 1 }).sw, 0x6a80);
  assert.equal(send("freezeSecret", { slot: 1 }).sw, 0x6a80);
  assert.equal(send("hmac", { slot: 1, blocks: 1, bytes: CONFIG[0] }).sw, 0x9000, "it is still there");
  assert.equal(send("freezeSecretByCode", { slot: 2, code: codeFor(1) }).sw, 0x9000);
  assert.equal(send("eraseSecretByCode", { slot: 1, code: codeFor(1) }).sw, 0x9000);
});

test("A71chChip freezes and erases symmetric secrets by code too, each code once", () => {
  const chip = bench();
  const { send, codeFor } = chip;
  setConfigKeys(chip);
  for (const slot of [0, 1]) assert.equal(send("setSecret", { slot, key: CONFIG[0] }).sw, 0x9000);
  const code = codeFor(1);
  const said = (key: "freezeSecretByCode" | "eraseSecretByCode") =>
    chip.chip.consequencesOf(encodeCommand(A71CH_COMMAND_SET.build(key, { slot: 0, code }))).length;
  assert.deepEqual([said("freezeSecretByCode"), said("eraseSecretByCode")], [1, 1], "a rehearsal knows them");
  assert.equal(send("eraseSecretByCode", { slot: 0, code }).sw, 0x9000);
  assert.equal(send("eraseSecretByCode", { slot: 1, code }).sw, 0x6985, "no challenge waits");
  assert.equal(send("hmac", { slot: 0, blocks: 1, bytes: code }).sw, 0x6985);
  assert.equal(send("freezeSecretByCode", { slot: 1, code: codeFor(2) }).sw, 0x6985, "a challenge of another kind");
  assert.equal(send("freezeSecretByCode", { slot: 1, code: codeFor(1) }).sw, 0x9000);
  assert.equal(send("eraseSecret", { slot: 1 }).sw, 0x6986);
  assert.equal(send("freezeSecretByCode", { slot: 8, code: codeFor(1) }).sw, 0x6a86);
});
