import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import fc from "fast-check";

import { decode, encode, fromHex, ProtocolError, toHex } from "../../codec/index.ts";
import {
  CommandSet,
  command,
  decodeCommand,
  decodeResponse,
  describeExchange,
  encodeCommand,
  REDACTED,
  verificationCounts,
} from "../index.ts";
import { A71CH_COMMAND_SET, A71CH_COMMANDS, A71CH_VARIANTS, type A71chCommandName, credentialMap } from "./index.ts";

const CAPTURED = "captured from NXP's A71CH host programs, answers of a stand-in";

const DIGEST = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const SCALAR = "2337763bbcc1a0296cf6016356c1949e8d74431ade357abe2723973eee256398";
const POINT =
  "0482cbc1e59ae26ee8b20c822fe1d46e65a4d8a8fb5af3799854005b016dc1a99f40c4458f968fbea075ef494fe82a18e2ade105d9e09532fdfbf274126360b889";
const PEER =
  "049b97989e9b191566e0dd7d110141fbf311445e40f5c61e5c4b0f9431148d9f01ba773debcea43cd015102d263bd26457aed782cabcfebdfb5c3c8fdaecfd1c1d";
const KEY_PAIR_POINT =
  "04e1e1de3512da618365b8ab53d79f963bd3a0dd65b851f0799051d6ad0c7f18ae148c1c66e6a19891ca18b1244d0dd25cc70e2aa96642dbbb430a019b11a2d8d5";
const PUBLIC_KEY =
  "04325202cf4ab1623d00d6f478fec0e83b0dca2790a08b5bd847a9154ba8523a9b560b357340d5fa521fd7c2f4ce5257dcc91ee05d83e76b9e310cce8019d92cda";
const SET_KEY =
  "04c7844f17119470331cdd99843ba32760ea300175b6cc311be0392b9924d38356224762338ce58361142c7301977aad1d389a7e5283be8a0d88cc2dab671ee611";
const SECRET = "09b2b0321470290a0e0a0cf96799f289ee15aab1774a11d8b835e28e7d19057d";
const SIGNATURE =
  "3045022100ed8fb2c9519d7e2e2b86f58f44c36164f8814e921307d73b9edba8767c20e3f5022047d6c6ba307313927a3e35af0265d86abd26672a00cc43b0d7611c651841fd14";
const WRITTEN =
  "67c6697351ff4aec29cdbaabf2fbe3467cc254f81be8e78d765a2e63339fc99a66320db73158a35a255d051758e95ed4abb2cdc69bb454110e827441";
const VERIFIED =
  "304402206db1a768e1a74eae8d51ffe397d69b40cec08c44587ce909b3a1770b27a2529f02206f6b3d7dfc017d3e3df70b00641ddab6247e49662389b1b074bfc904fcc0ef60";
const VERIFIED_DIGEST = "aabb349b3c173f404ffec1e4b5f3fd00bbaa27f88ba14ecd5d3c0df045e0d511";
const STORED_SIGNATURE =
  "30440220458ee8467554438cabf3a4fa849fa49db3e16e04e1b274dd4103b7eefdc7db5502203e3833e568ce6daeb5cc46bc06cdbe81d58074cabaed434275431d27974b4887";
const MAP = `02${"a5".repeat(18)}${"55".repeat(130)}`;

type Vector = {
  readonly row: A71chCommandName;
  readonly command: string;
  /** Without the status word 9000. */
  readonly answer: string;
  readonly request: Readonly<Record<string, number | string>>;
  readonly response: Readonly<Record<string, number | string>>;
  readonly origin: string;
};

function captured(
  row: A71chCommandName,
  [command, answer]: readonly [string, string],
  request: Vector["request"] = {},
  response: Vector["response"] = {},
): Vector {
  return { row, command, answer, request, response, origin: CAPTURED };
}

