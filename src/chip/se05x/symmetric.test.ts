/** Ciphers, codes and hashes of the chip against node:crypto, in one command and streamed. */
import assert from "node:assert/strict";
import { createCipheriv, createHash, createHmac } from "node:crypto";
import { test } from "node:test";

import { CASES, Chance } from "../../../test/chip/differential.ts";
import { type Host, newSe05x } from "../../../test/chip/se05x.ts";
import { concat, fromHex, toHex } from "../../codec/index.ts";
import { MemoryInRam } from "../index.ts";

const KEY = 0x20000001;
const KEK = 0x20000002;
const STREAM = 0x0101;

const HASHES = [
  [0x01, "sha1"],
  [0x07, "sha224"],
  [0x04, "sha256"],
  [0x05, "sha384"],
  [0x06, "sha512"],
] as const;

test("Se05xChip hashes as node:crypto does, in one command and in parts", async (t) => {
  const { host } = await newSe05x();
  const chance = new Chance("digests");
  for (const [i, [algorithm]] of HASHES.entries()) {
    host.send("createCryptoObject", { cryptoObjectId: STREAM + i, context: 0x01, subtype: algorithm });
  }
  for (let i = 0; i < CASES; i++) {
    const which = chance.below(HASHES.length);
    const [algorithm, name] = HASHES[which] ?? assert.fail();
    const input = chance.bytes(chance.below(400));
    const expected = createHash(name).update(input).digest("hex");
    assert.equal(toHex(host.send("digest", { algorithm, input }).digest), expected);
    const stream = { cryptoObjectId: STREAM + which };
    host.send("digestInit", stream);
    const [a, b, c] = chance.parts(input) as [Uint8Array, Uint8Array, Uint8Array];
    host.send("digestUpdate", { ...stream, input: a });
    host.send("digestUpdate", { ...stream, input: b });
    assert.equal(toHex(host.send("digestFinal", { ...stream, input: c }).digest), expected);
    // After its end the operation stands at its beginning.
    assert.equal(toHex(host.send("digestFinal", { ...stream, input }).digest), expected);
  }
  t.diagnostic(`${CASES} cases, none differing`);
});

const HMACS = [
  [0x18, "sha1"],
  [0x19, "sha256"],
  [0x1a, "sha384"],
  [0x1b, "sha512"],
] as const;

test("Se05xChip makes and checks HMACs as node:crypto does, in one command and in parts", async (t) => {
  const { host } = await newSe05x();
  const chance = new Chance("hmacs");
  for (const [i, [algorithm]] of HMACS.entries()) {
    host.send("createCryptoObject", { cryptoObjectId: STREAM + i, context: 0x03, subtype: algorithm });
  }
  for (let i = 0; i < CASES; i++) {
    const which = chance.below(HMACS.length);
    const [algorithm, name] = HMACS[which] ?? assert.fail();
    const [key, input] = [chance.bytes(1 + chance.below(200)), chance.bytes(chance.below(400))];
    host.send("writeSymmKey", { kind: 5, objectId: KEY, value: key });
    const mac = Uint8Array.from(createHmac(name, key).update(input).digest());
    assert.deepEqual(host.send("mac", { objectId: KEY, algorithm, input }).mac, mac);
    codeStreams(host, chance, STREAM + which, input, mac);
  }
  t.diagnostic(`${CASES} cases, none differing`);
});

/** Makes and checks a code in parts; a flipped bit is noticed. */
function codeStreams(host: Host, chance: Chance, id: number, input: Uint8Array, mac: Uint8Array): void {
  const [a, b, c] = chance.parts(input) as [Uint8Array, Uint8Array, Uint8Array];
  const stream = { cryptoObjectId: id };
  for (const direction of [0x03, 0x44]) {
    host.send("macInit", { ...stream, objectId: KEY, direction });
    host.send("macUpdate", { ...stream, input: a });
    host.send("macUpdate", { ...stream, input: b });
    if (direction === 0x03) {
      assert.deepEqual(host.send("macFinal", { ...stream, input: c }).mac, mac);
    } else {
      assert.equal(host.send("macFinal", { ...stream, input: c, mac }).result, 1);
      const wrong = mac.with(3, (mac[3] ?? 0) ^ 0x10);
      assert.equal(host.send("macFinal", { ...stream, input, mac: wrong }).result, 2);
    }
  }
}

