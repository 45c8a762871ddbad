/** Key derivation, registers and objects outside the chip. */
import assert from "node:assert/strict";
import { createHash, createHmac, hkdfSync, pbkdf2Sync } from "node:crypto";
import { test } from "node:test";

import { CASES, Chance } from "../../../test/chip/differential.ts";
import { type Host, newSe05x } from "../../../test/chip/se05x.ts";
import { RIGHT } from "../../apdu/se05x/index.ts";
import { concat, fromHex, toHex, Writer } from "../../codec/index.ts";
import { MemoryInRam } from "../index.ts";

const KEY = 0x20000001;
const TARGET = 0x20000002;
const SALT = 0x20000003;
const PCR = 0x7ffffffe;

const HASHES = [
  [0x01, "sha1"],
  [0x07, "sha224"],
  [0x04, "sha256"],
  [0x05, "sha384"],
  [0x06, "sha512"],
] as const;

/** What a host learns of an HMAC key that holds a derived secret. */
function codeBy(host: Host, objectId: number): string {
  return toHex(host.send("mac", { objectId, algorithm: 0x19, input: fromHex("00") }).mac);
}

function codeOf(key: Uint8Array): string {
  return createHmac("sha256", key).update(fromHex("00")).digest("hex");
}

test("Se05xChip derives with HKDF as node:crypto does, to the host and into objects, with salts of either side", async (t) => {
  const { host } = await newSe05x({ model: "se051" });
  const chance = new Chance("hkdf");
  host.send("writeSymmKey", { kind: 5, objectId: TARGET, value: fromHex("00") });
  for (let i = 0; i < CASES; i++) {
    const [algorithm, name] = chance.of(HASHES);
    const [key, salt, info] = [
      chance.bytes(1 + chance.below(100)),
      chance.bytes(1 + chance.below(64)),
      chance.bytes(chance.below(80)),
    ];
    const length = 1 + chance.below(256);
    host.send("writeSymmKey", { kind: 5, objectId: KEY, value: key });
    host.send("writeSymmKey", { kind: 5, objectId: SALT, value: salt });
    const expected = new Uint8Array(hkdfSync(name, key, salt, info, length));
    const given = { objectId: KEY, algorithm, info, length };
    assert.deepEqual(host.send("hkdf", { ...given, salt }).derived, expected);
    assert.deepEqual(host.send("hkdf", { ...given, saltId: SALT }).derived, expected);
    host.send("hkdfInto", { ...given, salt, targetId: TARGET });
    assert.equal(codeBy(host, TARGET), codeOf(expected));
    assert.deepEqual(host.send("hkdf", given).derived, new Uint8Array(hkdfSync(name, key, "", info, length)));
    const extracted = createHmac(name, salt).update(key).digest();
    host.send("writeSymmKey", { kind: 5, objectId: KEY, value: extracted });
    assert.deepEqual(host.send("hkdfExpand", given).derived, expected);
    host.send("hkdfExpand", { ...given, targetId: TARGET });
    assert.equal(codeBy(host, TARGET), codeOf(expected));
  }
  t.diagnostic(`${CASES} cases, none differing`);
});

test("Se05xChip derives with PBKDF2 as node:crypto does, to the host and into objects", async (t) => {
  const { host } = await newSe05x({ model: "se051" });
  const chance = new Chance("pbkdf2");
  host.send("writeSymmKey", { kind: 5, objectId: TARGET, value: fromHex("00") });
  for (let i = 0; i < CASES; i++) {
    const [algorithm, name] = chance.of([
      [0x18, "sha1"],
      [0x19, "sha256"],
      [0x1a, "sha384"],
      [0x1b, "sha512"],
    ] as const);
    const [password, salt] = [chance.bytes(1 + chance.below(60)), chance.bytes(1 + chance.below(64))];
    const [iterations, length] = [1 + chance.below(200), 1 + chance.below(128)];
    host.send("writeSymmKey", { kind: 5, objectId: KEY, value: password });
    host.send("writeSymmKey", { kind: 5, objectId: SALT, value: salt });
    const expected = Uint8Array.from(pbkdf2Sync(password, salt, iterations, length, name));
    const given = { objectId: KEY, iterations, length };
    assert.deepEqual(host.send("pbkdf2", { ...given, salt, algorithm }).derived, expected);
    assert.equal(host.send("pbkdf2", { ...given, algorithm, saltId: SALT, targetId: TARGET }).derived, undefined);
    assert.equal(codeBy(host, TARGET), codeOf(expected));
    const plain = Uint8Array.from(pbkdf2Sync(password, salt, iterations, length, "sha1"));
    assert.deepEqual(host.send("pbkdf2", { ...given, salt }).derived, plain, "SHA-1 where none is named");
  }
  t.diagnostic(`${CASES} cases, none differing`);
});

