/** Authenticated encryption of the chip against node:crypto, in one command and streamed. */
import assert from "node:assert/strict";
import { type CipherGCMTypes, createCipheriv } from "node:crypto";
import { test } from "node:test";

import { CASES, Chance } from "../../../test/chip/differential.ts";
import { newSe05x } from "../../../test/chip/se05x.ts";
import { concat, fromHex, toHex } from "../../codec/index.ts";

const KEY = 0x20000001;
const STREAM = { gcm: 0x0201, ccm: 0x0202, gcmInternal: 0x0203, ccmInternal: 0x0204 };
const EMPTY = new Uint8Array(0);

type Sealed = { readonly output: Uint8Array; readonly tag: Uint8Array };

function reference(
  mode: "gcm" | "ccm",
  key: Uint8Array,
  parts: { readonly iv: Uint8Array; readonly input: Uint8Array; readonly data: Uint8Array; readonly tagLength: number },
): Sealed {
  const { iv, input, data, tagLength: authTagLength } = parts;
  const cipher = createCipheriv(`aes-${key.length * 8}-${mode}` as CipherGCMTypes, key, iv, { authTagLength });
  cipher.setAAD(data, { plaintextLength: input.length });
  const output = Uint8Array.from(cipher.update(input));
  cipher.final();
  return { output, tag: Uint8Array.from(cipher.getAuthTag()) };
}

async function newHost() {
  const { host } = await newSe05x();
  for (const [cryptoObjectId, subtype] of [
    [STREAM.gcm, 0xb0],
    [STREAM.ccm, 0xf4],
    [STREAM.gcmInternal, 0xf3],
    [STREAM.ccmInternal, 0xf5],
  ] as const) {
    host.send("createCryptoObject", { cryptoObjectId, context: 0x04, subtype });
  }
  return host;
}

test("Se05xChip seals and opens with GCM and CCM as node:crypto does, in one command", async (t) => {
  const host = await newHost();
  const chance = new Chance("aead");
  for (let i = 0; i < CASES; i++) {
    const mode = chance.of(["gcm", "ccm"] as const);
    const key = chance.bytes(chance.of([16, 24, 32]));
    host.send("writeSymmKey", { kind: 3, objectId: KEY, value: key });
    const iv = chance.bytes(mode === "gcm" ? 12 + chance.below(49) : 7 + chance.below(7));
    const [input, data] = [chance.bytes(chance.below(256)), chance.bytes(chance.below(64))];
    const given = { family: 0x11, objectId: KEY, mode: mode === "gcm" ? 0xb0 : 0xf4, iv };
    const made = host.send("aead", { ...given, direction: 0x37, input, associated: data });
    const expected = reference(mode, key, { iv, input, data, tagLength: 16 });
    assert.deepEqual([made.output, made.tag], [expected.output, expected.tag]);
    const tagLength = chance.of(mode === "gcm" ? [4, 8, 12, 13, 14, 15, 16] : [4, 6, 8, 10, 12, 14, 16]);
    const { output, tag } = reference(mode, key, { iv, input, data, tagLength });
    const open = { ...given, direction: 0x38, input: output, associated: data, tag };
    const opened = host.send("aead", open);
    assert.deepEqual([opened.result, opened.output], [1, input]);
    const wrong = host.send("aead", { ...open, tag: tag.with(0, (tag[0] ?? 0) ^ 1) });
    assert.deepEqual([wrong.result, wrong.output], [2, undefined]);
  }
  t.diagnostic(`${CASES} cases, none differing`);
});

test("Se05xChip seals and opens with GCM and CCM as node:crypto does, in parts", async (t) => {
  const host = await newHost();
  const chance = new Chance("streamed aead");
  for (let i = 0; i < CASES; i++) {
    const mode = chance.of(["gcm", "ccm"] as const);
    const key = chance.bytes(chance.of([16, 24, 32]));
    host.send("writeSymmKey", { kind: 3, objectId: KEY, value: key });
    const iv = chance.bytes(mode === "gcm" ? 12 : 7 + chance.below(7));
    const [input, data] = [chance.bytes(chance.below(256)), chance.bytes(chance.below(64))];
    const tagLength = mode === "gcm" ? 16 : chance.of([4, 6, 8, 10, 12, 14, 16]);
    const expected = reference(mode, key, { iv, input, data, tagLength });
    const stream = { family: 0x11, cryptoObjectId: STREAM[mode] };
    const lengths = mode === "gcm" ? {} : { associatedLength: data.length, inputLength: input.length, tagLength };
    const through = (direction: number, text: Uint8Array): Uint8Array[] => {
      host.send("aeadInit", { ...stream, objectId: KEY, direction, iv, ...lengths });
      for (const associated of chance.parts(data)) host.send("aeadUpdate", { ...stream, associated });
      return chance.parts(text).map((part) => host.send("aeadUpdate", { ...stream, input: part }).output ?? EMPTY);
    };
    const begun = through(0x42, input);
    const sealed = host.send("aeadFinal", stream);
    assert.deepEqual(concat(...begun, sealed.output ?? EMPTY), expected.output);
    assert.deepEqual(sealed.tag, expected.tag);
    const opening = through(0x43, expected.output);
    const opened = host.send("aeadFinal", { ...stream, tag: expected.tag });
    assert.equal(opened.result, 1);
    assert.deepEqual(concat(...opening, opened.output ?? EMPTY), input);
    through(0x43, expected.output);
    const wrong = host.send("aeadFinal", { ...stream, tag: expected.tag.with(1, (expected.tag[1] ?? 0) ^ 1) });
    assert.deepEqual([wrong.result, wrong.output], [2, undefined]);
    assert.equal(host.sw("aeadFinal", stream), "6985", "a nonce serves once");
  }
  t.diagnostic(`${CASES} cases, none differing`);
});

