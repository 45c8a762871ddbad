import assert from "node:assert/strict";
import { createHash, createPublicKey, verify, X509Certificate } from "node:crypto";
import { test } from "node:test";

import {
  A71CH_COMMAND_SET,
  type A71chCommandName,
  type A71chRequest,
  type A71chResponse,
  type A71chVariant,
} from "../../apdu/a71ch/index.ts";
import { decodeResponse, encodeCommand } from "../../apdu/index.ts";
import { concat, fromHex, Reader, toHex } from "../../codec/index.ts";
import { ecPublicKeyInfo, SeededEntropy, VirtualClock } from "../../crypto/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { MemoryInRam } from "../index.ts";
import { nodeChipCrypto } from "../node.ts";
import { A71chChip, bearRestricted } from "./index.ts";

type Part = { readonly slot?: number; readonly maxUses?: number; readonly variant?: A71chVariant };

const entropy = (seed = "restricted") => new SeededEntropy(nodeHash, seed);

async function part({ slot = 3, maxUses = 0, variant = "B" }: Part = {}, memory = new MemoryInRam()) {
  await bearRestricted({ crypto: nodeChipCrypto, entropy: entropy(), variant, memory, slot, maxUses });
  return { memory, ...powered(memory, variant) };
}

function powered(memory: MemoryInRam, variant: A71chVariant = "B", enduranceWrites?: number) {
  const chip = new A71chChip({
    crypto: nodeChipCrypto,
    entropy: entropy("use"),
    clock: new VirtualClock(),
    variant,
    memory,
    ...(enduranceWrites === undefined ? {} : { enduranceWrites }),
  });
  const send = <Key extends A71chCommandName>(key: Key, request: A71chRequest<Key>) => {
    const { data, sw } = decodeResponse(chip.exchange(bytesOf(key, request)));
    return { sw, fields: (): A71chResponse<Key> => A71CH_COMMAND_SET.readResponse(key, data) };
  };
  return { chip, send };
}

type Powered = ReturnType<typeof powered>;

function bytesOf<Key extends A71chCommandName>(key: Key, request: A71chRequest<Key>): Uint8Array {
  return encodeCommand(A71CH_COMMAND_SET.build(key, request));
}

function blocksOf({ send }: Powered) {
  const reader = new Reader(send("readRestriction", {}).fields().restriction);
  const slot = reader.u8();
  const blocks = Array.from({ length: reader.u8() }, () => ({ offset: reader.u16(), length: reader.u16() }));
  reader.end();
  return { slot, blocks };
}

function certificateOf({ send }: Powered): X509Certificate {
  const read = (offset: number) => send("readStorage", { offset, length: 255 }).fields().bytes;
  const bytes = concat(read(0), read(255), read(510));
  return new X509Certificate(bytes.subarray(0, 4 + new Reader(bytes.subarray(2)).u16()));
}

const POINT = fromHex(
  "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
);
const UPDATE = concat(fromHex("0102030405060708"), POINT, createHash("sha1").update(POINT).digest());

test("A71chChip with a restricted key pair says so in module info, credential map, usage and restriction", async () => {
  const chip = await part({ maxUses: 9 });
  const info = chip.send("readModuleInfo", {}).fields();
  assert.equal(info.restrictedKeyPair, 3);
  assert.equal(info.transportLock, 3);
  const { slot, blocks } = blocksOf(chip);
  assert.equal(slot, 3);
  assert.deepEqual(
    blocks.map(({ length }) => length),
    [8, 65, 20],
  );
  assert.deepEqual(chip.send("readKeyPairUsage", { slot: 3 }).fields().usage, Uint8Array.of(0, 9));
  assert.equal(chip.send("generateKeyPair", { slot: 0 }).sw, 0x9000);
  assert.deepEqual(chip.send("readKeyPairUsage", { slot: 0 }).fields().usage, new Uint8Array(0));
  assert.equal(chip.send("readKeyPairUsage", { slot: 1 }).sw, 0x6985);
  const { map } = chip.send("readCredentialMap", {}).fields();
  assert.equal(map[4], 0x5f);
  assert.deepEqual([map[21], map[36], map[37]], [0x5f, 0x5f, 0x55], "the certificate's 512 bytes are frozen");
});