test("Derivation refuses what does not fit, and keeps in the chip what its policy keeps there", async () => {
  const { host } = await newSe05x({ model: "se051" });
  const policy = [
    { authObjectId: 0, rights: RIGHT.derive | RIGHT.pbkdf | RIGHT.forbidDerivedOutput, extension: new Uint8Array(0) },
  ];
  host.send("writeSymmKey", { kind: 5, objectId: KEY, value: fromHex("0102"), policy });
  host.send("writeSymmKey", { kind: 3, objectId: TARGET, value: new Uint8Array(16) });
  const given = { objectId: KEY, algorithm: 0x04, length: 16 };
  assert.equal(host.sw("hkdf", given), "6986");
  assert.equal(host.sw("hkdfExpand", given), "6986");
  assert.equal(host.sw("pbkdf2", { objectId: KEY, iterations: 1, length: 16 }), "6986");
  host.send("hkdfInto", { ...given, targetId: TARGET });
  assert.equal(host.sw("hkdfInto", { ...given, length: 24, targetId: TARGET }), "6985", "an AES key keeps its length");
  assert.equal(host.sw("hkdfInto", { ...given, targetId: SALT }), "6985", "no such object");
  assert.equal(host.sw("hkdf", { ...given, objectId: TARGET }), "6985", "no HMAC key");
  assert.equal(host.sw("hkdf", { ...given, length: 0x201 }), "6a80");
  assert.equal(host.sw("hkdfInto", { ...given, salt: fromHex("00"), saltId: KEY, targetId: TARGET }), "6a80");
  assert.equal(host.sw("pbkdf2", { objectId: KEY, iterations: 0, length: 16, targetId: TARGET }), "6a80");
  assert.equal(
    host.sw("pbkdf2", { objectId: KEY, iterations: 1, length: 16, algorithm: 0x31, targetId: TARGET }),
    "6a80",
  );
  const { host: old } = await newSe05x({ model: "se050" });
  assert.equal(old.sw("hkdfExpand", given), "6d00");
});

test("Registers hold the hash of what they were extended by, and open what depends on them", async () => {
  const { host } = await newSe05x({ model: "se051" });
  const initial = fromHex("87d3e393198f5c80e0bc9bc982001fb0ee201c270b6dc88452e413a325568175");
  host.send("writePcr", { objectId: PCR, initial });
  const next = (held: Uint8Array, data: Uint8Array) =>
    Uint8Array.from(createHash("sha256").update(held).update(data).digest());
  const [first, second] = [fromHex("12a1498232"), new Uint8Array(300).fill(4)];
  const start = Uint8Array.from(createHash("sha256").update(initial).digest());
  const expected = next(next(start, first), second);
  const extension = concat(new Writer(4).u32(PCR).finish(), expected);
  const rights = RIGHT.sign | RIGHT.requirePcr;
  host.send("writeSymmKey", {
    kind: 5,
    objectId: KEY,
    value: fromHex("00"),
    policy: [{ authObjectId: 0, rights, extension }],
  });
  const use = { objectId: KEY, algorithm: 0x19, input: fromHex("00") };
  assert.equal(host.sw("mac", use), "6986");
  host.send("writePcr", { objectId: PCR, data: first });
  assert.equal(host.sw("mac", use), "6986");
  host.send("writePcr", { objectId: PCR, data: second });
  assert.deepEqual(host.send("readObject", { objectId: PCR }).bytes, expected);
  host.send("mac", use);
  host.send("writePcr", { objectId: PCR });
  assert.deepEqual(host.send("readObject", { objectId: PCR }).bytes, start);
  assert.equal(host.sw("mac", use), "6986");
  assert.equal(host.sw("writePcr", { objectId: PCR, initial }), "6985");
  assert.equal(host.sw("writePcr", { objectId: PCR - 1, data: first }), "6a80");
  assert.equal(host.sw("writePcr", { objectId: KEY, data: first }), "6986");
  const only = [{ authObjectId: 0, rights: RIGHT.write | RIGHT.read, extension: new Uint8Array(0) }];
  host.send("writePcr", { objectId: PCR - 2, initial, policy: only });
  assert.equal(host.sw("writePcr", { objectId: PCR - 2 }), "6986", "setting back is deleting");
});