/** CMAC over CBC of node:crypto, computed apart from the chip's. SP 800-38B, section 6.2 */
function referenceCmac(cipher: string, key: Uint8Array, input: Uint8Array, block: number): Uint8Array {
  const raw = (name: string, iv: Uint8Array | null, data: Uint8Array) =>
    createCipheriv(name, key, iv).setAutoPadding(false).update(data);
  const double = (bytes: bigint) => {
    const bits = BigInt(block * 8);
    const doubled = BigInt.asUintN(block * 8, bytes << 1n);
    return bytes >> (bits - 1n) ? doubled ^ (block === 16 ? 0x87n : 0x1bn) : doubled;
  };
  const integer = (bytes: Uint8Array) => BigInt(`0x${toHex(bytes)}`);
  const first = double(integer(raw(cipher.replace("cbc", "ecb"), null, new Uint8Array(block))));
  const blocks = Math.max(1, Math.ceil(input.length / block));
  const last = new Uint8Array(block);
  last.set(input.subarray((blocks - 1) * block));
  const whole = input.length === blocks * block;
  if (!whole) last[input.length - (blocks - 1) * block] = 0x80;
  const masked = (integer(last) ^ (whole ? first : double(first))).toString(16).padStart(2 * block, "0");
  const message = concat(input.subarray(0, (blocks - 1) * block), fromHex(masked));
  return Uint8Array.from(raw(cipher, new Uint8Array(block), message).subarray(-block));
}

test("Se05xChip makes and checks CMACs of AES and DES as CBC of node:crypto gives them", async (t) => {
  const { host } = await newSe05x();
  const chance = new Chance("cmacs");
  host.send("createCryptoObject", { cryptoObjectId: STREAM, context: 0x03, subtype: 0x31 });
  host.send("createCryptoObject", { cryptoObjectId: STREAM + 1, context: 0x03, subtype: 0x7a });
  for (let i = 0; i < CASES; i++) {
    const isAes = chance.below(2) === 0;
    const objectId = KEY;
    host.sw("deleteObject", { objectId });
    const key = chance.bytes(isAes ? chance.of([16, 24, 32]) : 24);
    host.send("writeSymmKey", { kind: isAes ? 3 : 4, objectId, value: key });
    const input = chance.bytes(chance.below(100));
    const name = isAes ? `aes-${key.length * 8}-cbc` : "des-ede3-cbc";
    const mac = referenceCmac(name, key, input, isAes ? 16 : 8);
    const algorithm = isAes ? 0x31 : 0x7a;
    assert.deepEqual(host.send("mac", { objectId, algorithm, input }).mac, mac);
    assert.equal(host.send("verifyMac", { objectId, algorithm, input, mac }).result, 1);
    assert.equal(host.send("verifyMac", { objectId, algorithm, input, mac: mac.slice(1) }).result, 2);
    codeStreams(host, chance, isAes ? STREAM : STREAM + 1, input, mac);
  }
  t.diagnostic(`${CASES} cases, none differing`);
});

const PADDINGS = ["none", "zeros", "bit", "length"] as const;
/** Modes by identifier: the name that node:crypto has for them, and how the last block is filled. */
const MODES: readonly (readonly [number, string, (typeof PADDINGS)[number]])[] = [
  [0x0e, "aes-ecb", "none"],
  [0x0d, "aes-cbc", "none"],
  [0x16, "aes-cbc", "zeros"],
  [0x17, "aes-cbc", "bit"],
  [0x18, "aes-cbc", "length"],
  [0xf0, "aes-ctr", "none"],
  ...PADDINGS.map((padding, i) => [0x01 + i, "des-cbc", padding] as const),
  ...PADDINGS.map((padding, i) => [0x05 + i, "des-ecb", padding] as const),
];

/** What node:crypto makes of a message whose last block the test fills itself. */
function reference(name: string, key: Uint8Array, iv: Uint8Array, padded: Uint8Array): Uint8Array {
  const [family, mode] = name.split("-");
  const triple = key.length === 8 ? concat(key, key, key) : concat(key, key.subarray(0, 24 - key.length));
  const cipher = family === "aes" ? `aes-${key.length * 8}-${mode}` : mode === "cbc" ? "des-ede3-cbc" : "des-ede3";
  const made = createCipheriv(cipher, family === "aes" ? key : triple, iv.length > 0 ? iv : null);
  return Uint8Array.from(made.setAutoPadding(false).update(padded));
}

