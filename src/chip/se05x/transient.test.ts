import assert from "node:assert/strict";
import { test } from "node:test";

import { bytesOf, type Host, newSe05x } from "../../../test/chip/se05x.ts";
import { decode, fromHex, toHex } from "../../codec/index.ts";
import { objectAttributes, RIGHT } from "../../apdu/se05x/index.ts";
import { MemoryInRam } from "../index.ts";

const [KEY, TARGET, SOURCE] = [0x20000001, 0x20000002, 0x20000003];
const TRANSIENT = 0x80;
const AID = fromHex("a0000003965453000000010300000000");
const BLOCK = new Uint8Array(16).fill(5);

/** Every kind of key: how a transient one is made, made again, and used. */
const KEYS = {
  "EC pair": {
    make: bytesOf("writeEcKey", { part: 0x60, objectId: KEY, curve: 4, insFlags: TRANSIENT }),
    again: bytesOf("writeEcKey", { part: 0, objectId: KEY }),
    use: bytesOf("sign", { objectId: KEY, algorithm: 0x22, digest: new Uint8Array(48) }),
    type: 0x2d,
  },
  "Ed25519 pair": {
    make: bytesOf("writeEcKey", { part: 0x60, objectId: KEY, curve: 0x40, insFlags: TRANSIENT }),
    again: bytesOf("writeEcKey", { part: 0x60, objectId: KEY, curve: 0x40 }),
    use: bytesOf("sign", { objectId: KEY, algorithm: 0xa3, digest: BLOCK }),
    type: 0x65,
  },
  AES: {
    make: bytesOf("writeSymmKey", { kind: 3, objectId: KEY, value: BLOCK, insFlags: TRANSIENT }),
    again: bytesOf("writeSymmKey", { kind: 3, objectId: KEY, value: BLOCK }),
    use: bytesOf("cipher", { objectId: KEY, mode: 0x0e, direction: 0x37, input: BLOCK }),
    type: 0x09,
  },
  HMAC: {
    make: bytesOf("writeSymmKey", { kind: 5, objectId: KEY, value: BLOCK, insFlags: TRANSIENT }),
    again: bytesOf("writeSymmKey", { kind: 5, objectId: KEY, value: BLOCK }),
    use: bytesOf("mac", { objectId: KEY, algorithm: 0x19, input: BLOCK }),
    type: 0x11,
  },
  "RSA pair": {
    make: bytesOf("writeRsaKey", { part: 0x60, form: 0, objectId: KEY, bits: 1024, insFlags: TRANSIENT }),
    again: bytesOf("writeRsaKey", { part: 0x60, form: 0, objectId: KEY, bits: 1024 }),
    use: bytesOf("sign", { objectId: KEY, algorithm: 0x28, digest: BLOCK }),
    type: 0x05,
  },
} as const;

for (const [name, { make, again, use, type }] of Object.entries(KEYS)) {
  test(`A transient ${name} loses its value with a selection, stays as an object, and takes a value again`, async () => {
    const memory = new MemoryInRam();
    const { host } = await newSe05x({ memory });
    const sw = (of: Host, command: Uint8Array) => of.raw(command).sw.toString(16);
    assert.deepEqual([sw(host, make), sw(host, use)], ["9000", "9000"]);
    const size = host.send("readSize", { objectId: KEY });
    const attributes = host.send("readAttributes", { objectId: KEY });
    host.send("select", { aid: AID });
    for (const each of [host, (await newSe05x({ memory, seed: "later" })).host]) {
      assert.equal(sw(each, use), "6985");
      assert.deepEqual(each.send("readType", { objectId: KEY }), { type, memory: 2 });
      assert.deepEqual(each.send("readSize", { objectId: KEY }), size);
      assert.deepEqual(each.send("readAttributes", { objectId: KEY }), attributes);
      assert.match(toHex(each.send("readIdList", { offset: 0, filter: 0xff }).ids), /20000001/);
      assert.deepEqual([sw(each, again), sw(each, use)], ["9000", "9000"]);
    }
    host.send("deleteObject", { objectId: KEY });
    assert.equal(host.send("exists", { objectId: KEY }).result, 2);
  });
}

