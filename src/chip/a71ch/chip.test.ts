import assert from "node:assert/strict";
import { createECDH, createPublicKey, sign as nodeSign, verify as nodeVerify, createPrivateKey } from "node:crypto";
import { test } from "node:test";

import fc from "fast-check";

import { A71CH_COMMAND_SET, A71CH_VARIANTS, type A71chVariant, credentialMap } from "../../apdu/a71ch/index.ts";
import { decodeResponse, encodeCommand } from "../../apdu/index.ts";
import { concat, decode, fromHex, toHex, utf8Bytes } from "../../codec/index.ts";
import { ecPublicKeyInfo, SeededEntropy, VirtualClock } from "../../crypto/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { Ledger } from "../../trace/index.ts";
import { MemoryInRam, type NonVolatileMemory } from "../index.ts";
import { nodeChipCrypto } from "../node.ts";
import { A71chChip } from "./index.ts";

const DEEP = process.env["HAWSER_DEEP"] === "1";
const DIGEST = nodeHash.digest("sha256", utf8Bytes("sample"));

type Bench = { readonly chip: A71chChip; readonly ledger: Ledger };

function bench(
  options: { seed?: string; variant?: A71chVariant; memory?: NonVolatileMemory } = {},
): Bench & { readonly say: (hex: string) => string } {
  // Commands may be written with spaces.
  const { seed = "chip test", variant = "B", memory } = options;
  const clock = new VirtualClock();
  const ledger = new Ledger({ clock });
  const entropy = new SeededEntropy(nodeHash, seed);
  const chip = new A71chChip({
    crypto: nodeChipCrypto,
    entropy,
    clock,
    variant,
    trace: ledger,
    ...(memory ? { memory } : {}),
  });
  return { chip, ledger, say: (hex) => toHex(chip.exchange(fromHex(hex.replaceAll(" ", "")))) };
}

function signature(chip: A71chChip, slot: number, digest: Uint8Array): Uint8Array {
  const { data, sw } = decodeResponse(chip.exchange(encodeCommand(A71CH_COMMAND_SET.build("sign", { slot, digest }))));
  assert.equal(sw, 0x9000);
  return data;
}

function pointOf(say: (hex: string) => string, slot: number): Uint8Array {
  const answer = say(`80110${slot}0000`);
  assert.equal(answer.length, 2 * 67);
  return fromHex(answer.slice(0, -4));
}

test("A71chChip signs in 70 or 71 bytes, which is what NXP's host library normalises", () => {
  const { chip, say } = bench();
  assert.equal(say("8012000000"), "9000");
  const key = createPublicKey({ key: Buffer.from(ecPublicKeyInfo(pointOf(say, 0))), format: "der", type: "spki" });
  const lengths = new Set<number>();
  for (let i = 0; i < 200; i++) {
    const message = Uint8Array.of(i);
    const der = signature(chip, 0, nodeHash.digest("sha256", message));
    lengths.add(der.length);
    assert.ok(nodeVerify("sha256", message, key, der));
  }
  assert.deepEqual(lengths, new Set([70, 71]));
});

test("A71chChip answers each refusal with its status word", () => {
  const { say } = bench();
  const refusals: [string, string][] = [
    ["", "6700"],
    ["8011", "6700"],
    ["80110000010203", "6700"],
    ["9011000000", "6e00"],
    ["8048000010000102030405060708090a0b0c0d0e0f00", "6d00"],
    ["80d8008100", "6700"],
    ["8011040000", "6a86"],
    ["8011000700", "6a86"],
    ["8011000000", "6985"],
    [`8015030020${toHex(DIGEST)}00`, "6985"],
    [`8015040020${toHex(DIGEST)}00`, "6a86"],
    ["80150000011100", "6700"],
    ["8021030000", "6a86"],
    ["8021020000", "6985"],
    ["8071000001040 0", "6a80"],
    ["807100000200 0000", "6a80"],
    ["807100000201 0000", "6a80"],
    ["80710fff0200 0200", "6a86"],
    ["80720fff02aabb00", "6a86"],
    ["80730010020020 00", "6a80"],
    ["80730000020010 00", "6a80"],
    ["80730fe0020040 00", "6a86"],
    ["8095000000", "6a86"],
    ["8091020200", "6a86"],
    ["00a40400050102030405 00", "6a82"],
  ];
  for (const [command, answer] of refusals) assert.equal(say(command), answer, command);
});

