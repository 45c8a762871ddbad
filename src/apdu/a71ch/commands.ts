/** @table The A71CH data sheet. */
import { fixed, rest, struct, u16, u8, utf8Bytes } from "../../codec/index.ts";
import { CommandSet } from "../command-set.ts";
import { command, type RequestOf, type ResponseOf } from "../command.ts";
import { allButLast, bounded, joined, nibbles, unusedByte } from "../fields.ts";

/** The application identifier: five ASCII letters. A71CH APDU table */
export const A71CH_AID = utf8Bytes("a71ch");

const slot = struct({ slot: u8 });
const offset = struct({ offset: u16 });
const digest = fixed(32);
const point = fixed(65);

/**
 * The commands of the A71CH that are built, one row each; anything else answers 6D00.
 *
 * An instruction is a class nibble (1 key pair, 2 public key, 7 general purpose storage, 9 module) and an action
 * nibble (1 get, 2 set, 3 freeze, 4 erase, 5 and up special). Points are uncompressed, on P-256. A71CH APDU table
 */
export const A71CH_COMMANDS = {
  /** Leaves the application: the platform's card manager answers from then on. */
  selectCardManager: command({ name: "SelectCardManager", cla: 0x00, ins: 0xa4, p1: 0x04, p2: 0x00 }),
  /** Selects the application; the versions are binary coded decimals. */
  select: command({
    name: "Select",
    cla: 0x00,
    ins: 0xa4,
    p1: 0x04,
    p2: 0x00,
    request: struct({ aid: bounded({ min: 1, max: 16 }) }),
    response: struct({ appletVersion: u16, secureBoxVersion: u16 }),
  }),

  readKeyPairPoint: command({
    name: "ReadKeyPairPoint",
    ins: 0x11,
    p1: slot,
    p2: 0x00,
    response: struct({ point }),
  }),
  generateKeyPair: command({ name: "GenerateKeyPair", ins: 0x12, p1: slot, p2: 0x00 }),
  /** Injects a plain key pair. */
  setKeyPair: command({
    name: "SetKeyPair",
    ins: 0x12,
    p1: slot,
    p2: 0x00,
    request: struct({ scalar: fixed(32), point }),
    secretRequest: ["scalar"],
  }),
  freezeKeyPair: command({ name: "FreezeKeyPair", ins: 0x13, p1: slot, p2: 0x00 }),
  eraseKeyPair: command({ name: "EraseKeyPair", ins: 0x14, p1: slot, p2: 0x00 }),
  /** Signs a digest as given. The answer is DER; bytes behind its end mean nothing. */
  sign: command({
    name: "Sign",
    ins: 0x15,
    p1: slot,
    p2: 0x00,
    request: struct({ digest }),
    response: struct({ signature: rest }),
  }),
  /** Elliptic curve Diffie-Hellman with a stored key: the shared X coordinate. */
  agree: command({
    name: "Agree",
    ins: 0x17,
    p1: slot,
    p2: 0x00,
    request: struct({ peerPoint: point }),
    response: struct({ sharedSecret: fixed(32) }),
    secretResponse: ["sharedSecret"],
  }),

  readPublicKey: command({ name: "ReadPublicKey", ins: 0x21, p1: slot, p2: 0x00, response: struct({ point }) }),
  setPublicKey: command({ name: "SetPublicKey", ins: 0x22, p1: slot, p2: 0x00, request: struct({ point }) }),
  freezePublicKey: command({ name: "FreezePublicKey", ins: 0x23, p1: slot, p2: 0x00 }),
  erasePublicKey: command({ name: "ErasePublicKey", ins: 0x24, p1: slot, p2: 0x00 }),
  /** Checks a signature over a digest with a stored public key; `result` is 1 for right, 2 for wrong. */
  verify: command({
    name: "Verify",
    ins: 0x25,
    p1: slot,
    p2: 0x02,
    request: struct({ digest, signature: rest }),
    response: struct({ result: u8 }),
  }),
  /** The same with a public key that comes along. */
  verifyWithKey: command({
    name: "VerifyWithKey",
    ins: 0x25,
    p1: 0x00,
    p2: 0x01,
    request: struct({ digest, signature: allButLast(65), point }),
    response: struct({ result: u8 }),
  }),

  readStorage: command({
    name: "ReadStorage",
    ins: 0x71,
    p1p2: offset,
    request: struct({ length: u16 }),
    response: struct({ bytes: rest }),
    malformed: 0x6a80,
  }),
  writeStorage: command({
    name: "WriteStorage",
    ins: 0x72,
    p1p2: offset,
    request: struct({ bytes: bounded({ min: 1, max: 255 }) }),
  }),
  /** Freezes whole segments: offset and length are multiples of 32. */
  freezeStorage: command({
    name: "FreezeStorage",
    ins: 0x73,
    p1p2: offset,
    request: struct({ length: u16 }),
    malformed: 0x6a80,
  }),

  readUniqueId: command({
    name: "ReadUniqueId",
    ins: 0x91,
    p1: 0x00,
    p2: 0x01,
    response: struct({ uniqueId: fixed(18) }),
  }),
  /** Free memory: `kind` 0 is persistent, 1 transient. */
  readFreeMemory: command({
    name: "ReadFreeMemory",
    ins: 0x91,
    p1: struct({ kind: u8 }),
    p2: 0x02,
    response: struct({ freeBytes: u16 }),
  }),
  /** Life cycle and locks; `objects.ts` names the values. */
  readModuleInfo: command({
    name: "ReadModuleInfo",
    ins: 0x91,
    p1: 0x00,
    p2: 0x03,
    response: joined(
      struct({ selectResponse: u16 }),
      nibbles("restrictedKeyPair", "transportLock"),
      nibbles("secureChannel", "injectLock"),
      struct({ storageBytes: u16 }),
    ),
  }),
  readCredentialMap: command({
    name: "ReadCredentialMap",
    ins: 0x91,
    p1: 0x00,
    p2: 0x04,
    response: struct({ map: rest }),
  }),
  /** Wipes everything; possible as long as debug mode is. */
  debugReset: command({ name: "DebugReset", ins: 0x94, p1: 0x00, p2: 0xea }),
  random: command({
    name: "Random",
    ins: 0x95,
    p1: 0x00,
    p2: struct({ length: u8 }),
    response: struct({ bytes: rest }),
  }),
  /** Gives back what it was sent. */
  reflect: command({
    name: "Reflect",
    ins: 0xfe,
    p1: unusedByte,
    p2: unusedByte,
    request: struct({ bytes: rest }),
    response: struct({ bytes: rest }),
  }),
} as const;

/** The table's type. */
export type A71chCommands = typeof A71CH_COMMANDS;

/** A command of the table by its key. */
export type A71chCommandName = keyof A71chCommands;

/** The fields that a command is called with. */
export type A71chRequest<Key extends A71chCommandName> = RequestOf<A71chCommands[Key]>;

/** The fields of a command's answer. */
export type A71chResponse<Key extends A71chCommandName> = ResponseOf<A71chCommands[Key]>;

/** The table, ready to recognise and to build commands. */
export const A71CH_COMMAND_SET = new CommandSet(A71CH_COMMANDS);
