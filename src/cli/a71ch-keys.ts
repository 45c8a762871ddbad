import { nodeBlockCipher } from "../apdu/node.ts";
import { wrapKey } from "../apdu/index.ts";
import { HawserError, toHex, toPem } from "../codec/index.ts";
import { ecPublicKeyInfo } from "../crypto/index.ts";
import { encodeReferenceKey, REFERENCE_KEY_CLASS, type ReferenceKeyClass } from "../host/a71ch/index.ts";
import { toolError } from "./a71ch-errors.ts";
import { readKeyPair, readPairFile, readPublicPoint, writeOutput } from "./a71ch-files.ts";
import type { A71chFormName, A71chGiven } from "./a71ch-grammar.ts";
import type { ToolSession } from "./a71ch-session.ts";

/** What a command does. */
export type A71chHandler<Name extends A71chFormName> = (tool: ToolSession, given: A71chGiven<Name>) => Promise<void>;

/** What several commands do. */
export type A71chHandlersOf<Name extends A71chFormName> = { readonly [Key in Name]: A71chHandler<Key> };

/** Commands that make, set, read, freeze and erase keys, secrets and counters. A71CH Configure tool */
export const keyHandlers: A71chHandlersOf<
  | "gen pair"
  | "set pair"
  | "set pub"
  | "set sym"
  | "set cfg"
  | "set cnt"
  | "get pub"
  | "refpem"
  | "erase pair"
  | "erase pub"
  | "erase sym"
  | "erase cnt"
  | "lock pair"
  | "lock pub"
> = {
  "gen pair": async (tool, { index }) => {
    await tool.chip.send("generateKeyPair", { slot: index });
    const publicKey = await publicHalf(tool, index);
    done(tool, { index, publicKey }, `generated key pair ${index}: ${publicKey ?? "its public key was not read"}`);
  },
  "set pair": async (tool, { index, keyFile, publicKey, privateKey, wrappingKey }) => {
    const { scalar, point } =
      keyFile === undefined ? { scalar: given(privateKey), point: given(publicKey) } : readKeyPair(keyFile);
    const key = wrapped(tool, scalar, { wrappingKey, isFromFile: keyFile !== undefined });
    if (!key) return;
    checkLength(key, 32, 40);
    if (key.length === 32) await tool.chip.send("setKeyPair", { slot: index, scalar: key, point });
    else await tool.chip.send("setWrappedKeyPair", { slot: index, wrappedScalar: key, point });
    const text = `injected key pair ${index}; the private key is not shown\n  public key: ${toHex(point)}`;
    done(tool, { index, publicKey: toHex(point), wrapped: key.length > 32 }, text);
  },
  "set pub": async (tool, { index, keyFile, publicKey, wrappingKey }) => {
    const point = keyFile === undefined ? given(publicKey) : readPublicPoint(keyFile);
    // The chip adds the first byte, which is 04 for all, itself.
    const plain = wrappingKey && point.length === 65 ? point.subarray(1) : point;
    const key = wrapped(tool, plain, { wrappingKey, isFromFile: keyFile !== undefined });
    if (!key) return;
    checkLength(key, 65, 72);
    if (key.length === 65) await tool.chip.send("setPublicKey", { slot: index, point: key });
    else await tool.chip.send("setWrappedPublicKey", { slot: index, wrappedPoint: key });
    const fields = { index, publicKey: toHex(point), wrapped: key.length > 65 };
    done(tool, fields, `set public key ${index}: ${toHex(point)}`);
  },
  "set sym": async (tool, { index, secret, wrappingKey }) => {
    const key = wrapped(tool, secret, { wrappingKey }) ?? secret;
    checkLength(key, 16, 24);
    if (key.length === 16) await tool.chip.send("setSecret", { slot: index, key });
    else await tool.chip.send("setWrappedSecret", { slot: index, wrappedKey: key });
    done(tool, { index, wrapped: key.length > 16 }, `set symmetric secret ${index}; it is not shown`);
  },
  "set cfg": async (tool, { index, secret, wrappingKey }) => {
    const key = wrapped(tool, secret, { wrappingKey }) ?? secret;
    checkLength(key, 16, 24);
    if (key.length === 16) await tool.chip.send("setConfigKey", { slot: index, key });
    else await tool.chip.send("setWrappedConfigKey", { slot: index, wrappedKey: key });
    done(tool, { index, wrapped: key.length > 16 }, `set configuration key ${index}; it is not shown`);
  },
  "set cnt": async (tool, { index, value }) => {
    const number = value.reduce((sum, byte) => sum * 256 + byte, 0);
    await tool.chip.send("setCounter", { slot: index, value: number });
    done(tool, { index, value: number }, `set counter ${index} to ${number}`);
  },
  "get pub": async (tool, { keyClass, index, keyFile }) => {
    const point = await pointOf(tool, keyClass, index);
    writeOutput(keyFile, toPem("PUBLIC KEY", ecPublicKeyInfo(point)), "tool-data-write");
    done(tool, { index, publicKey: toHex(point), file: keyFile }, `wrote the public key to ${keyFile}`);
  },
  refpem: async (tool, { keyClass, index, keyFile, referenceFile }) => {
    const isPair = keyClass === REFERENCE_KEY_CLASS.keyPair;
    const fromFile = (path: string) => (isPair ? readPairFile(path).point : readPublicPoint(path));
    const point = keyFile === undefined ? await referredPoint(tool, keyClass, index) : fromFile(keyFile);
    // A class that no program knows can be written, too: the grammar has warned of it.
    const reference = { keyClass: keyClass as ReferenceKeyClass, index };
    writeOutput(referenceFile, encodeReferenceKey(reference, point), "tool-file-write");
    const what = isPair ? "key pair" : "public key";
    done(
      tool,
      { index, keyClass, publicKey: toHex(point), file: referenceFile },
      `wrote a reference to ${what} ${index} to ${referenceFile}\n  public key, 65 bytes: ${toHex(point)}`,
    );
  },
  "erase pair": (tool, { index }) => change(tool, index, "eraseKeyPair", "erased key pair"),
  "erase pub": (tool, { index }) => change(tool, index, "erasePublicKey", "erased public key"),
  "erase sym": (tool, { index }) => change(tool, index, "eraseSecret", "erased symmetric secret"),
  "erase cnt": (tool, { index }) => change(tool, index, "eraseCounter", "set back counter"),
  "lock pair": (tool, { index }) => change(tool, index, "freezeKeyPair", "froze key pair"),
  "lock pub": (tool, { index }) => change(tool, index, "freezePublicKey", "froze public key"),
};