test("A71chChip variants differ in capacity and in what they say of it", () => {
  for (const variant of ["A", "B"] as const) {
    const { say } = bench({ variant });
    const capacity = A71CH_VARIANTS[variant];
    const [pairs, keys] = [capacity.keyPairs, capacity.publicKeys];
    assert.equal(say(`80120${pairs - 1}0000`), "9000");
    assert.equal(say(`80120${pairs}0000`), "6a86");
    assert.equal(say(`80210${keys - 1}0000`), "6985");
    assert.equal(say(`80210${keys}0000`), "6a86");
    const last = (capacity.storageBytes - 1).toString(16).padStart(4, "0");
    assert.equal(say(`8072${last}01aa00`), "9000");
    assert.equal(say(`8072${last}02aabb00`), "6a86");
    const info = say("8091000300");
    assert.equal(info, `0131f322${capacity.storageBytes.toString(16).padStart(4, "0")}9000`);
    const map = decode(credentialMap(capacity), fromHex(say("8091000400").slice(0, -4)));
    assert.deepEqual(
      map.keyPairs.map(({ present }) => present),
      Array.from({ length: pairs }, (_, i) => i === pairs - 1),
    );
  }
});

test("A71chChip freezes key pairs, public keys and storage segments for all but a debug reset", () => {
  const { say } = bench();
  const point = toHex(createECDH("prime256v1").generateKeys());
  assert.equal(say("8012010000"), "9000");
  const kept = pointOf(say, 1);
  assert.equal(say(`8022010041${point}00`), "9000");
  assert.equal(say("80720020 04 01020304 00"), "9000");
  for (const command of ["8013010000", "8013020000", "8023010000", "80730020 02 0020 00"]) {
    assert.equal(say(command), "9000");
    assert.equal(say(command), "9000", "twice is once");
  }
  const refused = ["8012010000", "8014010000", "8012020000", `8022010041${point}00`, "8024010000"];
  for (const command of [...refused, "8072001f02aabb00", "807200200100 00", "8072003f01aa00"]) {
    assert.equal(say(command), "6986", command);
  }
  assert.deepEqual(pointOf(say, 1), kept);
  assert.equal(say("8072001f01aa00"), "9000");
  assert.equal(say("8072004001aa00"), "9000");
  const map = decode(credentialMap(A71CH_VARIANTS.B), fromHex(say("8091000400").slice(0, -4)));
  assert.deepEqual(
    [map.keyPairs[1], map.publicKeys[1], map.storage[1]],
    Array.from({ length: 3 }, () => ({ present: true, frozen: true })),
  );
  assert.deepEqual(map.keyPairs[2], { present: false, frozen: true });
  assert.equal(say("809400ea00"), "9000");
  assert.equal(say("8011010000"), "6985");
  assert.equal(say("8012010000"), "9000");
  assert.equal(say("80710020020004 00"), "000000009000");
});

test("AW-84 A71chChip debug reset wipes keys and storage but not the unique identifier", () => {
  const { say, chip } = bench();
  const uid = say("8091000100");
  assert.equal(say("8012000000"), "9000");
  assert.equal(say("8072000001ff00"), "9000");
  assert.equal(say("809400ea00"), "9000");
  assert.equal(say("8011000000"), "6985");
  assert.equal(say("807100000200 0100"), "009000");
  assert.equal(say("8091000100"), uid);
  assert.equal(chip.uniqueId, uid.slice(0, -4));
});

