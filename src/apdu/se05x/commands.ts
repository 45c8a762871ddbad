/** @table The command table of the SE05x family. */
import {
  type Codec,
  DecodeError,
  fixed,
  fromHex,
  longLength,
  optionalTag,
  rest,
  struct,
  tagged,
  tlvStruct,
  u16,
  u24,
  u32,
  u64,
  u8,
} from "../../codec/index.ts";
import { CommandSet } from "../command-set.ts";
import { command, flagged, type RequestOf, type ResponseOf } from "../command.ts";
import { MAX_EXTENDED_LE } from "../extended-apdu.ts";
import { bounded } from "../fields.ts";
import { policyEntries } from "./policy.ts";

/** The application identifier of the family. SE05x command table */
export const SE05X_AID = fromHex("a0000003965453000000010300000000");

const id = tagged(0x41, u32);
const policy = optionalTag(0x11, policyEntries);
const maxAttempts = optionalTag(0x12, u16);
const version = optionalTag(0x4b, u32);
/** Byte strings of answers come with lengths `82 hh ll`. */
const bytesAnswer = longLength(tagged(0x41, rest));
const result = tagged(0x41, u8);
const objectOnly = tlvStruct({ objectId: id });
const versionInfo = struct({ appletVersion: u24, features: u16, secureBoxVersion: u16 });
const flags = [0x80, 0x40];

/** Commands whose answers may be long ask for them with extended lengths. */
const EXTENDED = { le: MAX_EXTENDED_LE } as const;
/** Commands with data go out without Le, even where an answer is expected. */
const NO_LE = { le: "absent" } as const;

/**
 * The commands of the family that are built; any other answers 6D00.
 *
 * An instruction is a kind (1 write, 2 read, 3 crypto, 4 management, 5 processing in a session) with flags (80
 * transient, 40 authentication object, 20 attested); P1 is a type of credential with flags (60 pair, 40 private, 20
 * public). SE05x command table, sections 4.1 and 4.5
 */