test("Se05xChip makes nonces of authenticated encryption itself where it is asked to, and tells them", async () => {
  const host = await newHost();
  const value = new Uint8Array(16).fill(3);
  host.send("writeSymmKey", { kind: 3, objectId: KEY, value });
  const [input, associated] = [fromHex("00112233"), fromHex("aabb")];
  for (const [mode, family, length, name] of [
    [0xf3, 0x11, 12, "gcm"],
    [0xb0, 0x12, 60, "gcm"],
    [0xf5, 0x11, 13, "ccm"],
    [0xf4, 0x12, 7, "ccm"],
  ] as const) {
    const given = { objectId: KEY, mode, family, input, associated };
    const iv = Uint8Array.of(0, length);
    const made = host.send("aead", { ...given, direction: 0x37, iv });
    const nonce = made.iv ?? assert.fail();
    assert.equal(nonce.length, length);
    const expected = reference(name, value, { iv: nonce, input, data: associated, tagLength: 16 });
    assert.deepEqual([made.output, made.tag], [expected.output, expected.tag]);
    const opened = host.send("aead", { ...given, direction: 0x38, input: expected.output, iv: nonce, tag: made.tag });
    assert.deepEqual([opened.result, opened.output], [1, input]);
    assert.equal(host.sw("aead", { ...given, direction: 0x37, iv: Uint8Array.of(0, 61) }), "6a80");
    assert.equal(host.sw("aead", { ...given, direction: 0x37 }), "6a80");
  }
  const begin = { family: 0x11, objectId: KEY, cryptoObjectId: STREAM.gcmInternal, direction: 0x42 };
  assert.equal(host.send("aeadInit", { ...begin, iv: Uint8Array.of(0, 12) }).iv?.length, 12);
});

test("Se05xChip refuses authenticated encryption whose lengths, order or rights do not fit", async () => {
  const host = await newHost();
  host.send("writeSymmKey", { kind: 3, objectId: KEY, value: new Uint8Array(16), minTagLength: 8 });
  const gcm = { family: 0x11, objectId: KEY, mode: 0xb0, input: new Uint8Array(4), iv: new Uint8Array(12) };
  const tag = new Uint8Array(16);
  assert.equal(host.sw("aead", { ...gcm, direction: 0x37, tag }), "6a80");
  assert.equal(host.sw("aead", { ...gcm, direction: 0x38 }), "6a80");
  assert.equal(host.sw("aead", { ...gcm, direction: 0x38, tag: tag.slice(0, 5) }), "6a80");
  // The key was made with a shortest tag.
  assert.equal(host.sw("aead", { ...gcm, direction: 0x38, tag: tag.slice(0, 4) }), "6a80");
  assert.equal(host.send("aead", { ...gcm, direction: 0x38, tag: tag.slice(0, 8) }).result, 2);
  assert.equal(host.sw("aead", { ...gcm, direction: 0x37, mode: 0x0d }), "6a80");
  assert.equal(host.sw("aead", { ...gcm, direction: 0x37, iv: new Uint8Array(11) }), "6a80");
  assert.equal(host.sw("aead", { ...gcm, direction: 0x37, mode: 0xf4, iv: new Uint8Array(14) }), "6a80");
  const ccm = { family: 0x11, objectId: KEY, cryptoObjectId: STREAM.ccm, direction: 0x42, iv: new Uint8Array(12) };
  assert.equal(host.sw("aeadInit", ccm), "6a80");
  const lengths = { associatedLength: 2, inputLength: 4, tagLength: 16 };
  assert.equal(host.sw("aeadInit", { ...ccm, ...lengths, tagLength: 5 }), "6a80");
  const stream = { family: 0x11, cryptoObjectId: STREAM.ccm };
  host.send("aeadInit", { ...ccm, ...lengths });
  assert.equal(host.sw("aeadUpdate", { ...stream, associated: new Uint8Array(3) }), "6985");
  assert.equal(host.sw("aeadUpdate", { ...stream }), "6a80");
  host.send("aeadUpdate", { ...stream, input: new Uint8Array(4) });
  assert.equal(host.sw("aeadUpdate", { ...stream, associated: new Uint8Array(2) }), "6985");
  assert.equal(host.sw("aeadFinal", stream), "6985");
  assert.equal(host.sw("aeadFinal", { ...stream, tag }), "6985");
  const begin = { family: 0x11, objectId: KEY, cryptoObjectId: STREAM.gcm, direction: 0x42, iv: new Uint8Array(12) };
  host.send("aeadInit", begin);
  host.send("aeadUpdate", { family: 0x11, cryptoObjectId: STREAM.gcm, input: new Uint8Array(4) });
  const late = { family: 0x11, cryptoObjectId: STREAM.gcm, associated: new Uint8Array(4) };
  assert.equal(host.sw("aeadUpdate", late), "6985", "associated data after text");
  const { host: old } = await newSe05x({ model: "se050" });
  assert.equal(old.sw("aead", { ...gcm, direction: 0x37 }), "6d00");
  assert.equal(old.sw("createCryptoObject", { cryptoObjectId: 1, context: 0x04, subtype: 0xb0 }), "6a80");
  assert.equal(toHex(old.send("readCryptoObjectList", {}).list), "");
});
