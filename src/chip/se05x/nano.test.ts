/** What the test suite of NXP's nano package, version 1.5.4, expects of silicon: its requests as they went over the bus. */
import assert from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { test } from "node:test";

import { newSe05x } from "../../../test/chip/se05x.ts";
import { toHex } from "../../codec/index.ts";

/** Bytes from 0 on. */
const counting = (length: number): string => toHex(Uint8Array.from({ length }, (_, i) => i));

test("WriteECKey answers 6985 under the identifier 0, as NXP's nano package expects", async () => {
  const { host } = await newSe05x();
  const sw = (command: string): string => host.raw(command).sw.toString(16);
  assert.equal(sw("8001610009410400000000420103"), "6985", "generated");
  assert.equal(sw(`800141002b4104000000004201034320${counting(32)}`), "6985", "a private half");
  assert.equal(sw(`800141002c4104000000004201034321${counting(33)}`), "6985", "of another length");
});

test("ECDSASign and ECDSAVerify answer 6985 to a digest of another length, as NXP's nano package expects", async () => {
  const { host } = await newSe05x();
  host.raw("800161000941047b00070e420103");
  const sign = (length: number): string =>
    host.raw(`80030c09${hex(length + 11)}41047b00070e42012143${hex(length)}${counting(length)}`).sw.toString(16);
  assert.equal(sign(32), "9000");
  for (const length of [20, 31, 33]) assert.equal(sign(length), "6985", `${length} bytes`);
  const verify = `80030c0a3641047b00070e4201214321${counting(33)}45083006020101020101`;
  assert.equal(host.raw(verify).sw.toString(16), "6985");
});

test("CipherOneShot without an initial block begins with zeros, as NXP's nano package expects", async () => {
  const { host } = await newSe05x();
  const key = Uint8Array.from({ length: 32 }, (_, i) => i);
  host.raw(`800103002841047b0001ab4320${toHex(key)}`);
  const input = Uint8Array.from({ length: 16 }, (_, i) => (i < 8 ? 1 : 0));
  for (const [mode, name] of [
    ["0d", "aes-256-cbc"],
    ["f0", "aes-256-ctr"],
  ] as const) {
    const answer = host.raw(`80030e371b41047b0001ab4201${mode}4310${toHex(input)}`);
    const cipher = createCipheriv(name, key, new Uint8Array(16)).setAutoPadding(false);
    assert.equal(toHex(answer.data), "41820010" + cipher.update(input, undefined, "hex"));
    const back = host.raw(`80030e381b41047b0001ab4201${mode}4310${toHex(answer.data.subarray(4))}`);
    assert.equal(toHex(back.data), "41820010" + toHex(input));
    const short = `80030e372c41047b0001ab4201${mode}4310${toHex(input)}440f${counting(15)}`;
    assert.equal(host.raw(short).sw.toString(16), "6a80", "a part of one is none");
  }
});

const hex = (byte: number): string => byte.toString(16).padStart(2, "0");
