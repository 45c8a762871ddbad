import assert from "node:assert/strict";
import { test } from "node:test";

import { A71chChip } from "../../chip/a71ch/index.ts";
import { nodeChipCrypto } from "../../chip/node.ts";
import { fromHex } from "../../codec/index.ts";
import { SeededEntropy, VirtualClock } from "../../crypto/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { silentTrace } from "../../trace/index.ts";
import { localTransport } from "../index.ts";
import {
  A71ch,
  A71chSession,
  createObject,
  eraseObject,
  listObjects,
  readObject,
  readStorage,
  updateObject,
} from "./index.ts";

const clock = new VirtualClock();

function bench() {
  const chip = new A71chChip({ crypto: nodeChipCrypto, entropy: new SeededEntropy(nodeHash, "objects"), clock });
  const transport = localTransport(chip);
  return { transport, access: { session: new A71chSession(transport, clock, silentTrace), variant: "B" as const } };
}

const der = (fill: number) => fromHex(`3004${fill.toString(16).padStart(2, "0").repeat(4)}`);

test("createObject keeps room behind an object, updateObject fills it, readObject gives a certificate without it", async () => {
  const { access, transport } = bench();
  await createObject(access, { kind: "certificate", index: 3, bytes: der(1), room: 96 });
  await createObject(access, { kind: "data", index: 3, bytes: new Uint8Array(5).fill(7) });
  assert.deepEqual(await listObjects(access), [
    { kind: "certificate", index: 3, offset: 0, reservedBytes: 96 },
    { kind: "data", index: 3, offset: 96, reservedBytes: 5 },
  ]);
  assert.deepEqual(await readObject(access, { kind: "certificate", index: 3 }), der(1));
  await updateObject(access, { kind: "certificate", index: 3, bytes: fromHex(`301e${"02".repeat(30)}`) });
  assert.equal((await readObject(access, { kind: "certificate", index: 3 })).length, 32);
  await updateObject(access, { kind: "data", index: 3, offset: 3, bytes: fromHex("0809") });
  assert.deepEqual(await readObject(access, { kind: "data", index: 3, offset: 2 }), fromHex("070809"));
  assert.deepEqual(await readObject(access, { kind: "data", index: 3, offset: 1, length: 3 }), fromHex("070708"));
  const device = await A71ch.open(transport, { hash: nodeHash, clock });
  assert.deepEqual(await device.listCertificates(), [{ index: 3, length: 32 }]);
});

test("object-exists and object-missing: names are taken once, and only what is there is read, written or erased", async () => {
  const { access } = bench();
  const name = { kind: "data", index: 0 } as const;
  await createObject(access, { ...name, bytes: der(1) });
  await assert.rejects(createObject(access, { ...name, bytes: der(2) }), { code: "object-exists" });
  for (const range of [{ offset: 7 }, { length: 7 }, { offset: 6, length: 1 }]) {
    await assert.rejects(readObject(access, { ...name, ...range, length: range.length ?? 1 }), {
      code: "bad-argument",
    });
  }
  await assert.rejects(updateObject(access, { ...name, offset: 27, bytes: der(2) }), { code: "bad-argument" });
  await assert.rejects(createObject(access, { kind: "data", index: 255, bytes: der(1) }), { code: "bad-argument" });
  await assert.rejects(createObject(access, { kind: "data", index: 1, bytes: der(1), room: 4096 }), {
    code: "storage-full",
  });
  await eraseObject(access, name);
  const missing = { code: "object-missing", message: "there is no data 0" };
  await assert.rejects(eraseObject(access, name), missing);
  await assert.rejects(readObject(access, name), missing);
  await assert.rejects(updateObject(access, { ...name, bytes: der(1) }), missing);
});

test("A71ch.data lists, reads, writes and erases data objects, beside certificates that it does not show", async () => {
  const { access, transport } = bench();
  const { data } = await A71ch.open(transport, { hash: nodeHash, clock });
  await createObject(access, { kind: "certificate", index: 0, bytes: der(1) });
  await data.write(0, fromHex("0102"));
  await data.write(254, fromHex("03"));
  assert.deepEqual(await data.list(), [
    { index: 0, length: 2 },
    { index: 254, length: 1 },
  ]);
  assert.deepEqual(await readObject(access, { kind: "data", index: 254 }), await data.read(254));
  await assert.rejects(data.write(0, fromHex("05")), { code: "object-exists" });
  await assert.rejects(data.write(1, new Uint8Array(4096)), { code: "storage-full" });
  await data.erase(0);
  await assert.rejects(data.read(0), { code: "object-missing" });
});

test("updateObject lets data grow to the end of its segment, a certificate up to what lies behind it, and counts the change", async () => {
  const { access } = bench();
  const updates = async () => (await readStorage(access.session, 4094, 1))[0];
  await createObject(access, { kind: "data", index: 0, bytes: der(1) });
  await updateObject(access, { kind: "data", index: 0, offset: 31, bytes: fromHex("ff") });
  assert.deepEqual(await updates(), 2);
  assert.deepEqual((await readObject(access, { kind: "data", index: 0 })).length, 32);
  await createObject(access, { kind: "certificate", index: 0, bytes: der(2) });
  await createObject(access, { kind: "data", index: 1, bytes: der(3) });
  const long = (length: number) => Uint8Array.of(0x30, 0x81, length - 3, ...new Uint8Array(length - 3));
  await assert.rejects(updateObject(access, { kind: "certificate", index: 0, bytes: long(33) }), {
    code: "bad-argument",
  });
  await eraseObject(access, { kind: "data", index: 1 });
  await updateObject(access, { kind: "certificate", index: 0, bytes: long(200) });
  assert.deepEqual(await readObject(access, { kind: "certificate", index: 0 }), long(200));
  await updateObject(access, { kind: "certificate", index: 0, bytes: der(4) });
  assert.deepEqual(await readObject(access, { kind: "certificate", index: 0 }), der(4));
  assert.deepEqual((await listObjects(access)).at(-1)?.reservedBytes, 200, "it stays its own");
});