test("The shell of a transient key keeps its policy, its curve and its type, and no host's write gets round them", async () => {
  const { host } = await newSe05x();
  const policy = [{ authObjectId: 0, rights: (RIGHT.sign | RIGHT.read) >>> 0, extension: new Uint8Array(0) }];
  host.send("writeEcKey", { part: 0x60, objectId: KEY, policy, insFlags: TRANSIENT });
  host.send("writeRsaKey", { part: 0x60, form: 0, objectId: TARGET, bits: 1024, policy, insFlags: TRANSIENT });
  host.send("writeEcKey", { part: 0x60, objectId: SOURCE, curve: 4, insFlags: TRANSIENT });
  host.send("select", { aid: AID });
  assert.equal(host.sw("writeEcKey", { part: 0x60, objectId: KEY }), "6986", "no right to generate");
  assert.equal(host.sw("writeRsaKey", { part: 0x60, form: 0, objectId: TARGET, n: new Uint8Array(128) }), "6986");
  assert.equal(host.sw("writeRsaKey", { part: 0x60, form: 0, objectId: TARGET, bits: 1024 }), "6986");
  assert.equal(host.sw("deleteObject", { objectId: KEY }), "6986");
  assert.equal(host.sw("writeEcKey", { part: 0x60, objectId: SOURCE, curve: 3 }), "6985", "a key keeps its curve");
  assert.equal(host.sw("writeSymmKey", { kind: 3, objectId: SOURCE, value: BLOCK }), "6985", "and its type");
  assert.equal(host.send("curveOfKey", { objectId: SOURCE }).curve, 4);
  assert.equal(host.sw("readObject", { objectId: SOURCE }), "6985");
  const { policy: kept } = decode(objectAttributes, host.send("readAttributes", { objectId: KEY }).attributes);
  assert.deepEqual(kept, policy);
});

test("A transient key takes room in both memories, and gives up the transient one with its value", async () => {
  const { host } = await newSe05x({ model: "a5000" });
  const free = () => [1, 2].map((memory) => host.send("getFreeMemory", { memory }).bytes);
  const [persistent = 0, transient = 0] = free();
  host.send("writeSymmKey", { kind: 5, objectId: KEY, value: new Uint8Array(200), insFlags: TRANSIENT });
  const [head = 0, rest = 0] = free();
  assert.ok(head < persistent && persistent - head < 64);
  assert.equal(transient - rest, 200);
  assert.equal(
    host.sw("writeSymmKey", { kind: 5, objectId: TARGET, value: new Uint8Array(250), insFlags: TRANSIENT }),
    "9000",
  );
  host.send("deleteObject", { objectId: TARGET });
  host.send("select", { aid: AID });
  assert.deepEqual(free(), [head, transient]);
  host.send("deleteObject", { objectId: KEY });
  assert.deepEqual(free(), [persistent, transient]);
});

test("A derived secret goes into the shell of a transient key, and a register stands at its beginning again", async () => {
  const { host } = await newSe05x();
  host.send("writeSymmKey", { kind: 5, objectId: SOURCE, value: BLOCK });
  host.send("writeSymmKey", { kind: 3, objectId: TARGET, value: BLOCK, insFlags: TRANSIENT });
  host.send("writePcr", { objectId: KEY, initial: new Uint8Array(32), insFlags: TRANSIENT });
  const { bytes: start } = host.send("readObject", { objectId: KEY });
  host.send("writePcr", { objectId: KEY, data: BLOCK });
  host.send("select", { aid: AID });
  assert.deepEqual(host.send("readObject", { objectId: KEY }).bytes, start);
  const derive = (length: number) =>
    bytesOf("hkdfExpand", { objectId: SOURCE, algorithm: 4, length, targetId: TARGET });
  assert.equal(host.raw(derive(32)).sw, 0x6985, "a key of 16 bytes");
  assert.equal(host.raw(derive(16)).sw, 0x9000);
  host.send("cipher", { objectId: TARGET, mode: 0x0e, direction: 0x37, input: BLOCK });
});
