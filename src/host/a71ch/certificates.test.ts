import assert from "node:assert/strict";
import { test } from "node:test";

import { A71CH_VARIANTS, type A71chVariant } from "../../apdu/a71ch/index.ts";
import { A71chChip } from "../../chip/a71ch/index.ts";
import { nodeChipCrypto } from "../../chip/node.ts";
import { concat, fromHex, toHex } from "../../codec/index.ts";
import { SeededEntropy, VirtualClock } from "../../crypto/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { localTransport, type Transport } from "../index.ts";
import { A71ch } from "./index.ts";
import { encodeTable, OBJECT_CLASS } from "./object-table.ts";

/** A DER sequence that takes so many bytes in all; what is inside does not matter to storage. */
function certificate(bytes: number, fill: number): Uint8Array {
  const header = bytes < 0x80 + 2 ? [0x30, bytes - 2] : [0x30, 0x82, (bytes - 4) >> 8, (bytes - 4) & 0xff];
  return concat(Uint8Array.from(header), new Uint8Array(bytes - header.length).fill(fill));
}

function newChip(variant: A71chVariant = "B"): A71chChip {
  const entropy = new SeededEntropy(nodeHash, "certificates");
  return new A71chChip({ crypto: nodeChipCrypto, entropy, clock: new VirtualClock(), variant });
}

function open(transport: Transport): Promise<A71ch> {
  return A71ch.open(transport, { hash: nodeHash, clock: new VirtualClock() });
}

const wholeTransport = (chip: A71chChip) => localTransport(chip);

test("AW-10 AW-11 OE-20 OE-51 A71ch.writeCertificate stores device and CA certificate in the chip, readCertificate gives them back", async () => {
  const device = await open(wholeTransport(newChip()));
  const [leaf, ca] = [certificate(530, 1), certificate(700, 2)];
  assert.equal(await device.readCertificate(0), undefined);
  await device.writeCertificate(0, leaf);
  await device.writeCertificate(1, ca);
  assert.deepEqual(await device.readCertificate(0), leaf);
  assert.deepEqual(await device.readCertificate(1), ca);
  assert.deepEqual(await device.listCertificates(), [
    { index: 0, length: 530 },
    { index: 1, length: 700 },
  ]);
  await device.writeCertificate(0, certificate(40, 3));
  assert.deepEqual(await device.readCertificate(0), certificate(40, 3));
  await device.eraseCertificate(1);
  await device.eraseCertificate(1);
  assert.equal(await device.readCertificate(1), undefined);
  assert.deepEqual(await device.listCertificates(), [{ index: 0, length: 40 }]);
});

test("A71ch.writeCertificate writes the object table where NXP's host library looks for it", async () => {
  const chip = newChip();
  const device = await open(wholeTransport(chip));
  await device.writeCertificate(0, certificate(530, 1));
  await device.writeCertificate(7, certificate(33, 2));
  const { bytes } = await device.send("readStorage", { offset: 4096 - 32, length: 32 });
  // Entry 1 right before updates and count: class 9, index 0, length 0x212, offset 0; entry 2 begins at 17 * 32.
  assert.equal(toHex(bytes.subarray(-14)), "0907002102200900021200000202");
});

test("A71ch.readCertificate reads what NXP's tools store: padded, or with the length in the object", async () => {
  const device = await open(wholeTransport(newChip()));
  const stored = certificate(300, 9);
  await device.send("writeStorage", { offset: 0x200, bytes: stored.subarray(0, 239) });
  await device.send("writeStorage", { offset: 0x200 + 239, bytes: stored.subarray(239) });
  for (const length of [300, 364, 0x8000, 0x8000 | 300]) {
    const entries = [{ class: OBJECT_CLASS.certificate, index: 3, length, offset: 0x200 }];
    await device.send("writeStorage", { offset: 4064, bytes: encodeTable({ updates: 9, entries }) });
    assert.deepEqual(await device.readCertificate(3), stored);
    assert.deepEqual(await device.listCertificates(), [{ index: 3, length: 300 }]);
  }
});