const VECTORS: readonly Vector[] = [
  captured("selectCardManager", ["00a4040000", ""]),
  captured(
    "select",
    ["00a4040005613731636800", "01310000"],
    { aid: "6137316368" },
    { appletVersion: 0x0131, secureBoxVersion: 0 },
  ),
  captured("readKeyPairPoint", ["8011000000", KEY_PAIR_POINT], { slot: 0 }, { point: KEY_PAIR_POINT }),
  captured("generateKeyPair", ["8012010000", ""], { slot: 1 }),
  captured("setKeyPair", [`8012000061${SCALAR}${POINT}00`, ""], { slot: 0, scalar: SCALAR, point: POINT }),
  captured("freezeKeyPair", ["8013010000", ""], { slot: 1 }),
  captured("eraseKeyPair", ["8014000000", ""], { slot: 0 }),
  captured("sign", [`8015000020${DIGEST}00`, SIGNATURE], { slot: 0, digest: DIGEST }, { signature: SIGNATURE }),
  captured("agree", [`8017000041${PEER}00`, SECRET], { slot: 0, peerPoint: PEER }, { sharedSecret: SECRET }),
  captured("readPublicKey", ["8021000000", PUBLIC_KEY], { slot: 0 }, { point: PUBLIC_KEY }),
  captured("setPublicKey", [`8022000041${SET_KEY}00`, ""], { slot: 0, point: SET_KEY }),
  captured("freezePublicKey", ["8023000000", ""], { slot: 0 }),
  captured("erasePublicKey", ["8024000000", ""], { slot: 0 }),
  captured(
    "verify",
    [`8025020266${DIGEST}${STORED_SIGNATURE}00`, "01"],
    { slot: 2, digest: DIGEST, signature: STORED_SIGNATURE },
    { result: 1 },
  ),
  captured(
    "verifyWithKey",
    [`80250001a7${VERIFIED_DIGEST}${VERIFIED}${POINT}00`, "01"],
    { digest: VERIFIED_DIGEST, signature: VERIFIED, point: POINT },
    { result: 1 },
  ),
  captured("readStorage", ["8071000002003c00", WRITTEN], { offset: 0, length: 60 }, { bytes: WRITTEN }),
  captured("writeStorage", [`807200003c${WRITTEN}00`, ""], { offset: 0, bytes: WRITTEN }),
  captured("freezeStorage", ["8073000002080000", ""], { offset: 0, length: 0x800 }),
  captured(
    "readUniqueId",
    ["8091000100", "479051684791121023410053669647514812"],
    {},
    { uniqueId: "479051684791121023410053669647514812" },
  ),
  captured("readFreeMemory", ["8091010200", "1234"], { kind: 1 }, { freeBytes: 0x1234 }),
  captured(
    "readModuleInfo",
    ["8091000300", "0131f3221000"],
    {},
    {
      selectResponse: 0x0131,
      restrictedKeyPair: 15,
      transportLock: 3,
      secureChannel: 2,
      injectLock: 2,
      storageBytes: 4096,
    },
  ),
  captured("readCredentialMap", ["8091000400", MAP], {}, { map: MAP }),
  captured("debugReset", ["809400ea00", ""]),
  captured(
    "random",
    ["8095001000", "ebe68e10ee4595a45b5c5177b10db281"],
    { length: 16 },
    { bytes: "ebe68e10ee4595a45b5c5177b10db281" },
  ),
  captured("reflect", ["80fe000005000102030400", "0001020304"], { bytes: "0001020304" }, { bytes: "0001020304" }),
];

function readable(fields: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, value instanceof Uint8Array ? toHex(value) : value]),
  );
}

function fieldsOf(values: Vector["request"]): Record<string, number | Uint8Array> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, typeof value === "string" ? fromHex(value) : value]),
  );
}

for (const { row, command, answer, request, response, origin } of VECTORS) {
  test(`A71CH_COMMANDS.${row} reads and writes bytes ${origin}`, () => {
    const recognised = A71CH_COMMAND_SET.recognise(decodeCommand(fromHex(command)));
    assert.equal(recognised.key, row);
    assert.deepEqual(readable(recognised.request), request);
    const built = A71CH_COMMAND_SET.build(row, fieldsOf(request));
    assert.equal(toHex(encodeCommand(built)), command);
    const { data } = decodeResponse(fromHex(`${answer}9000`));
    const fields = A71CH_COMMAND_SET.readResponse(row, data);
    assert.deepEqual(readable(fields), response);
    assert.equal(toHex(A71CH_COMMAND_SET.writeResponse(recognised.row, fields)), answer);
  });
}

test("the vectors are exchanges of the captures, byte for byte", (t) => {
  const path = join(import.meta.dirname, "../../../../shared/captures/a71ch.txt");
  if (!existsSync(path)) return t.skip("the captures are not here");
  const text = readFileSync(path, "utf8");
  for (const { row, command, answer } of VECTORS) assert.ok(text.includes(`> ${command}\n< ${answer}9000\n`), row);
});

test("every row of A71CH_COMMANDS has a vector from outside or says that it is unverified", () => {
  const covered = new Set<string>(VECTORS.map(({ row }) => row));
  for (const [key, row] of Object.entries(A71CH_COMMANDS)) assert.equal(row.unverified, !covered.has(key), key);
  const { verified, unverified } = verificationCounts(A71CH_COMMANDS);
  assert.equal(verified + unverified, Object.keys(A71CH_COMMANDS).length);
  assert.equal(new Set(Object.values(A71CH_COMMANDS).map(({ name }) => name)).size, verified + unverified);
});

