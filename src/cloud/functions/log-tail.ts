import { concat } from "../../codec/index.ts";

/** Keeps the last bytes of what a function prints, and counts the rest. */
export class LogTail {
  readonly #limit: number;
  #parts: Uint8Array[] = [];
  #held = 0;
  /** Everything that was ever printed, in bytes. */
  total = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  push(bytes: Uint8Array): void {
    this.total += bytes.length;
    this.#parts.push(bytes);
    this.#held += bytes.length;
    // Trimmed at twice the bound, so that a flood of small writes is copied once per bound and not once a write.
    if (this.#held > 2 * this.#limit) this.#trim();
  }

  /** The tail so far; the log starts anew. */
  take(): Uint8Array {
    this.#trim();
    const tail = this.#parts[0] ?? new Uint8Array();
    this.#parts = [];
    this.#held = 0;
    this.total = 0;
    return tail;
  }

  #trim(): void {
    const all = concat(...this.#parts);
    const tail = all.subarray(Math.max(0, all.length - this.#limit)).slice();
    this.#parts = [tail];
    this.#held = tail.length;
  }
}