test("A71ch.readCertificate refuses a table or a certificate that cannot be right", async () => {
  const device = await open(wholeTransport(newChip()));
  const put = async (length: number, offset: number, header: string) => {
    const entries = [{ class: OBJECT_CLASS.certificate, index: 0, length, offset }];
    await device.send("writeStorage", { offset, bytes: fromHex(header) });
    await device.send("writeStorage", { offset: 4064, bytes: encodeTable({ updates: 0, entries }) });
  };
  const cases: [number, number, string][] = [
    [200, 4000, "3081c500"],
    [200, 0, "308200c5"],
    [200, 0, "31030000"],
    [200, 0, "30840000"],
    [1, 0, "30030000"],
    [0x8000, 3968, "30820100"],
  ];
  for (const [length, offset, header] of cases) {
    await put(length, offset, header);
    await assert.rejects(device.readCertificate(0), { name: "ProtocolError", code: "malformed-answer" }, header);
  }
});

test("A71ch.writeCertificate refuses what is no certificate, a bad index, and a full storage", async () => {
  const device = await open(wholeTransport(newChip("A")));
  const der = certificate(100, 1);
  for (const bad of [new Uint8Array(0), der.subarray(1), der.subarray(0, -1), concat(der, Uint8Array.of(0))]) {
    await assert.rejects(device.writeCertificate(0, bad), { name: "UsageError", code: "bad-argument" });
  }
  for (const index of [-1, 255, 0.5]) {
    await assert.rejects(device.writeCertificate(index, der), { code: "bad-argument" });
    await assert.rejects(device.readCertificate(index), { code: "bad-argument" });
  }
  await device.writeCertificate(0, certificate(600, 1));
  await assert.rejects(device.writeCertificate(1, certificate(400, 2)), { name: "UsageError", code: "storage-full" });
  assert.deepEqual(await device.readCertificate(0), certificate(600, 1));
  await device.writeCertificate(0, certificate(990, 3));
  assert.deepEqual(await device.readCertificate(0), certificate(990, 3), "in the old one's place, for want of room");
});

test("A71ch.writeCertificate goes round frozen segments", async () => {
  const device = await open(wholeTransport(newChip("A")));
  await device.send("freezeStorage", { offset: 64, length: 32 });
  await device.writeCertificate(0, certificate(100, 1));
  assert.deepEqual(await device.readCertificate(0), certificate(100, 1));
  const { bytes } = await device.send("readStorage", { offset: 96, length: 2 });
  assert.deepEqual(bytes, Uint8Array.of(0x30, 0x62));
});

test("A71ch.writeCertificate that is cut after any command leaves the old certificate or the new one", async () => {
  const [old, next, other] = [certificate(300, 1), certificate(310, 2), certificate(64, 3)];
  for (const variant of ["A", "B"] as const) {
    let [cut, seen] = [1, new Set<string>()];
    for (let done = false; !done; cut++) {
      const chip = newChip(variant);
      const whole = await open(wholeTransport(chip));
      await whole.writeCertificate(4, other);
      await whole.writeCertificate(0, old);
      let left = Number.POSITIVE_INFINITY;
      const device = await open({
        exchange: async (command) => {
          assert.ok(--left >= 0, "the cable is out");
          return chip.exchange(command);
        },
        close: async () => undefined,
      });
      left = cut;
      done = await device.writeCertificate(0, next).then(
        () => true,
        () => false,
      );
      const found = toHex((await whole.readCertificate(0)) ?? new Uint8Array(0));
      assert.ok(
        [old, next].some((each) => toHex(each) === found),
        `${variant} cut after ${cut} commands`,
      );
      assert.deepEqual(await whole.readCertificate(4), other);
      seen.add(found);
    }
    assert.equal(seen.size, 2, variant);
    assert.ok(cut > 5, A71CH_VARIANTS[variant].storageBytes.toString());
  }
});