function filled(input: Uint8Array, padding: (typeof PADDINGS)[number], block: number): Uint8Array {
  const missing = block - (input.length % block);
  if (padding === "none" || (padding === "zeros" && missing === block)) return input;
  const tail = new Uint8Array(missing).fill(padding === "length" ? missing : 0);
  if (padding === "bit") tail[0] = 0x80;
  return concat(input, tail);
}

test("Se05xChip enciphers and deciphers in every mode as node:crypto does, in one command and in parts", async (t) => {
  const { host } = await newSe05x();
  const chance = new Chance("ciphers");
  for (const [i, [mode]] of MODES.entries()) {
    host.send("createCryptoObject", { cryptoObjectId: STREAM + i, context: 0x02, subtype: mode });
  }
  for (let i = 0; i < CASES; i++) {
    const which = chance.below(MODES.length);
    const [mode, name, padding] = MODES[which] ?? assert.fail();
    const isAes = name.startsWith("aes");
    const block = isAes ? 16 : 8;
    const key = chance.bytes(chance.of(isAes ? [16, 24, 32] : [8, 16, 24]));
    host.sw("deleteObject", { objectId: KEY });
    host.send("writeSymmKey", { kind: isAes ? 3 : 4, objectId: KEY, value: key });
    const isFree = padding !== "none" || name === "aes-ctr";
    // Zeros at the end cannot be told from padding with zeros.
    const input = concat(chance.bytes(isFree ? chance.below(150) : block * chance.below(10)));
    if (padding === "zeros" && input.length > 0) input[input.length - 1] = 1;
    const iv = name.endsWith("ecb") ? {} : { iv: chance.bytes(block) };
    const expected = reference(name, key, iv.iv ?? new Uint8Array(0), filled(input, padding, block));
    const given = { objectId: KEY, mode, ...iv };
    assert.deepEqual(host.send("cipher", { ...given, direction: 0x37, input }).output, expected, name);
    assert.deepEqual(host.send("cipher", { ...given, direction: 0x38, input: expected }).output, input, name);
    for (const [direction, from, to] of [
      [0x42, input, expected],
      [0x43, expected, input],
    ] as const) {
      const stream = { cryptoObjectId: STREAM + which };
      host.send("cipherInit", { ...stream, objectId: KEY, direction, ...iv });
      const [a, b, c] = chance.parts(from) as [Uint8Array, Uint8Array, Uint8Array];
      const told = [a, b].map((part) => host.send("cipherUpdate", { ...stream, input: part }).output);
      told.push(host.send("cipherFinal", { ...stream, input: c }).output);
      assert.deepEqual(concat(...told.map((part) => part ?? new Uint8Array(0))), to, name);
      assert.deepEqual(host.send("cipherFinal", { ...stream, input: from }).output, to, "from its beginning again");
    }
  }
  t.diagnostic(`${CASES} cases, none differing`);
});

test("Se05xChip makes the initial block of counter mode itself where it is asked to, and tells it", async () => {
  const { host } = await newSe05x();
  const value = new Uint8Array(16).fill(7);
  host.send("writeSymmKey", { kind: 3, objectId: KEY, value });
  const input = fromHex("00112233445566778899aabbccddeeff00");
  const { output, iv } = host.send("cipher", { objectId: KEY, mode: 0xf1, direction: 0x37, input });
  assert.deepEqual(output, reference("aes-ctr", value, iv ?? assert.fail(), input));
  const back = host.send("cipher", { objectId: KEY, mode: 0xf1, direction: 0x38, input: output, iv });
  assert.deepEqual([back.output, back.iv], [input, undefined]);
  host.send("createCryptoObject", { cryptoObjectId: STREAM, context: 0x02, subtype: 0xf1 });
  const begun = host.send("cipherInit", { objectId: KEY, cryptoObjectId: STREAM, direction: 0x42 });
  assert.notDeepEqual(begun.iv, iv);
  const made = host.send("cipherFinal", { cryptoObjectId: STREAM, input }).output;
  assert.deepEqual(made, reference("aes-ctr", value, begun.iv ?? assert.fail(), input));
});

