import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";

import { DecodeError, fromHex, toHex, UsageError, utf8Bytes } from "../codec/index.ts";
import type { Entropy } from "../crypto/index.ts";
import { nodeAead, nodeEntropy } from "../crypto/node.ts";
import type { ChipErrorCode } from "./errors.ts";
import type { NonVolatileMemory } from "./ports.ts";
import { openImage, readCounter, sealImage, STATE_KEY_LENGTH } from "./sealed-image.ts";

/** The few things a sealed file asks of a disk, so that a test can pull the plug between any two of them. */
export interface StateDisk {
  /** A file's bytes, or undefined where there is none. */
  read(path: string): Uint8Array | undefined;
  /** A file's permission bits. */
  mode(path: string): number;
  /** Makes a file that only its owner may read, in a folder likewise; returns when the bytes are on the disk. */
  write(path: string, bytes: Uint8Array): void;
  /** Replaces `to` by `from`; returns when that is on the disk. */
  replace(from: string, to: string): void;
}

export type SealedFileOptions = {
  readonly file: string;
  /** 32 bytes that seal the file; where absent they are kept in a file of their own beside it, made on first use. */
  readonly key?: Uint8Array;
  /** Where that key is kept; FILE.key where absent. */
  readonly keyFile?: string;
  readonly disk?: StateDisk;
  /** For nonces: never a seeded one, since a nonce must not come twice under one key. */
  readonly entropy?: Entropy;
};

/**
 * A chip's memory as one sealed file that is replaced as a whole at every change: a power cut leaves the old contents
 * or the new. It keeps contents secret and unchanged; it cannot tell that somebody put back an older file.
 *
 * Throws `UsageError` `state-damaged`, `state-version`, `state-key`, `state-shared` and `state-disk`.
 */
export class SealedFileMemory implements NonVolatileMemory {
  readonly #file: string;
  readonly #disk: StateDisk;
  readonly #entropy: Entropy;
  readonly #key: Uint8Array;
  /** The write counter of what is on the disk as far as known, and of the last attempt to replace it. */
  #stored: bigint | undefined;
  #tried: bigint | undefined;

  constructor({ file, key, keyFile = `${file}.key`, disk = nodeDisk, entropy = nodeEntropy }: SealedFileOptions) {
    this.#file = file;
    this.#disk = disk;
    this.#entropy = entropy;
    this.#key = key ? checkedKey(key) : this.#keyIn(keyFile);
  }

  load(): Uint8Array | undefined {
    const sealed = this.#onDisk(() => this.#disk.read(this.#file));
    if (!sealed) return undefined;
    const { counter, image } = openImage(nodeAead, this.#key, sealed);
    this.#stored = this.#tried = counter;
    return image;
  }

  store(image: Uint8Array): void {
    this.#checkAlone();
    const counter = (this.#tried ?? 0n) + 1n;
    this.#tried = counter;
    this.#replace(this.#file, sealImage(nodeAead, this.#key, { counter, image, nonce: this.#entropy.bytes(12) }));
    this.#stored = counter;
  }

  /** Two processes on one file would undo each other's writes, the one that comes later winning. */
  #checkAlone(): void {
    const present = this.#onDisk(() => this.#disk.read(this.#file));
    const found = present && readCounter(present);
    // A write that failed may still have reached the disk.
    if (found !== this.#stored && found !== this.#tried) {
      throw new UsageError<ChipErrorCode>("state-shared", `${this.#file} was changed by somebody else`);
    }
  }

  #keyIn(keyFile: string): Uint8Array {
    const text = this.#onDisk(() => this.#disk.read(keyFile));
    if (text) {
      const mode = this.#onDisk(() => this.#disk.mode(keyFile));
      if ((mode & 0o077) !== 0) throw badKey(`${keyFile} has mode 0${mode.toString(8)}, not 0600`);
      return checkedKey(parseKey(text, keyFile));
    }
    if (this.#onDisk(() => this.#disk.read(this.#file))) throw badKey(`${keyFile} is missing`);
    const key = this.#entropy.bytes(STATE_KEY_LENGTH);
    this.#replace(keyFile, utf8Bytes(`${toHex(key)}\n`));
    return key;
  }

  #replace(path: string, bytes: Uint8Array): void {
    this.#onDisk(() => {
      this.#disk.write(`${path}.new`, bytes);
      this.#disk.replace(`${path}.new`, path);
    });
  }

  #onDisk<T>(work: () => T): T {
    try {
      return work();
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : "unknown reason";
      throw new UsageError<ChipErrorCode>("state-disk", `the disk does not serve ${this.#file}: ${reason}`, { cause });
    }
  }
}

/** The disk of this machine. */
export const nodeDisk: StateDisk = {
  read(path) {
    try {
      return Uint8Array.from(readFileSync(path));
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw error;
    }
  },
  mode: (path) => statSync(path).mode & 0o777,
  write(path, bytes) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // What a power cut left may have other permissions.
    rmSync(path, { force: true });
    const file = openSync(path, "wx", 0o600);
    try {
      writeFileSync(file, bytes);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    syncFolder(dirname(path));
  },
  replace(from, to) {
    renameSync(from, to);
    syncFolder(dirname(to));
  },
};

/** A name in a folder is on the disk when the folder is. */
function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function parseKey(text: Uint8Array, keyFile: string): Uint8Array {
  try {
    return fromHex(new TextDecoder().decode(text).trim());
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw badKey(`${keyFile} does not hold hex digits`);
  }
}

function checkedKey(key: Uint8Array): Uint8Array {
  if (key.length !== STATE_KEY_LENGTH) throw badKey(`a state key has ${STATE_KEY_LENGTH} bytes, not ${key.length}`);
  return key.slice();
}

function badKey(message: string): UsageError<ChipErrorCode> {
  return new UsageError<ChipErrorCode>("state-key", message);
}