test("CommandSet.recognise takes any command without throwing anything but a ProtocolError with a status word", () => {
  const header = fc.tuple(
    fc.constantFrom(0x80, 0x00),
    fc.constantFrom(...Object.values(A71CH_COMMANDS).map(({ ins }) => ins), 0x42),
    fc.integer({ min: 0, max: 4 }),
    fc.integer({ min: 0, max: 4 }),
  );
  fc.assert(
    fc.property(header, fc.uint8Array({ maxLength: 255 }), ([cla, ins, p1, p2], data) => {
      try {
        const { key, row, request } = A71CH_COMMAND_SET.recognise({ cla, ins, p1, p2, data });
        const built = A71CH_COMMAND_SET.build(key, request);
        assert.deepEqual({ ...built, le: row.le }, { cla, ins, p1: built.p1, p2: built.p2, data, le: row.le });
      } catch (error) {
        assert.ok(error instanceof ProtocolError, String(error));
        assert.ok([0x6e00, 0x6d00, 0x6a86, 0x6700, 0x6a80].includes(error.reply as number));
      }
    }),
    { numRuns: 400 },
  );
});

test("describeExchange names commands and fields, and shows no key material in any field or frame", () => {
  const describe = (hex: string, answer: string) => describeExchange(A71CH_COMMAND_SET, fromHex(hex), fromHex(answer));
  assert.deepEqual(describe(`8012000061${SCALAR}${POINT}00`, "9000"), {
    name: "SetKeyPair",
    fields: { slot: 0, scalar: REDACTED, point: POINT },
    statusWord: 0x9000,
    command: REDACTED,
    response: "9000",
  });
  const agreed = describe(`8017000041${PEER}00`, `${SECRET}9000`);
  assert.deepEqual(agreed.fields, { slot: 0, peerPoint: PEER, sharedSecret: REDACTED });
  assert.equal(agreed.response, REDACTED);
  assert.equal(agreed.command, `8017000041${PEER}00`);
  assert.equal(describe(`8017000041${PEER}00`, "6985").response, "6985");
  // A scalar in a frame that no row takes, for it is one byte short, or whose instruction is not in the table.
  for (const hex of [`8012000060${SCALAR}${POINT.slice(2)}00`, `8042000020${SCALAR}00`, `8012000099${SCALAR}`]) {
    const described = describe(hex, `${SCALAR}6f00`);
    assert.ok(!JSON.stringify(described).includes(SCALAR.slice(8, 24)), hex);
    assert.equal(described.command, REDACTED);
  }
  assert.equal(describe("8042000000", "6d00").name, "Unknown42");
  assert.equal(describe("80", "").name, "malformed");
});

test("describeExchange takes any two byte strings", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ maxLength: 20 }), (sent, received) => {
      const { statusWord } = describeExchange(A71CH_COMMAND_SET, sent, received);
      assert.ok(statusWord >= 0 && statusWord <= 0xffff);
    }),
  );
});

test("credentialMap reads the map of a fresh A71CH of either variant and writes it back", () => {
  const codec = credentialMap(A71CH_VARIANTS.B);
  const map = decode(codec, fromHex(MAP));
  assert.equal(map.secureChannel, 2);
  assert.equal(map.storage.length, 128);
  assert.deepEqual(
    [map.keyPairs, map.publicKeys, map.configKeys, map.symmetricSecrets, map.counters].map((list) => [
      list.length,
      list.some(({ present }) => present),
      list.some(({ frozen }) => frozen),
    ]),
    [
      [4, false, false],
      [3, false, false],
      [3, false, false],
      [8, false, false],
      [2, true, false],
    ],
  );
  assert.equal(toHex(encode(codec, map)), MAP);
  const small = credentialMap(A71CH_VARIANTS.A);
  assert.equal(decode(small, fromHex(`02${"a5".repeat(11)}${"5f".repeat(34)}`)).storage.at(-1)?.frozen, true);
  assert.throws(() => decode(codec, fromHex(MAP.replace("02a5", "02a6"))), { code: "value", at: 1 });
});

test("a row's secrets are named by its own fields, so that a renamed field cannot slip out", () => {
  const set = new CommandSet({
    load: command({
      name: "Load",
      ins: 0x01,
      p1: 0x00,
      p2: 0x00,
      request: { write: () => undefined, read: (r) => ({ key: r.rest() }) },
      secretRequest: ["key"],
    }),
  });
  assert.deepEqual(describeExchange(set, fromHex("8001000002aabb"), fromHex("9000")).fields, { key: REDACTED });
});