test("AW-05 OE-13 OE-15 A71chChip generates, injects, uses and deletes P-256 key pairs that node:crypto agrees with", () => {
  const { chip, say } = bench();
  assert.equal(say("8012000000"), "9000");
  const ecdh = createECDH("prime256v1");
  ecdh.generateKeys();
  const injected = concat(fromHex(ecdh.getPrivateKey("hex").padStart(64, "0")), ecdh.getPublicKey());
  assert.equal(say(`8012010061${toHex(injected)}00`), "9000");
  assert.deepEqual(pointOf(say, 1), new Uint8Array(ecdh.getPublicKey()));
  for (const slot of [0, 1]) {
    const key = createPublicKey({ key: Buffer.from(ecPublicKeyInfo(pointOf(say, slot))), format: "der", type: "spki" });
    for (let i = 0; i < 20; i++)
      assert.ok(nodeVerify("sha256", utf8Bytes("sample"), key, signature(chip, slot, DIGEST)));
  }
  assert.equal(say("8014000000"), "9000");
  assert.equal(say(`8015000020${toHex(DIGEST)}00`), "6985");
});

test("A71chChip.exchange takes a key pair whose halves do not belong together, as vendors' scripts do, but none that is no key", () => {
  const { say } = bench();
  const [one, two] = [createECDH("prime256v1"), createECDH("prime256v1")];
  one.generateKeys();
  two.generateKeys();
  const pair = (scalar: string, point: string) => say(`8012000061${scalar.padStart(64, "0")}${point}00`);
  const n = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
  const good = one.getPublicKey("hex");
  assert.equal(pair("0", good), "6a80");
  assert.equal(pair(n, good), "6a80");
  assert.equal(pair(one.getPrivateKey("hex"), `04${"00".repeat(64)}`), "6a80");
  assert.equal(say("8011000000"), "6985");
  const off = `${good.slice(0, -2)}${(Number.parseInt(good.slice(-2), 16) ^ 1).toString(16).padStart(2, "0")}`;
  assert.equal(say(`8022000041${off}00`), "6a80");
  assert.equal(say(`8025000161${toHex(DIGEST)}${off}00`), "6a80");
  assert.equal(pair(one.getPrivateKey("hex"), good), "9000");
  assert.equal(say(`8017000041${off}00`), "6a80");
  assert.equal(pair(one.getPrivateKey("hex"), off), "6a80");
  assert.equal(pair(one.getPrivateKey("hex"), two.getPublicKey("hex")), "9000");
  assert.equal(say("8011000000"), `${two.getPublicKey("hex")}9000`, "what was given is given back");
  assert.equal(
    say(`8017000041${two.getPublicKey("hex")}00`),
    `${one.computeSecret(two.getPublicKey()).toString("hex")}9000`,
  );
});

test(`OE-10 OE-11 OE-14 A71chChip agrees with node:crypto on ECDSA and ECDH over ${DEEP ? 10_000 : 60} seeded samples`, () => {
  const { chip, say } = bench({ seed: "cross-check" });
  const samples = new SeededEntropy(nodeHash, "cross-check samples");
  for (let i = 0; i < (DEEP ? 10_000 : 60); i++) {
    const peer = createECDH("prime256v1");
    peer.setPrivateKey(samples.bytes(32));
    assert.equal(say("8012000000"), "9000");
    const point = pointOf(say, 0);
    const shared = say(`8017000041${peer.getPublicKey("hex")}00`);
    assert.equal(shared, `${peer.computeSecret(point).toString("hex")}9000`);
    const content = samples.bytes(40);
    const key = createPublicKey({ key: Buffer.from(ecPublicKeyInfo(point)), format: "der", type: "spki" });
    assert.ok(nodeVerify("sha256", content, key, signature(chip, 0, nodeHash.digest("sha256", content))));
    const jwk = { kty: "EC", crv: "P-256", ...coordinates(peer.getPublicKey()), d: peer.getPrivateKey("base64url") };
    const theirs = nodeSign("sha256", content, createPrivateKey({ key: jwk, format: "jwk" }));
    assert.equal(say(`8022000041${peer.getPublicKey("hex")}00`), "9000");
    const digest = toHex(nodeHash.digest("sha256", content));
    const body = `${digest}${theirs.toString("hex")}`;
    assert.equal(say(`80250002${(body.length / 2).toString(16)}${body}00`), "019000");
    const flipped = `${(Number.parseInt(digest.slice(0, 2), 16) ^ 1).toString(16).padStart(2, "0")}${body.slice(2)}`;
    assert.equal(say(`80250002${(flipped.length / 2).toString(16)}${flipped}00`), "029000");
  }
});

