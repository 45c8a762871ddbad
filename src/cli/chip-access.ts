import { readFileSync } from "node:fs";

import { InvalidArgumentError, type Command } from "commander";

import type { Scp03Keys } from "../apdu/index.ts";
import { nodeBlockCipher } from "../apdu/node.ts";
import { fromHex, Refused } from "../codec/index.ts";
import {
  nodeClock,
  nodeEntropy,
  nodeHash,
  nodeKeyAgreement,
  nodeSigner,
  nodeVerifier,
  privateKeyFromPem,
} from "../crypto/node.ts";
import { A71ch, type A71chOptions } from "../host/a71ch/index.ts";
import type { Transport } from "../host/index.ts";
import { connectChip } from "../host/node.ts";
import { Se05x, type Se05xAccess, type Se05xOptions, type SessionProof } from "../host/se05x/index.ts";
import type { Trace } from "../trace/index.ts";
import { badOption, type CliErrorCode } from "./errors.ts";

/** How to get into a chip that is not open to everybody. */
export type AccessOptions = { readonly scp03?: string; readonly session?: string };

/** Adds `--scp03` and `--session`; secrets come from files, since everybody sees command lines. */
export function withAccessOptions(command: Command): Command {
  return command
    .option(
      "--scp03 <file>",
      "open the secure channel with the keys in this file: lines ENC, MAC and DEK with hex digits",
    )
    .option(
      "--session <kind:object:file>",
      "SE05x: work in a session: userid:ID:FILE and aes:ID:FILE (hex), or ec:ID:FILE (PEM); ID in hex",
    );
}

/** The options of a chip's access alone, out of a command's. */
export function accessOf({ scp03, session }: AccessOptions): AccessOptions {
  return { ...(scp03 === undefined ? {} : { scp03 }), ...(session === undefined ? {} : { session }) };
}

/** How to reach a chip that holds a CA's key. */
export type CaChipOptions = { readonly caChip?: string; readonly caScp03?: string; readonly caSession?: string };

/** Adds `--ca-chip`, `--ca-scp03` and `--ca-session` to a command that issues with a CA whose key may be in a chip. */
export function withCaChipOptions(command: Command): Command {
  return command
    .option("--ca-chip <host:port>", "where the chip with the CA's key listens now, if not where it did")
    .option("--ca-scp03 <file>", "as --scp03, for the chip that holds the CA's key")
    .option("--ca-session <kind:object:file>", "as --session, for the chip that holds the CA's key");
}

/** A chip that a command has open already, and its address: it takes no second secure channel beside the first. */
export type OpenedChip = { readonly address: string; readonly element: A71ch | Se05x };

/**
 * Opens the chip that holds a CA's key, at its address of then or of now, or takes the one that is open there; `close`
 * ends what was opened. Throws `UsageError` `bad-option`.
 */
export async function openCaChip(
  place: string,
  options: CaChipOptions,
  { trace, opened }: { readonly trace?: Trace; readonly opened?: OpenedChip } = {},
): Promise<{ readonly element: A71ch | Se05x; readonly close: () => Promise<void> }> {
  const { caChip, caScp03, caSession } = options;
  const address = caChip ?? place;
  if (opened?.address === address) return { element: opened.element, close: async () => undefined };
  const access = {
    ...(caScp03 === undefined ? {} : { scp03: caScp03 }),
    ...(caSession === undefined ? {} : { session: caSession }),
  };
  const element = await openChipAt(address, access, trace);
  return { element, close: () => element.close() };
}

/**
 * Opens whichever family answers there, with the access that the options ask for: a chip that has no A71CH application is
 * asked for that of the SE05x. Throws `UsageError` `bad-option`.
 */
export async function openChipAt(address: string, options: AccessOptions, trace?: Trace): Promise<A71ch | Se05x> {
  return openChipWith(address, readAccess(options), trace);
}

/** What gets into a chip, read from its files. */
export type ChipAccess = { readonly keys?: Scp03Keys; readonly session?: SessionProof };

/** Reads the files that the options name, before anything is reached. Throws `UsageError` `bad-option`. */
export function readAccess({ scp03, session }: AccessOptions): ChipAccess {
  return {
    ...(scp03 === undefined ? {} : { keys: readChannelKeys(scp03) }),
    ...(session === undefined ? {} : { session: readProof(session) }),
  };
}

