/** @table The A71CH data sheet. */
import { fixed, opaque, rest, struct, u16, u32, u8, utf8Bytes } from "../../codec/index.ts";
import { CommandSet } from "../command-set.ts";
import { command, type RequestOf, type ResponseOf } from "../command.ts";
import { allButLast, bounded, joined, nibbles, unusedByte } from "../fields.ts";
import { scp03KeyField } from "../scp03-key-field.ts";
import { SECURE_CLASS, SECURITY_LEVEL } from "../scp03.ts";

/** The application identifier: five ASCII letters. A71CH APDU table */
export const A71CH_AID = utf8Bytes("a71ch");

const slot = struct({ slot: u8 });
const offset = struct({ offset: u16 });
const digest = fixed(32);
const point = fixed(65);
const key = fixed(16);
const code = struct({ code: fixed(16) });
/** A key of 16 bytes, wrapped. RFC 3394, section 2.2.1 */
const wrappedKey = fixed(24);
/** One to four symmetric secrets side by side, taken as one, from `slot` on. */
const secrets = nibbles("blocks", "slot");
const masterSecret = struct({ masterSecret: fixed(48) });
const serverRandom = fixed(32);
const some = struct({ bytes: rest });
const digestAnswer = struct({ digest });
const macAnswer = struct({ mac: fixed(32) });

