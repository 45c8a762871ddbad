import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { fromHex, toHex } from "../codec/index.ts";
import { cbcEncrypt, cmac, type CommandApdu, keyCheckValue, padded, Scp03Session, SECURE_CLASS } from "./index.ts";
import { nodeBlockCipher as aes } from "./node.ts";

const CAPTURED = "captured from NXP's A71CH host programs, answers of a stand-in";

const KEYS = {
  enc: fromHex("8c2795925937742b5a777edfa36b324e"),
  mac: fromHex("acfed08d68e8ee6bebe3d21f395634b0"),
  dek: fromHex("43c28c2c06e45c8602a691d79eaa4347"),
};

const CHALLENGES = { host: fromHex("42dd7d01a551f74a"), card: fromHex("c363b49b12ce3d4f") };

const pair = () => [new Scp03Session(aes, KEYS, CHALLENGES), new Scp03Session(aes, KEYS, CHALLENGES)] as const;

const byte = fc.integer({ min: 0, max: 255 });
const plainCommand: fc.Arbitrary<CommandApdu> = fc.record(
  {
    cla: fc.constant(0x80),
    ins: byte,
    p1: byte,
    p2: byte,
    data: fc.uint8Array({ maxLength: 239 }),
    le: fc.constant(256),
  },
  { noNullPrototype: true },
);

test(`keyCheckValue and the card's cryptogram are those ${CAPTURED}`, () => {
  assert.equal(toHex(keyCheckValue(aes, KEYS.enc)), "9f59b6");
  assert.equal(toHex(keyCheckValue(aes, KEYS.mac)), "e2f0cf");
  assert.equal(toHex(keyCheckValue(aes, KEYS.dek)), "ea7f0a");
  assert.equal(toHex(pair()[0].cardCryptogram), "134b8fcb10e4a4f1");
});

test("Scp03Session carries any commands and answers between two ends that are in step", () => {
  const answer = fc.record(
    { data: fc.uint8Array({ maxLength: 239 }), sw: fc.constantFrom(0x9000, 0x6985) },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(plainCommand, answer), { maxLength: 5 }), (exchanges) => {
      const [host, chip] = pair();
      assert.deepEqual(host.authenticationMac(host.hostCryptogram), chip.authenticationMac(chip.hostCryptogram));
      for (const [command, { data, sw }] of exchanges) {
        const secured = host.protectCommand(command);
        assert.equal(secured.cla, SECURE_CLASS);
        assert.deepEqual(chip.openCommand(secured), command);
        const expected = { data: sw === 0x9000 ? data : new Uint8Array(0), sw };
        assert.deepEqual(host.openResponse(chip.protectResponse({ data, sw })), expected);
      }
    }),
    { numRuns: 40 },
  );
});

test("Scp03Session hides what it carries and never carries the same twice alike", () => {
  const [host] = pair();
  const command = { cla: 0x80, ins: 0x72, p1: 0, p2: 0, data: new Uint8Array(32).fill(0xaa), le: 256 };
  const [one, two] = [host.protectCommand(command), host.protectCommand(command)];
  assert.notDeepEqual(one.data, two.data);
  for (const { data } of [one, two]) assert.ok(!toHex(data).includes("aaaaaaaa"));
});

test("Scp03Session refuses a command or an answer with any bit changed, repeated, or after a lost one", () => {
  const outOfStep = { name: "ProtocolError", code: "out-of-step", reply: 0x6982 };
  fc.assert(
    fc.property(plainCommand, fc.nat(), (command, at) => {
      const flip = (bytes: Uint8Array) => {
        const bit = at % (bytes.length * 8);
        return bytes.with(bit >> 3, (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7)));
      };
      let [host, chip] = pair();
      const secured = host.protectCommand(command);
      assert.throws(() => chip.openCommand({ ...secured, data: flip(secured.data) }), outOfStep);
      [host, chip] = pair();
      assert.throws(() => chip.openCommand({ ...host.protectCommand(command), p1: command.p1 ^ 1 }), outOfStep);
      [host, chip] = pair();
      const first = host.protectCommand(command);
      chip.openCommand(first);
      assert.throws(() => chip.openCommand(first), outOfStep, "repeated");
      [host, chip] = pair();
      host.protectCommand(command);
      assert.throws(() => chip.openCommand(host.protectCommand(command)), outOfStep, "one was lost");
      [host, chip] = pair();
      chip.openCommand(host.protectCommand(command));
      const answer = chip.protectResponse({ data: command.data, sw: 0x9000 });
      assert.throws(() => host.openResponse({ ...answer, data: flip(answer.data) }), outOfStep);
      assert.throws(() => host.openResponse({ ...answer, sw: 0x9001 }), outOfStep);
      assert.throws(() => host.openResponse({ data: new Uint8Array(0), sw: 0x9000 }), outOfStep);
    }),
    { numRuns: 40 },
  );
});

test("Scp03Session takes any bytes without throwing anything but out-of-step", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (data) => {
      const [host, chip] = pair();
      assert.throws(() => chip.openCommand({ cla: 0x84, ins: 1, p1: 0, p2: 0, data }), { code: "out-of-step" });
      assert.throws(() => host.openResponse({ data, sw: 0x9000 }), { code: "out-of-step" });
    }),
  );
});

test("Scp03Session refuses to carry more than 239 bytes of data", () => {
  const [host] = pair();
  const command = { cla: 0x80, ins: 0x72, p1: 0, p2: 0 };
  host.protectCommand({ ...command, data: new Uint8Array(239) });
  assert.throws(() => host.protectCommand({ ...command, data: new Uint8Array(240) }), { code: "length" });
});

test("Scp03Session derives the keys and the cryptogram of a real SE050E, as NXP's community log shows them", () => {
  // NXP's published key set of that product (AN12436).
  const published = {
    enc: fromHex("d2db63e7a0a5aed72a6460c4dfdcaf64"),
    mac: fromHex("738d5b798ed241b0b24768514bfba95b"),
  };
  const challenges = { host: fromHex("1122334455667788"), card: fromHex("05437d4e3c213d20") };
  const session = new Scp03Session(aes, published, challenges);
  assert.equal(toHex(session.cardCryptogram), "c4d889c1270264c4");
  const probe = fromHex("00");
  assert.deepEqual(session.receiptOver(probe), cmac(aes, fromHex("5cae32dea3a3615e2aae308d742277e0"), probe));
  const [enc, iv] = [fromHex("012c3fcdb34f6cff7e344d075bd048cb"), new Uint8Array(16).with(15, 1)];
  const data = fromHex("41047fff0206");
  const secured = session.protectCommand({ cla: 0x80, ins: 0x04, p1: 0x00, p2: 0x27, data });
  assert.deepEqual(secured.data.slice(0, 16), cbcEncrypt(aes, enc, aes.encrypt(enc, iv), padded(data)));
});
