import { concat } from "../codec/index.ts";
import { HANDSHAKE_TYPES } from "./messages.ts";
import type { Hash, HashName, RunningHash } from "../crypto/index.ts";

/**
 * All handshake messages so far, as they were on the wire.
 * They are kept whole until `forget`, because a TLS 1.2 client signs the messages and not their hash.
 */
export class Transcript {
  readonly #hash: Hash;
  #messages: Uint8Array[] = [];
  #running: { readonly name: HashName; readonly hash: RunningHash } | undefined;

  constructor(hash: Hash) {
    this.#hash = hash;
  }

  add(raw: Uint8Array): void {
    this.#messages.push(raw);
    this.#running?.hash.update(raw);
  }

  /** Fixes the hash function, once the suite is known. */
  useHash(name: HashName): void {
    this.#running = { name, hash: this.#hash.start(name) };
    for (const raw of this.#messages) this.#running.hash.update(raw);
  }

  /** Lets go of the messages themselves where only their hash is needed from here on. */
  forgetMessages(): void {
    this.#messages = [];
  }

  /** Puts the hash of the first hello in its place, when the server asks for another. RFC 8446, section 4.4.1 */
  replaceByHash(name: HashName): void {
    const hash = this.#hash.digest(name, this.content());
    const header = Uint8Array.of(HANDSHAKE_TYPES.message_hash, 0, 0, hash.length);
    this.#messages = [concat(header, hash)];
  }

  /** The hash of everything so far; empty before `useHash`. */
  digest(): Uint8Array {
    return this.#running?.hash.digest() ?? new Uint8Array(0);
  }

  /** The messages themselves, joined. */
  content(): Uint8Array {
    return concat(...this.#messages);
  }
}