test("WriteSymmKey takes keys wrapped as RFC 3394 has them, and no others", async () => {
  const { host } = await newSe05x();
  host.send("writeSymmKey", { kind: 3, objectId: KEK, value: fromHex("000102030405060708090a0b0c0d0e0f") });
  // RFC 3394, section 4.1
  const wrapped = fromHex("1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5");
  const request = { kind: 3, objectId: KEY, kekId: KEK, value: wrapped };
  host.send("writeSymmKey", request);
  const key = fromHex("00112233445566778899aabbccddeeff");
  const { output } = host.send("cipher", { objectId: KEY, mode: 0x0e, direction: 0x37, input: key });
  assert.deepEqual(output, reference("aes-ecb", key, new Uint8Array(0), key));
  assert.equal(host.sw("writeSymmKey", { ...request, value: wrapped.with(9, 1) }), "6a80");
  assert.equal(host.sw("writeSymmKey", { ...request, value: wrapped.slice(1) }), "6a80");
  assert.equal(host.sw("writeSymmKey", { ...request, kekId: 0x20000009 }), "6985");
  host.send("writeSymmKey", { kind: 5, objectId: 0x20000003, value: key });
  assert.equal(host.sw("writeSymmKey", { ...request, kekId: 0x20000003 }), "6985");
});

test("Crypto objects are listed, outlive power without what was under way, and refuse what does not fit", async () => {
  const memory = new MemoryInRam();
  const { chip, host } = await newSe05x({ model: "a5000", memory });
  const free = host.send("getFreeMemory", { memory: 1 }).bytes;
  host.send("createCryptoObject", { cryptoObjectId: STREAM, context: 0x02, subtype: 0x0d });
  host.send("createCryptoObject", { cryptoObjectId: STREAM + 1, context: 0x01, subtype: 0x04 });
  assert.equal(host.sw("createCryptoObject", { cryptoObjectId: STREAM, context: 0x02, subtype: 0x0d }), "6985");
  assert.equal(host.sw("createCryptoObject", { cryptoObjectId: 9, context: 0x02, subtype: 0x7f }), "6a80");
  assert.equal(host.sw("createCryptoObject", { cryptoObjectId: 9, context: 0x09, subtype: 0x04 }), "6a80");
  const target = { cryptoObjectId: 9, context: 0x01, subtype: 0x04, targetId: KEY };
  assert.equal(host.sw("createCryptoObject", target), "6a80");
  assert.equal(toHex(host.send("readCryptoObjectList", {}).list), "0101020d01020104");
  assert.ok(host.send("getFreeMemory", { memory: 1 }).bytes < free);
  host.send("writeSymmKey", { kind: 3, objectId: KEY, value: new Uint8Array(16) });
  const begin = { objectId: KEY, cryptoObjectId: STREAM, direction: 0x42, iv: new Uint8Array(16) };
  assert.equal(host.sw("cipherInit", { ...begin, cryptoObjectId: STREAM + 1 }), "6985");
  assert.equal(host.sw("cipherInit", { ...begin, iv: new Uint8Array(15) }), "6a80");
  assert.equal(host.sw("cipherUpdate", { cryptoObjectId: STREAM, input: new Uint8Array(4) }), "6985");
  host.send("cipherInit", begin);
  host.send("cipherUpdate", { cryptoObjectId: STREAM, input: new Uint8Array(15) });
  assert.equal(host.sw("cipherFinal", { cryptoObjectId: STREAM }), "6a80");
  host.send("cipherInit", begin);
  // Whoever changes the key under it has ended the operation.
  host.send("writeSymmKey", { kind: 3, objectId: KEY, value: new Uint8Array(16).fill(1) });
  assert.equal(host.sw("cipherUpdate", { cryptoObjectId: STREAM, input: new Uint8Array(4) }), "6985");
  host.send("cipherInit", begin);
  chip.reset();
  assert.equal(host.sw("cipherUpdate", { cryptoObjectId: STREAM, input: new Uint8Array(4) }), "6985");
  const { host: later } = await newSe05x({ model: "a5000", memory });
  assert.equal(toHex(later.send("readCryptoObjectList", {}).list), "0101020d01020104");
  later.send("deleteCryptoObject", { cryptoObjectId: STREAM });
  assert.equal(later.sw("deleteCryptoObject", { cryptoObjectId: STREAM }), "6985");
  assert.equal(toHex(later.send("readCryptoObjectList", {}).list), "01020104");
});
