import { sameBytes, utf8Bytes } from "../codec/index.ts";
import type { Hash } from "../crypto/index.ts";
import { refuse } from "./errors.ts";

/** How often in a row a PIN may be wrong before no PIN is right any more. */
export const PIN_TRIES = 8;

/** The token's PIN: compared without telling by time where it differs, and locked when it was wrong too often. */
export class PinCheck {
  readonly #digest: Uint8Array;
  readonly #hash: Hash;
  #left = PIN_TRIES;

  constructor(pin: string, hash: Hash) {
    this.#hash = hash;
    this.#digest = hash.digest("sha256", utf8Bytes(pin));
  }

  get triesLeft(): number {
    return this.#left;
  }

  /** Throws `CryptokiError` `pin-incorrect` or `pin-locked`. */
  check(pin: Uint8Array): void {
    if (this.#left === 0) throw refuse("pin-locked", `the PIN was wrong ${PIN_TRIES} times`);
    if (!sameBytes(this.#digest, this.#hash.digest("sha256", pin))) {
      this.#left--;
      throw refuse("pin-incorrect", `the PIN is wrong; ${this.#left} tries are left`);
    }
    this.#left = PIN_TRIES;
  }
}