export const SE05X_COMMANDS = {
  /** Leaves the application: the card manager answers from then on. */
  selectCardManager: command({ name: "SelectCardManager", cla: 0x00, ins: 0xa4, p1: 0x04, p2: 0x00 }),
  select: command({
    name: "Select",
    cla: 0x00,
    ins: 0xa4,
    p1: 0x04,
    p2: 0x00,
    request: struct({ aid: bounded({ min: 1, max: 16 }) }),
    response: versionInfo,
  }),

  /** Opens a session that an authentication object will vouch for. */
  createSession: command({
    name: "CreateSession",
    ins: 0x04,
    p1: 0x00,
    p2: 0x1b,
    request: objectOnly,
    response: tlvStruct({ sessionId: longLength(tagged(0x41, fixed(8))) }),
    ...NO_LE,
  }),
  verifySessionUserId: command({
    name: "VerifySessionUserID",
    ins: 0x04,
    p1: 0x00,
    p2: 0x2c,
    request: tlvStruct({ value: tagged(0x41, bounded({ min: 4, max: 16 })) }),
    secretRequest: ["value"],
    ...NO_LE,
  }),
  closeSession: command({ name: "CloseSession", ins: 0x04, p1: 0x00, p2: 0x1c, ...NO_LE }),
  /** Carries a command into a session; the answer is the inner answer. */
  processSession: command({
    name: "ProcessSessionCmd",
    ins: 0x05,
    p1: 0x00,
    p2: 0x00,
    request: tlvStruct({ sessionId: tagged(0x10, fixed(8)), command: tagged(0x41, bounded({ min: 4, max: 0xffff })) }),
    response: struct({ answer: rest }),
    // The inner command is traced in its own right, its secrets left out.
    secretRequest: ["command"],
    secretResponse: ["answer"],
    ...NO_LE,
  }),

  writeEcKey: flagged(
    command({
      name: "WriteECKey",
      ins: 0x01,
      p1: credential(0x01),
      p2: 0x00,
      request: tlvStruct({
        policy,
        maxAttempts,
        objectId: id,
        curve: optionalTag(0x42, u8),
        privateKey: optionalTag(0x43, bounded({ min: 1, max: 66 })),
        publicKey: optionalTag(0x44, bounded({ min: 1, max: 133 })),
        version,
      }),
      secretRequest: ["privateKey"],
      ...NO_LE,
    }),
    flags,
  ),
  /** `kind` 03 is AES, 05 HMAC. */
  writeSymmKey: flagged(
    command({
      name: "WriteSymmKey",
      ins: 0x01,
      p1: oneOf("kind", 0x03, 0x05),
      p2: 0x00,
      request: tlvStruct({
        policy,
        maxAttempts,
        objectId: id,
        kekId: optionalTag(0x42, u32),
        value: tagged(0x43, bounded({ min: 1, max: 256 })),
        minOutputLength: optionalTag(0x45, u16),
        version,
      }),
      secretRequest: ["value"],
      ...NO_LE,
    }),
    flags,
  ),
  writeBinary: flagged(
    command({
      name: "WriteBinary",
      ins: 0x01,
      p1: 0x06,
      p2: 0x00,
      request: tlvStruct({
        policy,
        objectId: id,
        offset: optionalTag(0x42, u16),
        length: optionalTag(0x43, u16),
        data: optionalTag(0x44, rest),
        version,
      }),
      ...NO_LE,
    }),
    flags,
  ),
  writeUserId: flagged(
    command({
      name: "WriteUserID",
      ins: 0x01,
      p1: 0x07,
      p2: 0x00,
      request: tlvStruct({ policy, maxAttempts, objectId: id, value: tagged(0x42, bounded({ min: 4, max: 16 })) }),
      secretRequest: ["value"],
      unverified: true,
      ...NO_LE,
    }),
    flags,
  ),
  /** Makes a counter of `size` bytes, sets it to a greater value, or adds one where neither is given. */
  writeCounter: flagged(
    command({
      name: "WriteCounter",
      ins: 0x01,
      p1: 0x08,
      p2: 0x00,
      request: tlvStruct({ policy, objectId: id, size: optionalTag(0x42, u16), value: optionalTag(0x43, u64) }),
      unverified: true,
      ...NO_LE,
    }),
    flags,
  ),

  readObject: command({
    name: "ReadObject",
    ins: 0x02,
    p1: 0x00,
    p2: 0x00,
    request: tlvStruct({ objectId: id, offset: optionalTag(0x42, u16), length: optionalTag(0x43, u16) }),
    response: tlvStruct({ bytes: bytesAnswer }),
    ...EXTENDED,
  }),
  readType: command({
    name: "ReadType",
    ins: 0x02,
    p1: 0x00,
    p2: 0x26,
    request: objectOnly,
    response: tlvStruct({ type: result, memory: tagged(0x42, u8) }),
    ...NO_LE,
  }),
  readSize: command({
    name: "ReadSize",
    ins: 0x02,
    p1: 0x00,
    p2: 0x07,
    request: objectOnly,
    response: tlvStruct({ size: tagged(0x41, u16) }),
    ...NO_LE,
  }),
  /** `more` 01 says that the list is complete, 02 that it goes on. */
  readIdList: command({
    name: "ReadIDList",
    ins: 0x02,
    p1: 0x00,
    p2: 0x25,
    request: tlvStruct({ offset: tagged(0x41, u16), filter: tagged(0x42, u8) }),
    response: tlvStruct({ more: result, ids: longLength(tagged(0x42, rest)) }),
    ...EXTENDED,
  }),
  readCurveList: command({
    name: "ReadECCurveList",
    ins: 0x02,
    p1: 0x0b,
    p2: 0x25,
    response: tlvStruct({ curves: bytesAnswer }),
  }),
  curveOfKey: command({
    name: "GetECCurveId",
    ins: 0x02,
    p1: 0x0b,
    p2: 0x36,
    request: objectOnly,
    response: tlvStruct({ curve: result }),
    ...NO_LE,
  }),
  readState: command({
    name: "ReadState",
    ins: 0x02,
    p1: 0x00,
    p2: 0x5b,
    response: tlvStruct({ state: bytesAnswer }),
  }),

  sign: command({
    name: "ECDSASign",
    ins: 0x03,
    p1: 0x0c,
    p2: 0x09,
    request: tlvStruct({ objectId: id, algorithm: tagged(0x42, u8), digest: tagged(0x43, bounded({ max: 64 })) }),
    response: tlvStruct({ signature: bytesAnswer }),
    ...NO_LE,
  }),
  verify: command({
    name: "ECDSAVerify",
    ins: 0x03,
    p1: 0x0c,
    p2: 0x0a,
    request: tlvStruct({
      objectId: id,
      algorithm: tagged(0x42, u8),
      digest: tagged(0x43, bounded({ max: 64 })),
      signature: tagged(0x45, rest),
    }),
    response: tlvStruct({ result }),
    ...NO_LE,
  }),
  agree: command({
    name: "ECDHGenerateSharedSecret",
    ins: 0x03,
    p1: 0x01,
    p2: 0x0f,
    request: tlvStruct({ objectId: id, peerPoint: tagged(0x42, bounded({ max: 133 })) }),
    response: tlvStruct({ sharedSecret: bytesAnswer }),
    secretResponse: ["sharedSecret"],
    ...EXTENDED,
  }),
  /** `direction` 37 encrypts, 38 decrypts. */
  cipher: command({
    name: "CipherOneShot",
    ins: 0x03,
    p1: 0x0e,
    p2: oneOf("direction", 0x37, 0x38),
    request: tlvStruct({
      objectId: id,
      mode: tagged(0x42, u8),
      input: tagged(0x43, rest),
      iv: optionalTag(0x44, rest),
    }),
    response: tlvStruct({ output: bytesAnswer }),
    secretRequest: ["input"],
    secretResponse: ["output"],
    ...EXTENDED,
  }),
  mac: command({
    name: "MACOneShotGenerate",
    ins: 0x03,
    p1: 0x0d,
    p2: 0x45,
    request: tlvStruct({ objectId: id, algorithm: tagged(0x42, u8), input: tagged(0x43, rest) }),
    response: tlvStruct({ mac: bytesAnswer }),
    ...NO_LE,
  }),
  verifyMac: command({
    name: "MACOneShotValidate",
    ins: 0x03,
    p1: 0x0d,
    p2: 0x46,
    request: tlvStruct({
      objectId: id,
      algorithm: tagged(0x42, u8),
      input: tagged(0x43, rest),
      mac: tagged(0x45, rest),
    }),
    response: tlvStruct({ result }),
    unverified: true,
    ...NO_LE,
  }),
  digest: command({
    name: "DigestOneShot",
    ins: 0x03,
    p1: 0x00,
    p2: 0x0e,
    request: tlvStruct({ algorithm: tagged(0x41, u8), input: tagged(0x42, rest) }),
    response: tlvStruct({ digest: bytesAnswer }),
    ...NO_LE,
  }),
  hkdf: command({
    name: "HKDF",
    ins: 0x03,
    p1: 0x00,
    p2: 0x2d,
    request: tlvStruct({
      objectId: id,
      algorithm: tagged(0x42, u8),
      salt: optionalTag(0x43, rest),
      info: optionalTag(0x44, rest),
      length: tagged(0x45, u16),
    }),
    response: tlvStruct({ derived: bytesAnswer }),
    secretResponse: ["derived"],
    ...EXTENDED,
  }),

  tlsRandom: command({
    name: "TLSGenerateRandom",
    ins: 0x03,
    p1: 0x0f,
    p2: 0x49,
    response: tlvStruct({ random: longLength(tagged(0x41, fixed(32))) }),
    unverified: true,
  }),
  /** The premaster secret goes into the HMAC key `targetId`: of a PSK, of a key agreement, or of both. */
  tlsPremaster: command({
    name: "TLSCalculatePreMasterSecret",
    ins: 0x03,
    p1: 0x0f,
    p2: 0x4a,
    request: tlvStruct({
      pskId: optionalTag(0x41, u32),
      keyPairId: optionalTag(0x42, u32),
      targetId: tagged(0x43, u32),
      peerPoint: optionalTag(0x44, bounded({ max: 133 })),
    }),
    unverified: true,
    ...NO_LE,
  }),
  /** `phase` says what `random` is: 4B and 4D the client's, 4C and 4E the server's. */
  tlsPrf: command({
    name: "TLSPerformPRF",
    ins: 0x03,
    p1: 0x0f,
    p2: oneOf("phase", 0x4b, 0x4c, 0x4d, 0x4e),
    request: tlvStruct({
      objectId: id,
      algorithm: tagged(0x42, u8),
      label: tagged(0x43, bounded({ max: 64 })),
      random: tagged(0x44, fixed(32)),
      length: tagged(0x45, u16),
    }),
    response: tlvStruct({ output: bytesAnswer }),
    secretResponse: ["output"],
    unverified: true,
    ...EXTENDED,
  }),

  getVersion: command({
    name: "GetVersion",
    ins: 0x04,
    p1: 0x00,
    p2: 0x20,
    response: tlvStruct({ info: longLength(tagged(0x41, versionInfo)) }),
  }),
  getTimestamp: command({
    name: "GetTimestamp",
    ins: 0x04,
    p1: 0x00,
    p2: 0x3d,
    response: tlvStruct({ timestamp: longLength(tagged(0x41, fixed(12))) }),
  }),
  /** `memory` 1 persistent, 2 transient until reset, 3 transient until deselection. */
  getFreeMemory: command({
    name: "GetFreeMemory",
    ins: 0x04,
    p1: 0x00,
    p2: 0x22,
    request: tlvStruct({ memory: tagged(0x41, u8) }),
    response: tlvStruct({ bytes: tagged(0x41, u16) }),
    ...NO_LE,
  }),
  random: command({
    name: "GetRandom",
    ins: 0x04,
    p1: 0x00,
    p2: 0x49,
    request: tlvStruct({ length: tagged(0x41, u16) }),
    response: tlvStruct({ bytes: bytesAnswer }),
    ...EXTENDED,
  }),
  exists: command({
    name: "CheckObjectExists",
    ins: 0x04,
    p1: 0x00,
    p2: 0x27,
    request: objectOnly,
    response: tlvStruct({ result }),
    ...NO_LE,
  }),
  deleteObject: command({
    name: "DeleteSecureObject",
    ins: 0x04,
    p1: 0x00,
    p2: 0x28,
    request: objectOnly,
    ...NO_LE,
  }),
} as const;