/**
 * The commands of the A71CH, one row each; anything else answers 6D00.
 *
 * An instruction is a class nibble (1 key pair, 2 public key, 3 configuration key, 4 symmetric secret, 6 counter,
 * 7 general purpose storage, 9 module) and an action nibble (1 get, 2 set, 3 freeze, 4 erase, 5 and up special).
 * Points are uncompressed, on P-256. A code is a challenge decrypted with a configuration key. A71CH APDU table
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
  /** How often a restricted key pair was used and may be, a byte each, 0 for no limit; nothing for other key pairs. */
  readKeyPairUsage: command({
    name: "ReadKeyPairUsage",
    ins: 0x11,
    p1: slot,
    p2: 0x01,
    response: struct({ usage: rest }),
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
  /** Injects a key pair whose private key is wrapped with configuration key 1. */
  setWrappedKeyPair: command({
    name: "SetWrappedKeyPair",
    ins: 0x12,
    p1: slot,
    p2: 0x00,
    request: struct({ wrappedScalar: fixed(40), point }),
    secretRequest: ["wrappedScalar"],
  }),
  generateKeyPairByCode: command({ name: "GenerateKeyPairByCode", ins: 0x12, p1: slot, p2: 0x10, request: code }),
  freezeKeyPair: command({ name: "FreezeKeyPair", ins: 0x13, p1: slot, p2: 0x00 }),
  eraseKeyPair: command({ name: "EraseKeyPair", ins: 0x14, p1: slot, p2: 0x00 }),
  freezeKeyPairByCode: command({
    name: "FreezeKeyPairByCode",
    ins: 0x13,
    p1: slot,
    p2: 0x10,
    request: code,
  }),
  eraseKeyPairByCode: command({ name: "EraseKeyPairByCode", ins: 0x14, p1: slot, p2: 0x10, request: code }),
  /** Signs a digest as given. The answer is DER; bytes behind its end mean nothing. */
  sign: command({
    name: "Sign",
    ins: 0x15,
    p1: slot,
    p2: 0x00,
    request: struct({ digest }),
    response: struct({ signature: rest }),
  }),
  /**
   * What a restricted key pair does in place of signing digests: it puts bytes into its certificate in storage and signs
   * that, `uses` times so far. An update of 32 bytes has the form of `sign`, and its answer one byte.
   */
  signRestricted: command({
    name: "SignRestricted",
    ins: 0x15,
    p1: slot,
    p2: 0x00,
    request: struct({ update: bounded({ min: 1, max: 255 }) }),
    response: struct({ uses: u8 }),
  }),
  /**
   * The master secret of TLS 1.2 with ECDHE_PSK: key agreement with a stored key, then a stored secret. The command
   * directly before it must have been `clientHelloRandom`. RFC 5489, section 2
   */
  deriveEcdhPskMasterSecret: command({
    name: "DeriveEcdhPskMasterSecret",
    ins: 0x16,
    p1: struct({ keyPair: u8 }),
    p2: secrets,
    request: struct({ peerPoint: point, serverRandom }),
    response: masterSecret,
    secretResponse: ["masterSecret"],
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
  /** Stores a public key that is wrapped, without its first byte, with configuration key 2. */
  setWrappedPublicKey: command({
    name: "SetWrappedPublicKey",
    ins: 0x22,
    p1: slot,
    p2: 0x00,
    request: struct({ wrappedPoint: fixed(72) }),
  }),
  freezePublicKey: command({ name: "FreezePublicKey", ins: 0x23, p1: slot, p2: 0x00 }),
  erasePublicKey: command({ name: "ErasePublicKey", ins: 0x24, p1: slot, p2: 0x00 }),
  freezePublicKeyByCode: command({
    name: "FreezePublicKeyByCode",
    ins: 0x23,
    p1: slot,
    p2: 0x10,
    request: code,
  }),
  erasePublicKeyByCode: command({ name: "ErasePublicKeyByCode", ins: 0x24, p1: slot, p2: 0x10, request: code }),
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

  setConfigKey: command({
    name: "SetConfigKey",
    ins: 0x32,
    p1: slot,
    p2: 0x01,
    request: struct({ key }),
    secretRequest: ["key"],
  }),
  /** Replaces a configuration key by one that is wrapped with its present value. */
  setWrappedConfigKey: command({
    name: "SetWrappedConfigKey",
    ins: 0x32,
    p1: slot,
    p2: 0x02,
    request: struct({ wrappedKey }),
    secretRequest: ["wrappedKey"],
  }),

  setSecret: command({
    name: "SetSecret",
    ins: 0x42,
    p1: slot,
    p2: 0x01,
    request: struct({ key }),
    secretRequest: ["key"],
  }),
  /** Replaces a symmetric secret by one that is wrapped with its present value. */
  setWrappedSecret: command({
    name: "SetWrappedSecret",
    ins: 0x42,
    p1: slot,
    p2: 0x02,
    request: struct({ wrappedKey }),
    secretRequest: ["wrappedKey"],
  }),
  freezeSecret: command({ name: "FreezeSecret", ins: 0x43, p1: slot, p2: 0x00 }),
  eraseSecret: command({ name: "EraseSecret", ins: 0x44, p1: slot, p2: 0x00 }),
  freezeSecretByCode: command({
    name: "FreezeSecretByCode",
    ins: 0x43,
    p1: slot,
    p2: 0x10,
    request: code,
    unverified: true,
  }),
  eraseSecretByCode: command({
    name: "EraseSecretByCode",
    ins: 0x44,
    p1: slot,
    p2: 0x10,
    request: code,
    unverified: true,
  }),
  /** The second half of HKDF-SHA256, the secrets being the pseudo-random key. RFC 5869, section 2.3 */
  expand: command({
    name: "Expand",
    ins: 0x45,
    p1: secrets,
    p2: struct({ length: u8 }),
    request: struct({ info: opaque(1, { max: 254 }) }),
    response: struct({ derived: rest }),
    secretResponse: ["derived"],
  }),
  /** The whole of HKDF-SHA256, the secrets being the input. RFC 5869, section 2 */
  extractAndExpand: command({
    name: "ExtractAndExpand",
    ins: 0x45,
    p1: secrets,
    p2: struct({ length: u8 }),
    request: struct({ salt: opaque(1), info: opaque(1) }),
    response: struct({ derived: rest }),
    secretResponse: ["derived"],
  }),
  /** The master secret of TLS 1.2 with PSK; `clientHelloRandom` directly before it. RFC 4279, section 2 */
  derivePskMasterSecret: command({
    name: "DerivePskMasterSecret",
    ins: 0x46,
    p1: secrets,
    p2: 0x00,
    request: struct({ serverRandom }),
    response: masterSecret,
    secretResponse: ["masterSecret"],
  }),
  /** HMAC-SHA256 at once, or piece by piece; a MAC may be a key, so no trace shows it. RFC 2104, section 2 */
  hmac: command({
    name: "Hmac",
    ins: 0x47,
    p1: secrets,
    p2: 0x00,
    request: some,
    response: macAnswer,
    secretResponse: ["mac"],
  }),
  hmacStart: command({ name: "HmacStart", ins: 0x47, p1: secrets, p2: 0x01, request: some }),
  hmacUpdate: command({ name: "HmacUpdate", ins: 0x47, p1: secrets, p2: 0x02, request: some }),
  hmacFinish: command({
    name: "HmacFinish",
    ins: 0x47,
    p1: secrets,
    p2: 0x03,
    request: some,
    response: macAnswer,
    secretResponse: ["mac"],
  }),

  readCounter: command({ name: "ReadCounter", ins: 0x61, p1: slot, p2: 0x00, response: struct({ value: u32 }) }),
  incrementCounter: command({ name: "IncrementCounter", ins: 0x62, p1: slot, p2: 0x00 }),
  /** Sets a counter, upward only. */
  setCounter: command({ name: "SetCounter", ins: 0x62, p1: slot, p2: 0x00, request: struct({ value: u32 }) }),
  /** Sets a counter back to zero, as long as debug mode is available. */
  eraseCounter: command({ name: "EraseCounter", ins: 0x64, p1: slot, p2: 0x00 }),

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
  /** A challenge for a code: `kind` 0 for the transport lock, 1 for key pairs, 2 for public keys. */
  readChallenge: command({
    name: "ReadChallenge",
    ins: 0x91,
    p1: struct({ kind: u8 }),
    p2: 0x05,
    response: struct({ challenge: fixed(16) }),
  }),
  /** Which key pair is restricted, and the blocks of storage that its updates go to, each an offset and a length; FF 00 for none. */
  readRestriction: command({
    name: "ReadRestriction",
    ins: 0x91,
    p1: 0x00,
    p2: 0x06,
    response: struct({ restriction: rest }),
  }),
  /** From now on keys come in wrapped or not at all; freezing and erasing them, and new key pairs, take a code. */
  lockInjection: command({ name: "LockInjection", ins: 0x92, p1: 0x00, p2: 0x01 }),
  /** From now on the chip only tells who it is, until it is unlocked for good. Needs configuration key 0. */
  lockTransport: command({ name: "LockTransport", ins: 0x92, p1: 0x00, p2: 0x02 }),
  unlockTransport: command({ name: "UnlockTransport", ins: 0x92, p1: 0x00, p2: 0x03, request: code }),
  /** The label that master secrets are derived with; "master secret" unless it is set. */
  setTlsLabel: command({
    name: "SetTlsLabel",
    ins: 0x92,
    p1: 0x00,
    p2: 0x05,
    request: struct({ label: bounded({ min: 0, max: 24 }) }),
  }),
  /** Ends debug mode for good: no debug reset and no counter reset any more. */
  endDebugMode: command({ name: "EndDebugMode", ins: 0x93, p1: 0x00, p2: 0xdd }),
  /** Wipes everything; possible as long as debug mode is. */
  debugReset: command({ name: "DebugReset", ins: 0x94, p1: 0x00, p2: 0xea }),
  random: command({
    name: "Random",
    ins: 0x95,
    p1: 0x00,
    p2: struct({ length: u8 }),
    response: struct({ bytes: rest }),
  }),
  /** The client random of a TLS 1.2 handshake, which the command directly behind it takes part in. */
  clientHelloRandom: command({
    name: "ClientHelloRandom",
    ins: 0x95,
    p1: 0x01,
    p2: 0x00,
    response: struct({ random: fixed(32) }),
  }),
  /** SHA-256 at once, or piece by piece. FIPS 180-4, section 6.2 */
  sha256: command({ name: "Sha256", ins: 0x96, p1: 0x00, p2: 0x00, request: some, response: digestAnswer }),
  sha256Start: command({ name: "Sha256Start", ins: 0x96, p1: 0x00, p2: 0x01, request: some }),
  sha256Update: command({ name: "Sha256Update", ins: 0x96, p1: 0x00, p2: 0x02, request: some }),
  sha256Finish: command({ name: "Sha256Finish", ins: 0x96, p1: 0x00, p2: 0x03, request: some, response: digestAnswer }),

  /**
   * Sets the keys of the secure channel: version, then ENC, MAC and DEK, each with its check value. Plain the first
   * time, later encrypted with the present DEK. A71CH APDU table
   */
  putKeys: command({
    name: "PutKeys",
    ins: 0xd8,
    p1: 0x00,
    p2: 0x81,
    request: struct({ version: u8, enc: scp03KeyField, mac: scp03KeyField, dek: scp03KeyField }),
    secretRequest: ["enc", "mac", "dek"],
  }),
  /** The same, which names the version of the keys that it replaces. A71CH APDU table */
  replaceKeys: command({
    name: "ReplaceKeys",
    ins: 0xd8,
    p1: struct({ replacedVersion: u8 }),
    p2: 0x81,
    request: struct({ version: u8, enc: scp03KeyField, mac: scp03KeyField, dek: scp03KeyField }),
    secretRequest: ["enc", "mac", "dek"],
  }),
  /** Opens a secure channel: challenges and the chip's proof that it has the keys. */
  initializeUpdate: command({
    name: "InitializeUpdate",
    ins: 0x50,
    p1: struct({ keyVersion: u8 }),
    p2: 0x00,
    request: struct({ hostChallenge: fixed(8) }),
    response: struct({
      diversification: fixed(10),
      keyInformation: fixed(3),
      cardChallenge: fixed(8),
      cardCryptogram: fixed(8),
    }),
  }),
  /** The host's proof; from then on the chip answers nobody outside the channel. */
  externalAuthenticate: command({
    name: "ExternalAuthenticate",
    cla: SECURE_CLASS,
    ins: 0x82,
    p1: SECURITY_LEVEL,
    p2: 0x00,
    request: struct({ hostCryptogram: fixed(8), mac: fixed(8) }),
    le: "absent",
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