/** Opens whichever family answers there; it may be asked for again and again. */
export async function openChipWith(
  address: string,
  { keys, session }: ChipAccess,
  trace?: Trace,
): Promise<A71ch | Se05x> {
  const connection = await connectChip(address);
  const ports = { hash: nodeHash, clock: nodeClock, ...(trace ? { trace } : {}) };
  const channel = { aes: nodeBlockCipher, entropy: nodeEntropy };
  const access: Se05xAccess = { ...channel, ...(keys ? { platform: { keys } } : {}), ...(session ? { session } : {}) };
  try {
    return await openEither(connection, {
      a71ch: session ? undefined : { ...ports, ...(keys ? { channel: { ...channel, keys } } : {}) },
      se05x: { ...ports, access },
    });
  } catch (error) {
    // An open connection would keep the program from ending.
    await connection.close();
    if (!keys && error instanceof Refused && error.code === "status-word" && error.wire === 0x6982)
      throw needsChannel(address, error);
    throw error;
  }
}

function needsChannel(address: string, cause: Refused): Refused<CliErrorCode> {
  const message = `the chip at ${address} answers inside a secure channel only`;
  return new Refused<CliErrorCode>("chip-needs-channel", message, cause.wire, { cause });
}

async function openEither(
  connection: Transport,
  { a71ch, se05x }: { readonly a71ch: A71chOptions | undefined; readonly se05x: Se05xOptions },
): Promise<A71ch | Se05x> {
  if (!a71ch) return Se05x.open(connection, se05x);
  try {
    return await A71ch.open(connection, a71ch);
  } catch (error) {
    if (error instanceof Refused && error.wire === 0x6a82) return Se05x.open(connection, se05x);
    throw error;
  }
}

/** Parses a key slot, or the identifier of an SE05x object, for an option. */
export function placeOption(value: string): number {
  const place = /^(\d+|0x[0-9a-fA-F]{1,8})$/.test(value) ? Number(value) : Number.NaN;
  // Identifiers are eight hex digits everywhere else: such a number would name an object nobody meant.
  if (/^\d{8}$/.test(value)) throw new InvalidArgumentError(`write 0x${value} for the object of that identifier.`);
  if (!(place <= 0xffff_ffff)) throw new InvalidArgumentError("a slot, or an object identifier such as 0xf0000100.");
  return place;
}

/** The three keys of a secure channel in a file of NXP's form. */
function readChannelKeys(path: string) {
  const lines = readText(path).split("\n");
  const key = (name: string): Uint8Array => {
    const line = lines.find((each) => each.trimStart().startsWith(`${name} `));
    const bytes = hexIn(line?.trim().slice(name.length + 1) ?? "", `${path} line ${name}`);
    if (bytes.length !== 16) throw badOption(`${path} line ${name} holds ${bytes.length} bytes, not 16`);
    return bytes;
  };
  return { enc: key("ENC"), mac: key("MAC"), dek: key("DEK") };
}

function readProof(text: string): SessionProof {
  const match = /^(userid|aes|ec):(?:0x)?([0-9a-fA-F]{1,8}):(.+)$/.exec(text);
  const [, kind, id = "", path = ""] = match ?? [];
  if (!kind) throw badOption(`--session ${JSON.stringify(text)} is not KIND:OBJECT:FILE`);
  const objectId = Number.parseInt(id, 16);
  const secret = readText(path);
  if (kind === "userid") return { kind: "userId", objectId, value: hexIn(secret, path) };
  if (kind === "aes") return { kind, objectId, key: hexIn(secret, path) };
  const signer = nodeSigner(privateKeyFromPem(secret));
  return { kind: "ec", objectId, signer, agreement: nodeKeyAgreement, verifier: nodeVerifier };
}

function hexIn(text: string, where: string): Uint8Array {
  try {
    return fromHex(text.trim());
  } catch {
    // What was read may be a secret: it is not shown.
    throw badOption(`${where} does not hold hex digits`);
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw badOption(`${path} cannot be read: ${cause instanceof Error ? cause.message : "unknown reason"}`);
  }
}
