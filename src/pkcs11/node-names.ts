import { accessSync, constants, readFileSync } from "node:fs";
import { dirname } from "node:path";

import { DecodeError, fromHex, toHex } from "../codec/index.ts";
import { replaceFile } from "../codec/node.ts";
import type { ObjectName, ObjectNames } from "./object-names.ts";

/** In this order in the file. IDs and subjects stand in hex. */
type Stored = {
  readonly label?: string | undefined;
  readonly id?: string | undefined;
  readonly application?: string | undefined;
  readonly subject?: string | undefined;
};

/**
 * Labels and IDs in a JSON file (mode 0600), replaced whole at each change. Throws `DecodeError` `encoding` where the
 * file is something else, and the system's error where it cannot be written: not only once a program has named something.
 */
export class NamesInFile implements ObjectNames {
  readonly #file: string;
  #names: ReadonlyMap<string, ObjectName>;

  constructor(file: string) {
    this.#file = file;
    accessSync(dirname(file), constants.W_OK);
    this.#names = new Map(Object.entries(readNames(file)).map(([key, name]) => [key, parseName(name, file)]));
  }

  nameOf(key: string): ObjectName | undefined {
    return this.#names.get(key);
  }

  rename(key: string, name: ObjectName): void {
    this.#store(new Map(this.#names).set(key, name));
  }

  forget(key: string): void {
    const names = new Map(this.#names);
    if (names.delete(key)) this.#store(names);
  }

  #store(names: ReadonlyMap<string, ObjectName>): void {
    // What is undefined is left out of the file.
    const stored = Object.fromEntries(Array.from(names, ([key, name]) => [key, storedForm(name)]));
    replaceFile(this.#file, `${JSON.stringify(stored, undefined, 2)}\n`, 0o600);
    // Only now: a name that would be gone after a restart is none.
    this.#names = names;
  }
}

function readNames(file: string): Readonly<Record<string, unknown>> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return {};
    throw error;
  }
  if (text.trim() === "") return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (cause) {
    throw new DecodeError("encoding", `${file} is not JSON`, 0, { cause });
  }
  throw malformed(file);
}

function storedForm({ label, id, application, subject }: ObjectName): Stored {
  return { label, id: id && toHex(id), application, subject: subject && toHex(subject) };
}

function parseName(value: unknown, file: string): ObjectName {
  if (typeof value !== "object" || value === null) throw malformed(file);
  const { label, id, application, subject } = value as Stored;
  for (const each of [label, id, application, subject] as readonly unknown[]) {
    if (each !== undefined && typeof each !== "string") throw malformed(file);
  }
  const bytes = (hex: string | undefined) => (hex === undefined ? undefined : fromHex(hex));
  return { label, id: bytes(id), application, subject: bytes(subject) };
}

function malformed(file: string): DecodeError {
  return new DecodeError("encoding", `${file} does not hold names of objects`, 0);
}