test("Registers reach the values that NXP's example of them expects, of applet 7 and of applet 3", async () => {
  // se05x_PCR of plug-and-trust: initial value and data are the same five bytes.
  for (const [model, expected] of [
    ["se051", "87d3e393198f5c80e0bc9bc982001fb0ee201c270b6dc88452e413a325568175"],
    ["se050", "8951569f415feb4fb6370286e7dda099336c4636bcbb4c1104100a860d0ca414"],
  ] as const) {
    const { host } = await newSe05x({ model });
    const data = fromHex("12a1498232");
    host.send("writePcr", { objectId: PCR, initial: concat(data, new Uint8Array(27)) });
    host.send("writePcr", { objectId: PCR, data });
    assert.equal(toHex(host.send("readObject", { objectId: PCR }).bytes), expected);
  }
});

test("Transient keys leave the chip sealed and come back in their own place, over power cuts, unchanged", async () => {
  const memory = new MemoryInRam();
  const { chip, host } = await newSe05x({ model: "se051", memory });
  const transient = 0x80;
  const value = fromHex("404142434445464748494a4b4c4d4e4f");
  host.send("writeSymmKey", { kind: 3, objectId: KEY, value, insFlags: transient });
  host.send("writeEcKey", { part: 0x60, objectId: TARGET, insFlags: transient });
  const { bytes: point } = host.send("readObject", { objectId: TARGET });
  const [aes, ec] = [KEY, TARGET].map((objectId) => host.send("exportObject", { objectId }).serialized) as [
    Uint8Array,
    Uint8Array,
  ];
  assert.ok(!toHex(aes).includes(toHex(value)));
  host.send("writeEcKey", { part: 0x60, objectId: TARGET, insFlags: transient });
  host.send("importObject", { objectId: TARGET, serialized: ec });
  assert.deepEqual(host.send("readObject", { objectId: TARGET }).bytes, point);
  assert.equal(host.sw("importObject", { objectId: TARGET, serialized: aes }), "6a80", "another object's");
  assert.equal(host.sw("importObject", { objectId: KEY, serialized: aes.with(20, (aes[20] ?? 0) ^ 1) }), "6a80");
  assert.equal(host.sw("importObject", { objectId: KEY, serialized: aes.slice(0, 3) }), "6a80");
  chip.reset();
  assert.equal(host.sw("exportObject", { objectId: KEY }), "6985", "there is nothing to move");
  host.send("deleteObject", { objectId: TARGET });
  assert.equal(host.sw("importObject", { objectId: TARGET, serialized: ec }), "6985", "its place is gone");
  host.send("writeEcKey", { part: 0x60, objectId: TARGET, curve: 4, insFlags: transient });
  assert.equal(host.sw("importObject", { objectId: TARGET, serialized: ec }), "6a80", "of another curve");
  host.send("deleteObject", { objectId: TARGET });
  const { host: later } = await newSe05x({ model: "se051", memory, seed: "later" });
  later.send("importObject", { objectId: KEY, serialized: aes });
  const plain = { objectId: KEY, mode: 0x0e, direction: 0x37, input: value };
  const { output } = later.send("cipher", plain);
  later.send("writeSymmKey", { kind: 3, objectId: SALT, value });
  assert.deepEqual(later.send("cipher", { ...plain, objectId: SALT }).output, output);
  assert.equal(later.sw("exportObject", { objectId: SALT }), "6985", "not transient");
  later.send("writeSymmKey", { kind: 5, objectId: TARGET, value, insFlags: transient });
  assert.equal(later.sw("exportObject", { objectId: TARGET }), "6985", "no kind that leaves");
});
