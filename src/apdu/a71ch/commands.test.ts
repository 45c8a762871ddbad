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
  type Fields,
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

const SENT = "sent by programs built on NXP's unmodified A71CH host library, which accepted our chip's answers";

function sent(...of: Parameters<typeof captured>): Vector {
  return { ...captured(...of), origin: SENT };
}

function captured(
  row: A71chCommandName,
  [command, answer]: readonly [string, string],
  request: Vector["request"] = {},
  response: Vector["response"] = {},
): Vector {
  return { row, command, answer, request, response, origin: CAPTURED };
}

const VECTORS: readonly Vector[] = [
  sent("readKeyPairUsage", ["8011010100", ""], { slot: 1 }, { usage: "" }),
  sent("readRestriction", ["8091000600", "ff00"], {}, { restriction: "ff00" }),
  sent("readKeyPairUsage", ["8011030100", "0202"], { slot: 3 }, { usage: "0202" }),
  sent(
    "readRestriction",
    ["8091000600", "03030017000800ec004101610014"],
    {},
    { restriction: "03030017000800ec004101610014" },
  ),
  sent("signRestricted", [`801503005d${"5a".repeat(93)}00`, "01"], { slot: 3, update: "5a".repeat(93) }, { uses: 1 }),
  sent("setTlsLabel", ["809200050b686177736572207465737400", ""], { label: "6861777365722074657374" }),
  sent("freezeSecret", ["8043030000", ""], { slot: 3 }),
  sent("freezeKeyPairByCode", ["801301101043963951a779f7b3d953ef71b335f33d00", ""], {
    slot: 1,
    code: "43963951a779f7b3d953ef71b335f33d",
  }),
  sent("freezePublicKeyByCode", ["8023001010087bd716cef3f74e15c1a6931f997fc200", ""], {
    slot: 0,
    code: "087bd716cef3f74e15c1a6931f997fc2",
  }),
  sent("setWrappedConfigKey", ["8032010218d2599f1fd9419a60eaec0aa3d6f5a16e62e7c63d7e9d3d4d00", ""], {
    slot: 1,
    wrappedKey: "d2599f1fd9419a60eaec0aa3d6f5a16e62e7c63d7e9d3d4d",
  }),
  sent("endDebugMode", ["809300dd00", ""]),
  sent("externalAuthenticate", ["8482330010f4b2142032c2b0b97b035c725ec6194c", ""], {
    hostCryptogram: "f4b2142032c2b0b9",
    mac: "7b035c725ec6194c",
  }),
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
  captured(
    "setWrappedKeyPair",
    [
      "8012000069a2a7e1bd2ad734b52b461acd13b7715990d14b0d91988db6cfd85c42807ca35d86c3d22be6b7150204e1e1de3512da618365b8ab53d79f963bd3a0dd65b851f0799051d6ad0c7f18ae148c1c66e6a19891ca18b1244d0dd25cc70e2aa96642dbbb430a019b11a2d8d500",
      "",
    ],
    {
      slot: 0,
      wrappedScalar: "a2a7e1bd2ad734b52b461acd13b7715990d14b0d91988db6cfd85c42807ca35d86c3d22be6b71502",
      point:
        "04e1e1de3512da618365b8ab53d79f963bd3a0dd65b851f0799051d6ad0c7f18ae148c1c66e6a19891ca18b1244d0dd25cc70e2aa96642dbbb430a019b11a2d8d5",
    },
  ),
  captured("generateKeyPairByCode", ["80120010107f3bff335f0dfa53a390311ceba1c07300", ""], {
    slot: 0,
    code: "7f3bff335f0dfa53a390311ceba1c073",
  }),
  captured("eraseKeyPairByCode", ["8014001010a968d1b54845ec6dc42f4a57ecf572b000", ""], {
    slot: 0,
    code: "a968d1b54845ec6dc42f4a57ecf572b0",
  }),
  captured(
    "deriveEcdhPskMasterSecret",
    [
      "801600106104129579a1d65e2c77470e1d82552d99664445b527e8b73bdb8ad331f98fd69735868a0937847d3ea74e91104c808e6d4a0eb7fbb492e0a07b2ecafde70c0e9f58303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f00",
      "a9fba7596e8a1d73a186ea24420baa512b5c9b4d471ff71be15b85cdb52fd34ebbee4cb757f2d96a12e38df75a587edd",
    ],
    {
      keyPair: 0,
      blocks: 1,
      slot: 0,
      peerPoint:
        "04129579a1d65e2c77470e1d82552d99664445b527e8b73bdb8ad331f98fd69735868a0937847d3ea74e91104c808e6d4a0eb7fbb492e0a07b2ecafde70c0e9f58",
      serverRandom: "303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f",
    },
    {
      masterSecret: "a9fba7596e8a1d73a186ea24420baa512b5c9b4d471ff71be15b85cdb52fd34ebbee4cb757f2d96a12e38df75a587edd",
    },
  ),
  captured(
    "setWrappedPublicKey",
    [
      "802200004876c8b225153d7098586c1037769d855c9267bf98d49b27763695dacaff7d6ed0cc7028896c0facfa415c06ad4686288a57d207811d817d80927ee80bc48a734c34844f41d860fdd700",
      "",
    ],
    {
      slot: 0,
      wrappedPoint:
        "76c8b225153d7098586c1037769d855c9267bf98d49b27763695dacaff7d6ed0cc7028896c0facfa415c06ad4686288a57d207811d817d80927ee80bc48a734c34844f41d860fdd7",
    },
  ),
  captured("erasePublicKeyByCode", ["80240110108b9acf89f26ef321d304a7ad7f39061500", ""], {
    slot: 1,
    code: "8b9acf89f26ef321d304a7ad7f390615",
  }),
  captured("setConfigKey", ["8032010110010003020504070609080b0a0d0c0f0e00", ""], {
    slot: 1,
    key: "010003020504070609080b0a0d0c0f0e",
  }),
  captured("setSecret", ["8042000110dbfee9e3b276154d67f9d84cb935545600", ""], {
    slot: 0,
    key: "dbfee9e3b276154d67f9d84cb9355456",
  }),
  captured("setWrappedSecret", ["8042000218834996fe38d4bc9785a2c51f9fd64ef39c2c5ae0f282023f00", ""], {
    slot: 0,
    wrappedKey: "834996fe38d4bc9785a2c51f9fd64ef39c2c5ae0f282023f",
  }),
  captured("eraseSecret", ["8044010000", ""], { slot: 1 }),
  captured(
    "expand",
    ["8045112005040102030400", "9ea8d414e29a9a422b456521a108a985975203c31523c0e20586408ce3af397f"],
    { blocks: 1, slot: 1, length: 32, info: "01020304" },
    { derived: "9ea8d414e29a9a422b456521a108a985975203c31523c0e20586408ce3af397f" },
  ),
  captured(
    "extractAndExpand",
    [
      "804520ff4c20aa1a2ae3b276154d67f9d84cb9355456bb1b2b030405060708090a0b0c0d0e0f2a000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324252627282900",
      "d0ee4c3e037ba3eef4c91113a1b10fe3ce269fb05fad5217956d1798603e5169023b8fef36975fc6a7dd26c34d5b67a391388e9ed28ca8e0458ec234a447f4a2fa7b48ef2b8e11ed1ce7f0bce690a8b8008e81c71460aec55b910493f23f6f9c276ee32b18f1d6c6de77944b39790fcde53e38345ea023519c130c1934957d2dec684389e7e817593fe2c87071ec5be97585356fd5619baa536f00fc10f4de6013a862d246868367a4cb481aa47c40db452f8eef202f9d01c3c56f5345b1e136203e3455f7a08baa0d5d5a48ba23bbb2537201c3389de6ce68e0d9bcbe62d2d750a315cc84e7097736da5c1e2eaf2a0227b098c607c867a18a3eec13ba7663",
    ],
    {
      blocks: 2,
      slot: 0,
      length: 255,
      salt: "aa1a2ae3b276154d67f9d84cb9355456bb1b2b030405060708090a0b0c0d0e0f",
      info: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223242526272829",
    },
    {
      derived:
        "d0ee4c3e037ba3eef4c91113a1b10fe3ce269fb05fad5217956d1798603e5169023b8fef36975fc6a7dd26c34d5b67a391388e9ed28ca8e0458ec234a447f4a2fa7b48ef2b8e11ed1ce7f0bce690a8b8008e81c71460aec55b910493f23f6f9c276ee32b18f1d6c6de77944b39790fcde53e38345ea023519c130c1934957d2dec684389e7e817593fe2c87071ec5be97585356fd5619baa536f00fc10f4de6013a862d246868367a4cb481aa47c40db452f8eef202f9d01c3c56f5345b1e136203e3455f7a08baa0d5d5a48ba23bbb2537201c3389de6ce68e0d9bcbe62d2d750a315cc84e7097736da5c1e2eaf2a0227b098c607c867a18a3eec13ba7663",
    },
  ),
  captured(
    "derivePskMasterSecret",
    [
      "8046200020303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f00",
      "c11fdc890358949d1941d148034f3e244faa3be3cb8bab080fd295d1dc52ed655e9228e1eab4d604254575a4cc307816",
    ],
    { blocks: 2, slot: 0, serverRandom: "303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f" },
    {
      masterSecret: "c11fdc890358949d1941d148034f3e244faa3be3cb8bab080fd295d1dc52ed655e9228e1eab4d604254575a4cc307816",
    },
  ),
  captured(
    "hmac",
    [
      "8047100064000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f6061626300",
      "37a603904211e9ddb0eaf96f7e8759a138c945e9774d4d241c65074055806183",
    ],
    {
      blocks: 1,
      slot: 0,
      bytes:
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f60616263",
    },
    { mac: "37a603904211e9ddb0eaf96f7e8759a138c945e9774d4d241c65074055806183" },
  ),
  captured(
    "hmacStart",
    [
      "80471001ef000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedee00",
      "",
    ],
    {
      blocks: 1,
      slot: 0,
      bytes:
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedee",
    },
  ),
  captured(
    "hmacUpdate",
    [
      "80471002efeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdd00",
      "",
    ],
    {
      blocks: 1,
      slot: 0,
      bytes:
        "eff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdd",
    },
  ),
  captured(
    "hmacFinish",
    ["8047100301ef00", "0db087455c857e8450c369d8d1decb9f28c1e77f1b25dcbde01061163b82f0af"],
    { blocks: 1, slot: 0, bytes: "ef" },
    { mac: "0db087455c857e8450c369d8d1decb9f28c1e77f1b25dcbde01061163b82f0af" },
  ),
  captured("readCounter", ["8061000000", "00000000"], { slot: 0 }, { value: 0 }),
  captured("incrementCounter", ["8062010000", ""], { slot: 1 }),
  captured("setCounter", ["80620100040000001400", ""], { slot: 1, value: 20 }),
  captured("eraseCounter", ["8064010000", ""], { slot: 1 }),
  captured(
    "readChallenge",
    ["8091010500", "12a98f91ffe1eb39462e6f16294207cc"],
    { kind: 1 },
    { challenge: "12a98f91ffe1eb39462e6f16294207cc" },
  ),
  captured("lockInjection", ["8092000100", ""]),
  captured("lockTransport", ["8092000200", ""]),
  captured("unlockTransport", ["809200031058b5e0fa56895a0c78629e439341184500", ""], {
    code: "58b5e0fa56895a0c78629e4393411845",
  }),
  captured(
    "clientHelloRandom",
    ["8095010000", "6c5208211e2a949991e750d4c0de1405d8947a06962eb49c09c42bf809ebd816"],
    {},
    { random: "6c5208211e2a949991e750d4c0de1405d8947a06962eb49c09c42bf809ebd816" },
  ),
  captured(
    "sha256",
    ["8096000004f0f1f2f300", "fea4ce6719f1fdb6d2e30cfb86c2e797dbd4a3247ff2b0efc15a814c5b25c75e"],
    { bytes: "f0f1f2f3" },
    { digest: "fea4ce6719f1fdb6d2e30cfb86c2e797dbd4a3247ff2b0efc15a814c5b25c75e" },
  ),
  captured(
    "sha256Start",
    [
      "80960001ef000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedee00",
      "",
    ],
    {
      bytes:
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedee",
    },
  ),
  captured(
    "sha256Update",
    [
      "80960002efeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdd00",
      "",
    ],
    {
      bytes:
        "eff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdd",
    },
  ),
  captured(
    "sha256Finish",
    [
      "8096000310eff0f1f2f3f4f5f6f7f8f9fafbfcfdfe00",
      "3f8591112c6bbe5c963965954e293108b7208ed2af893e500d859368c654eabe",
    ],
    { bytes: "eff0f1f2f3f4f5f6f7f8f9fafbfcfdfe" },
    { digest: "3f8591112c6bbe5c963965954e293108b7208ed2af893e500d859368c654eabe" },
  ),
  captured(
    "initializeUpdate",
    ["805021000842dd7d01a551f74a00", "00000000000000000000010370c363b49b12ce3d4f134b8fcb10e4a4f1"],
    { keyVersion: 33, hostChallenge: "42dd7d01a551f74a" },
    {
      diversification: "00000000000000000000",
      keyInformation: "010370",
      cardChallenge: "c363b49b12ce3d4f",
      cardCryptogram: "134b8fcb10e4a4f1",
    },
  ),
  captured(
    "putKeys",
    [
      "80d8008146218811108c2795925937742b5a777edfa36b324e039f59b6881110acfed08d68e8ee6bebe3d21f395634b003e2f0cf88111043c28c2c06e45c8602a691d79eaa434703ea7f0a00",
      "",
    ],
    {
      version: 0x21,
      enc: "8c2795925937742b5a777edfa36b324e 9f59b6",
      mac: "acfed08d68e8ee6bebe3d21f395634b0 e2f0cf",
      dek: "43c28c2c06e45c8602a691d79eaa4347 ea7f0a",
    },
  ),
  sent(
    "replaceKeys",
    [
      "80d821814621881110315e035ad5f37b907a7f25f4d94df49403e16608881110d1919b91f8b74872f0296d876654f5320319d9b88811103610062b83e4cf4ab45822beedcfbc5103358bd100",
      "",
    ],
    {
      replacedVersion: 0x21,
      version: 0x21,
      enc: "315e035ad5f37b907a7f25f4d94df494 e16608",
      mac: "d1919b91f8b74872f0296d876654f532 19d9b8",
      dek: "3610062b83e4cf4ab45822beedcfbc51 358bd1",
    },
  ),
];

