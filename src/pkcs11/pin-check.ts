import { sameBytes, utf8Bytes } from "../codec/index.ts";
import type { Hash } from "../crypto/index.ts";
import { refuse, TokenFailure } from "./errors.ts";

/** How often in a row a PIN may be wrong before no PIN is right any more. */
export const PIN_TRIES = 8;

/** How many bytes a PIN may have. */
export const MAX_PIN_BYTES = 255;

/** Keeps a new PIN where the next start finds it; throws where it cannot. Nowhere, a PIN is changed for this run alone. */
export type KeepPin = (pin: string) => void;

/** The token's PIN: compared without telling by time where it differs, and locked when it was wrong too often. */
export class PinCheck {
  #digest: Uint8Array;
  readonly #hash: Hash;
  readonly #keep: KeepPin;
  #left = PIN_TRIES;

  constructor(pin: string, hash: Hash, keep: KeepPin = () => undefined) {
    this.#hash = hash;
    this.#keep = keep;
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

  /**
   * Puts another PIN in the place of the old one. Throws what `check` does, `pin-len-range`, `pin-invalid`, and
   * `TokenFailure` `pin-not-kept` where it cannot be kept: the old one holds on then.
   */
  change(old: Uint8Array, changed: Uint8Array): void {
    this.check(old);
    const pin = textOf(changed);
    try {
      this.#keep(pin);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : "unknown reason";
      throw new TokenFailure("pin-not-kept", `the new PIN cannot be kept: ${reason}`, { cause });
    }
    this.#digest = this.#hash.digest("sha256", changed);
  }
}

/** A PIN as a file holds it, in one line. */
function textOf(pin: Uint8Array): string {
  if (pin.length === 0 || pin.length > MAX_PIN_BYTES) {
    throw refuse("pin-len-range", `a PIN of ${pin.length} bytes is not within 1..${MAX_PIN_BYTES}`);
  }
  const isPlain = pin.every((byte) => byte >= 0x20 && byte !== 0x7f);
  try {
    if (isPlain) return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(pin);
  } catch {
    // Told below, without a byte of it.
  }
  throw refuse("pin-invalid", "the new PIN is no text of one line");
}