function coordinates(point: Buffer): { x: string; y: string } {
  return { x: point.subarray(1, 33).toString("base64url"), y: point.subarray(33).toString("base64url") };
}

test("A71chChip with the same seed gives the same answers byte for byte, and with another seed others", () => {
  const commands = [
    "8091000100",
    "8012000000",
    "8011000000",
    `8015000020${toHex(DIGEST)}00`,
    "8095002000",
    "8012000000",
    `8015000020${toHex(DIGEST)}00`,
  ];
  const answers = (seed: string) => commands.map(bench({ seed }).say);
  assert.deepEqual(answers("one"), answers("one"));
  const [one, two] = [answers("one"), answers("two")];
  for (const i of [0, 2, 3, 4, 6]) assert.notEqual(one[i], two[i]);
});

test("A71chChip that starts again with the same seed signs other digests with other nonces", () => {
  const memory = new MemoryInRam();
  const first = bench({ memory });
  assert.equal(first.say("8012000000"), "9000");
  const once = bench({ memory, seed: "again" });
  const twice = bench({ memory, seed: "again" });
  const r = (der: Uint8Array) => toHex(der).slice(8, 70);
  const other = nodeHash.digest("sha256", utf8Bytes("another"));
  assert.equal(r(signature(once.chip, 0, DIGEST)), r(signature(twice.chip, 0, DIGEST)));
  assert.notEqual(r(signature(once.chip, 0, DIGEST)), r(signature(twice.chip, 0, other)));
});

test("A71chChip keeps keys, storage and identifier over a power cycle", () => {
  const memory = new MemoryInRam();
  const before = bench({ memory });
  for (const command of ["8012020000", "8013020000", "8072012003aabbcc00", "807301200200 2000"]) {
    assert.equal(before.say(command), "9000");
  }
  const asked = ["8091000100", "8091000400", "8011020000", "807101200200 0300", "8091000200"];
  const after = bench({ memory, seed: "unlike before" });
  assert.deepEqual(asked.map(after.say), asked.map(before.say));
  assert.equal(after.say("8012020000"), "6986");
  const key = createPublicKey({
    key: Buffer.from(ecPublicKeyInfo(pointOf(after.say, 2))),
    format: "der",
    type: "spki",
  });
  assert.ok(nodeVerify("sha256", utf8Bytes("sample"), key, signature(after.chip, 2, DIGEST)));
});

test("A71chChip whose memory fails answers 6F00, tells the trace, and has not changed", () => {
  let works = true;
  const inner = new MemoryInRam();
  const memory: NonVolatileMemory = {
    load: () => inner.load(),
    store(image) {
      assert.ok(works, "no space left");
      inner.store(image);
    },
  };
  const { say, ledger } = bench({ memory });
  assert.equal(say("8012000000"), "9000");
  const [point, map] = [say("8011000000"), say("8091000400")];
  works = false;
  for (const command of ["8012000000", "8014000000", "8013010000", "8072000001aa00", "809400ea00"]) {
    assert.equal(say(command), "6f00");
  }
  assert.deepEqual([say("8011000000"), say("8091000400")], [point, map]);
  assert.equal(say("807100000200 0100"), "009000");
  assert.equal(ledger.events({ kinds: ["process"] }).length, 5);
  works = true;
  assert.equal(say("8014000000"), "9000");
});

test("A71chChip refuses a memory with another model's or variant's state", () => {
  const memory = new MemoryInRam();
  bench({ memory, variant: "A" });
  assert.throws(() => bench({ memory, variant: "B" }), { name: "UsageError", code: "state-version" });
  const whole = memory.load() ?? assert.fail();
  for (const image of [whole.subarray(0, -1), concat(whole, Uint8Array.of(0)), new Uint8Array(0), whole.with(5, 9)]) {
    memory.store(image);
    assert.throws(() => bench({ memory, variant: "A" }), { code: "state-version" });
  }
});