/** The public half of a pair that was generated: without it the command has been carried out all the same. */
async function publicHalf(tool: ToolSession, slot: number): Promise<string | null> {
  try {
    return toHex((await tool.chip.send("readKeyPairPoint", { slot })).point);
  } catch (error) {
    if (!(error instanceof HawserError)) throw error;
    tool.output.warn(`key pair ${slot} was generated, but its public key cannot be read: ${error.message}`);
    return null;
  }
}

/** The point that a reference is made of. Throws `tool-no-reference` where there is no chip that gives one. */
async function referredPoint(tool: ToolSession, keyClass: number, index: number): Promise<Uint8Array> {
  try {
    const isKnown = Object.values<number>(REFERENCE_KEY_CLASS).includes(keyClass);
    if (!isKnown) throw toolError("tool-range", `no keys have the class ${keyClass.toString(16)}`);
    return await pointOf(tool, keyClass, index);
  } catch (cause) {
    if (!(cause instanceof HawserError)) throw cause;
    throw toolError("tool-no-reference", `there is no key to refer to: ${cause.message}`, { cause });
  }
}

/** Tells that a command is done. */
export function done(tool: ToolSession, fields: Readonly<Record<string, unknown>>, text: string): void {
  tool.output.line({ event: "done", ...fields }, text);
}

async function change(
  tool: ToolSession,
  slot: number,
  command: "eraseKeyPair" | "erasePublicKey" | "eraseSecret" | "eraseCounter" | "freezeKeyPair" | "freezePublicKey",
  text: string,
): Promise<void> {
  await tool.chip.send(command, { slot });
  done(tool, { index: slot }, `${text} ${slot}`);
}

async function pointOf(tool: ToolSession, keyClass: number, slot: number): Promise<Uint8Array> {
  const command = keyClass === REFERENCE_KEY_CLASS.keyPair ? "readKeyPairPoint" : "readPublicKey";
  return (await tool.chip.send(command, { slot })).point;
}

type Wrapping = { readonly wrappingKey: Uint8Array | undefined; readonly isFromFile?: boolean };

/**
 * A key under a wrapping key, where one is given. Throws `tool-wrap` where that is impossible; undefined, with a warning,
 * for a key from a file: there the original tool ends well, with nothing done. RFC 3394, section 2.2.1
 */
function wrapped(tool: ToolSession, key: Uint8Array, { wrappingKey, isFromFile }: Wrapping): Uint8Array | undefined {
  if (!wrappingKey) return key;
  if ([16, 24, 32].includes(wrappingKey.length) && key.length % 8 === 0) {
    return wrapKey(nodeBlockCipher, wrappingKey, key);
  }
  const reason = `${key.length} bytes cannot be wrapped with a key of ${wrappingKey.length}`;
  if (!isFromFile) throw toolError("tool-wrap", reason);
  tool.output.warn(`nothing was set: ${reason}; give -w with 16, 24 or 32 bytes (32, 48 or 64 hex digits)`);
  return undefined;
}

/** Throws `tool-key-length` where the key has neither of the chip's lengths. */
function checkLength(key: Uint8Array, plain: number, wrappedLength: number): void {
  if (key.length === plain || key.length === wrappedLength) return;
  throw toolError("tool-key-length", `${key.length} bytes are neither ${plain} nor, wrapped, ${wrappedLength}`);
}

/** The grammar gives one of two alternatives whole. */
function given(value: Uint8Array | undefined): Uint8Array {
  if (!value) throw toolError("tool-count", "a key is missing");
  return value;
}