test("A71chChip puts an update into the certificate of its restricted key pair and signs that, in its place", async () => {
  const chip = await part();
  const { point } = chip.send("readKeyPairPoint", { slot: 3 }).fields();
  const authority = createPublicKey({ key: Buffer.from(ecPublicKeyInfo(point)), format: "der", type: "spki" });
  const born = certificateOf(chip);
  assert.ok(born.verify(authority), "it is born signed");
  assert.deepEqual(chip.send("signRestricted", { slot: 3, update: UPDATE }).fields(), { uses: 1 });
  const signed = certificateOf(chip);
  assert.ok(signed.verify(authority));
  assert.deepEqual(signed.publicKey.export({ format: "der", type: "spki" }), Buffer.from(ecPublicKeyInfo(POINT)));
  assert.equal(signed.serialNumber.slice(-16), "0102030405060708");
  assert.equal(signed.serialNumber.slice(0, -16), born.serialNumber.slice(0, -16), "all else stays as it was");
  assert.equal(signed.issuer, born.issuer);
  // What a block does not cover is as it was; signatures of any length fit.
  for (let i = 2; i < 40; i++) {
    assert.deepEqual(chip.send("signRestricted", { slot: 3, update: UPDATE }).fields(), { uses: i });
    assert.ok(certificateOf(chip).verify(authority));
  }
});

test("A restricted key pair of the A71CH does nothing else, and nothing changes it", async () => {
  const chip = await part();
  const { send } = chip;
  assert.equal(send("sign", { slot: 3, digest: UPDATE.slice(0, 32) }).sw, 0x6700, "a digest fills no blocks");
  for (const update of [UPDATE.slice(1), concat(UPDATE, UPDATE.slice(0, 1)), Uint8Array.of(1)]) {
    assert.equal(send("signRestricted", { slot: 3, update }).sw, 0x6700, String(update.length));
  }
  assert.equal(decodeResponse(chip.chip.exchange(fromHex("8015030000"))).sw, 0x6700);
  assert.equal(send("signRestricted", { slot: 0, update: UPDATE }).sw, 0x6700, "of a pair that is not restricted");
  assert.equal(send("signRestricted", { slot: 4, update: UPDATE }).sw, 0x6a86);
  assert.equal(send("agree", { slot: 3, peerPoint: POINT }).sw, 0x6985);
  assert.equal(send("setSecret", { slot: 0, key: new Uint8Array(16) }).sw, 0x9000);
  send("clientHelloRandom", {});
  const psk = { keyPair: 3, slot: 0, blocks: 1, peerPoint: POINT, serverRandom: new Uint8Array(32) };
  assert.equal(send("deriveEcdhPskMasterSecret", psk).sw, 0x6985);
  assert.equal(send("generateKeyPair", { slot: 3 }).sw, 0x6986);
  assert.equal(send("eraseKeyPair", { slot: 3 }).sw, 0x6986);
  for (const { offset } of blocksOf(chip).blocks) {
    assert.equal(send("writeStorage", { offset, bytes: Uint8Array.of(1) }).sw, 0x6986);
  }
  assert.deepEqual(send("readKeyPairUsage", { slot: 3 }).fields().usage, Uint8Array.of(0, 0), "no refusal is a use");
});

test("A restricted key pair counts its uses over power cycles and ends with the last one", async () => {
  const { memory, send } = await part({ slot: 1, maxUses: 2, variant: "A" });
  assert.deepEqual(send("signRestricted", { slot: 1, update: UPDATE }).fields(), { uses: 1 });
  const again = powered(memory, "A");
  assert.deepEqual(again.send("signRestricted", { slot: 1, update: UPDATE }).fields(), { uses: 2 });
  const before = certificateOf(again).fingerprint256;
  assert.equal(again.send("signRestricted", { slot: 1, update: new Uint8Array(UPDATE.length) }).sw, 0x6985);
  assert.equal(certificateOf(again).fingerprint256, before, "a refused update leaves the certificate alone");
  assert.deepEqual(powered(memory, "A").send("readKeyPairUsage", { slot: 1 }).fields().usage, Uint8Array.of(2, 2));
});