function readable(fields: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, readableField(value)]));
}

/** A key with its check value is written as the two in hex. */
function readableField(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value);
  if (typeof value !== "object" || value === null) return value;
  return Object.values(value).map(readableField).join(" ");
}

function fieldsOf(values: Vector["request"]): Fields {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, fieldOf(value)]));
}

function fieldOf(value: number | string): unknown {
  if (typeof value === "number") return value;
  const [first = "", checkValue] = value.split(" ");
  return checkValue === undefined ? fromHex(first) : { key: fromHex(first), checkValue: fromHex(checkValue) };
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
  const taken = VECTORS.filter(({ origin }) => origin === CAPTURED);
  assert.ok(taken.length > 50);
  for (const { row, command, answer } of taken) assert.ok(text.includes(`> ${command}\n< ${answer}9000\n`), row);
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
  for (const hex of [`8012000060${SCALAR}${POINT.slice(2)}00`, `8048000020${SCALAR}00`, `8012000099${SCALAR}`]) {
    const described = describe(hex, `${SCALAR}6f00`);
    assert.ok(!JSON.stringify(described).includes(SCALAR.slice(8, 24)), hex);
    assert.equal(described.command, REDACTED);
  }
  assert.equal(describe("8048000000", "6d00").name, "Unknown48");
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
