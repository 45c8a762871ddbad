import { readFileSync, writeFileSync } from "node:fs";

import { InvalidArgumentError } from "commander";

import { type PolicyEntry, RIGHT, type Right, SE05X_ORIGIN, se05xTypeName, typeOffCurve } from "../apdu/se05x/index.ts";
import { concat, fromHex, toHex } from "../codec/index.ts";
import { badOption } from "./errors.ts";
import type { Output } from "./output.ts";
import { writeSecretFile } from "./secret-file.ts";

/** A place as people write it: small numbers are slots. */
export function placeText(place: number): string {
  return place < 0x100 ? String(place) : `0x${place.toString(16).padStart(8, "0")}`;
}

/** Parses one of several words. */
export function choiceOption<Word extends string>(...words: readonly Word[]): (value: string) => Word {
  return (value) => {
    const found = words.find((word) => word === value);
    if (found === undefined) throw new InvalidArgumentError(`one of ${words.join(", ")} is needed.`);
    return found;
  };
}

/** Parses bytes in hex digits, none among them. */
export function hexOption(value: string): Uint8Array {
  if (!/^([0-9a-fA-F]{2})*$/.test(value)) throw new InvalidArgumentError("hex digits are needed, two for each byte.");
  return fromHex(value);
}

/**
 * A policy as `WHO:RIGHT+RIGHT,WHO:…`; WHO is `all` or the identifier of an authentication object in hex. Two rights
 * take something with them: `internal-sign=ID` the list of files, `require-pcr=ID/VALUE` a register and its 32 bytes.
 * Throws `InvalidArgumentError`.
 */
export function policyOption(value: string): readonly PolicyEntry[] {
  return value.split(",").map((part) => {
    const [, who, rights = ""] = /^(all|(?:0x)?[0-9a-fA-F]{1,8}):([\w+=/-]+)$/.exec(part) ?? [];
    if (who === undefined) throw new InvalidArgumentError(`'${part}' is not WHO:RIGHT+RIGHT.`);
    const authObjectId = who === "all" ? 0 : Number.parseInt(who, 16);
    const found = rights.split("+").map(rightOf);
    const bits = found.reduce((sum, { right }) => sum | RIGHT[right], 0);
    // Registers come before lists, whatever their order is here.
    const extension = ["requirePcr", "internalSign"].map(
      (name) => found.find(({ right }) => right === name)?.extension ?? new Uint8Array(0),
    );
    return { authObjectId, rights: bits >>> 0, extension: concat(...extension) };
  });
}

/** @table What two rights take with them, as people write it. SE05x policy table */
const WITH_EXTENSION: Readonly<Partial<Record<Right, RegExp>>> = {
  requirePcr: /^(?:0x)?([0-9a-fA-F]{8})\/([0-9a-fA-F]{64})$/,
  internalSign: /^(?:0x)?([0-9a-fA-F]{8})$/,
};

function rightOf(word: string): { readonly right: Right; readonly extension: Uint8Array } {
  const [name = "", given] = word.split("=", 2);
  const rights = Object.keys(RIGHT) as Right[];
  const right = rights.find((each) => wordsOf(each) === name);
  if (right === undefined) {
    throw new InvalidArgumentError(`'${name}' is not one of ${rights.map(wordsOf).join(", ")}.`);
  }
  const form = WITH_EXTENSION[right];
  const parts = form?.exec(given ?? "");
  if ((form !== undefined && !parts) || (form === undefined && given !== undefined)) {
    const forms = "internal-sign=ID and require-pcr=ID/VALUE, 8 and 64 hex digits,";
    throw new InvalidArgumentError(`'${word}' is not understood: ${forms} take something, the others nothing.`);
  }
  return { right, extension: fromHex((parts ?? []).slice(1).join("")) };
}

/** A policy in the form that `policyOption` reads. */
export function policyText(policy: readonly PolicyEntry[]): string {
  return policy.map(entryText).join(",");
}

function entryText({ authObjectId, rights, extension }: PolicyEntry): string {
  const who = authObjectId === 0 ? "all" : authObjectId.toString(16).padStart(8, "0");
  const hex = toHex(extension);
  const register = (rights & RIGHT.requirePcr) !== 0 ? 72 : 0;
  const words = (Object.keys(RIGHT) as Right[])
    .filter((right) => (rights & RIGHT[right]) !== 0)
    .map((right) => {
      if (right === "requirePcr") return `${wordsOf(right)}=${hex.slice(0, 8)}/${hex.slice(8, register)}`;
      return right === "internalSign" ? `${wordsOf(right)}=${hex.slice(register)}` : wordsOf(right);
    });
  return `${who}:${words.join("+") || "nothing"}`;
}

/** `requireSecureMessaging` as `require-secure-messaging`. */
function wordsOf(right: string): string {
  return right.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The name of a type of object, whatever the curve, or its number. */
export function typeText(type: number): string {
  return se05xTypeName(typeOffCurve(type)) ?? `type 0x${type.toString(16).padStart(2, "0")}`;
}

/** The name of an origin, or its number. */
export function originText(origin: number): string {
  return nameIn(SE05X_ORIGIN, origin) ?? `origin 0x${origin.toString(16).padStart(2, "0")}`;
}

function nameIn(table: Readonly<Record<string, number>>, value: number): string | undefined {
  return Object.keys(table).find((name) => table[name] === value);
}

/** A file's bytes, or standard input's for `-`. Throws `bad-option`. */
export function readInput(path: string): Uint8Array {
  try {
    return Uint8Array.from(readFileSync(path === "-" ? 0 : path));
  } catch (cause) {
    throw badOption(`${path} cannot be read: ${cause instanceof Error ? cause.message : "unknown reason"}`);
  }
}

/** Puts a result into a file, a secret one into one that only its owner may read, and says so, or tells it itself where no file is named. */
export function put(
  output: Output,
  {
    file,
    content,
    isSecret = false,
    text,
    ...fields
  }: { readonly file: string | undefined; readonly content: string | Uint8Array } & {
    readonly isSecret?: boolean;
    readonly text: string;
  } & Readonly<Record<string, unknown>>,
): void {
  if (file !== undefined) {
    if (isSecret) writeSecretFile(file, content);
    else writeFileSync(file, content);
    output.line({ ...fields, file }, `${text}: wrote ${file}`);
    return;
  }
  const shown = typeof content === "string" ? content.trimEnd() : Buffer.from(content).toString("hex");
  output.line({ ...fields, content: shown }, shown);
}