test("A restricted key pair without limit stays at the highest count that an answer can say", async () => {
  const { send } = await part();
  let uses = 0;
  for (let i = 0; i < 257; i++) uses = send("signRestricted", { slot: 3, update: UPDATE }).fields().uses;
  assert.equal(uses, 255);
});

test("A worn place under a restricted certificate refuses with 6581, and nothing has changed", async () => {
  const { memory } = await part({ maxUses: 9 });
  const chip = powered(memory, "B", 1);
  assert.equal(chip.send("signRestricted", { slot: 3, update: UPDATE }).sw, 0x9000);
  const before = certificateOf(chip).fingerprint256;
  assert.equal(chip.send("signRestricted", { slot: 3, update: new Uint8Array(UPDATE.length) }).sw, 0x6581);
  assert.equal(certificateOf(chip).fingerprint256, before);
  assert.deepEqual(chip.send("readKeyPairUsage", { slot: 3 }).fields().usage, Uint8Array.of(1, 9));
});

test("A71chChip says what a restricted signature makes impossible, and a debug reset ends the restriction", async () => {
  const chip = await part({ maxUses: 2 });
  const command = bytesOf("signRestricted", { slot: 3, update: UPDATE });
  const said = () => chip.chip.consequencesOf(command).map(({ impossible }) => impossible);
  assert.match(said()[1] ?? "", /over 1 times more/);
  chip.chip.exchange(command);
  assert.match(said()[1] ?? "", /ever again/);
  const [, last] = chip.chip.consequencesOf(command);
  chip.chip.exchange(command);
  assert.equal(decodeResponse(chip.chip.exchange(last?.probe ?? new Uint8Array(0))).sw, 0x6985);
  assert.equal(chip.chip.facts()["restricted key pair"], "3, 2 uses of 2");
  assert.deepEqual(chip.chip.consequencesOf(bytesOf("sign", { slot: 0, digest: new Uint8Array(32) })), []);
  assert.equal(chip.send("debugReset", {}).sw, 0x9000);
  assert.equal(chip.send("readModuleInfo", {}).fields().restrictedKeyPair, 0x0f);
  assert.equal(toHex(chip.send("readRestriction", {}).fields().restriction), "ff00");
  assert.equal(chip.chip.facts()["restricted key pair"], "none");
});

test("bearRestricted takes a part as it was born, and refuses what no part is born with", async () => {
  const { memory } = await part({ maxUses: 4 });
  const image = memory.load();
  await part({ maxUses: 4 }, memory);
  assert.deepEqual(memory.load(), image, "a second start changes nothing");
  await assert.rejects(part({ maxUses: 5 }, memory), { code: "restricted-pair" });
  await assert.rejects(part({ slot: 4 }), { code: "restricted-pair" });
  await assert.rejects(part({ slot: 2, variant: "A" }), { code: "restricted-pair" });
  await assert.rejects(part({ maxUses: 256 }), { code: "restricted-pair" });
  const plain = new MemoryInRam();
  powered(plain);
  await assert.rejects(part({}, plain), { code: "restricted-pair" });
});

test("A signature by a restricted key pair is over the certificate's contents alone, with SHA-256", async () => {
  const chip = await part();
  chip.send("signRestricted", { slot: 3, update: UPDATE });
  const { raw } = certificateOf(chip);
  const signedLength = 4 + raw.readUInt16BE(6);
  const key = createPublicKey({
    key: Buffer.from(ecPublicKeyInfo(chip.send("readKeyPairPoint", { slot: 3 }).fields().point)),
    format: "der",
    type: "spki",
  });
  const behind = raw.subarray(4 + signedLength);
  const signature = behind.subarray(12 + 3);
  assert.ok(verify("sha256", raw.subarray(4, 4 + signedLength), key, signature));
});