test("A71chChip.exchange takes any bytes, answers with a status word, and changes nothing unless that is 9000", () => {
  const memory = new MemoryInRam();
  const { chip, say } = bench({ memory });
  assert.equal(say("8012000000"), "9000");
  const instructions = Object.values(A71CH_COMMAND_SET.table).map(({ ins }) => ins);
  const likely = fc
    .tuple(
      fc.constantFrom(0x80, 0x00, 0x84),
      fc.constantFrom(...instructions),
      fc.integer({ min: 0, max: 5 }),
      fc.constantFrom(0, 1, 2, 3, 4, 0xea, 0x20),
      fc.uint8Array({ maxLength: 110 }),
    )
    .map(([cla, ins, p1, p2, data]) => encodeCommand({ cla, ins, p1, p2, data, le: 256 }));
  fc.assert(
    fc.property(fc.oneof(likely, fc.uint8Array({ maxLength: 270 })), (command) => {
      const before = memory.load();
      const { sw } = decodeResponse(chip.exchange(command));
      assert.notEqual(sw, 0x6f00);
      if (sw !== 0x9000) assert.deepEqual(memory.load(), before);
    }),
    { numRuns: DEEP ? 20_000 : 600 },
  );
});

test("OE-16 OE-50 A71chChip lets its generated scalar into no answer and no event", () => {
  // The scalar is the first 32 bytes of this entropy that are within range: what follows the unique identifier.
  const entropy = new SeededEntropy(nodeHash, "canary");
  entropy.bytes(8);
  const scalar = toHex(entropy.bytes(32));
  const { say, ledger } = bench({ seed: "canary" });
  const answers = ["8012000000", "8011000000", `8015000020${toHex(DIGEST)}00`, "8091000400", "809500ff00"].map(say);
  const check = createECDH("prime256v1");
  check.setPrivateKey(scalar, "hex");
  assert.equal(`${check.getPublicKey("hex")}9000`, answers[1], "this is the scalar");
  const peer = createECDH("prime256v1").generateKeys("hex");
  const shared = say(`8017000041${peer}00`);
  for (const text of [...answers, shared, ledger.jsonLines()]) assert.ok(!text.includes(scalar));
  assert.ok(!ledger.jsonLines().includes(shared.slice(0, 64)), "nor a shared secret into an event");
  const injected = createECDH("prime256v1");
  injected.generateKeys();
  const plain = injected.getPrivateKey("hex").padStart(64, "0");
  assert.equal(say(`8012010061${plain}${injected.getPublicKey("hex")}00`), "9000");
  assert.ok(!ledger.jsonLines().includes(plain), "nor an injected one");
});

test("A71chChip tells the trace each command by name, with its fields, its status word and its device", () => {
  const { chip, say, ledger } = bench();
  say("8012010000");
  say("8015000020");
  const [generated, malformed] = ledger.events();
  assert.deepEqual(
    { ...generated, seq: 0, time: 0 },
    {
      seq: 0,
      time: 0,
      actor: "chip",
      device: chip.uniqueId,
      kind: "chip.command",
      name: "GenerateKeyPair",
      fields: { slot: 1 },
      statusWord: 0x9000,
      durationMs: 0,
      command: "8012010000",
      response: "9000",
    },
  );
  assert.equal(malformed?.kind === "chip.command" && malformed.statusWord, 0x6700);
});

test("A71chChip keeps what it was given, whatever the caller does with the buffer afterwards", () => {
  const { chip, say } = bench();
  const point = createECDH("prime256v1").generateKeys();
  const command = Buffer.concat([Buffer.from("8022000041", "hex"), point, Buffer.from([0])]);
  assert.equal(toHex(chip.exchange(command)), "9000");
  command.fill(0);
  assert.equal(say("8021000000"), `${point.toString("hex")}9000`);
});