export type Se05xCommands = typeof SE05X_COMMANDS;
export type Se05xCommandName = keyof Se05xCommands;
export type Se05xRequest<Key extends Se05xCommandName> = RequestOf<Se05xCommands[Key]>;
export type Se05xResponse<Key extends Se05xCommandName> = ResponseOf<Se05xCommands[Key]>;

/** The table, ready to recognise and to build commands. */
export const SE05X_COMMAND_SET = new CommandSet(SE05X_COMMANDS, { extendedLengths: true });

/** P1 of a key: a type of credential, and in `part` which halves are meant. */
function credential(type: number): Codec<{ readonly part: number }> {
  return {
    write: (w, { part }) => void w.u8(type | part),
    read(r) {
      const at = r.at;
      const byte = r.u8();
      const part = byte & ~0x1f;
      if ((byte & 0x1f) !== type || part > 0x60)
        throw new DecodeError("value", `credential 0x${byte.toString(16)}`, at);
      return { part };
    },
  };
}

/** A byte that must be one of these. */
function oneOf<Name extends string>(name: Name, ...allowed: readonly number[]): Codec<Readonly<Record<Name, number>>> {
  return {
    write: (w, value) => void w.u8(value[name]),
    read(r) {
      const at = r.at;
      const byte = r.u8();
      if (!allowed.includes(byte)) throw new DecodeError("value", `${name} 0x${byte.toString(16)}`, at);
      return { [name]: byte } as Readonly<Record<Name, number>>;
    },
  };
}
