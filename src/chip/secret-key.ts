import { concat, type Reader, type Writer } from "../codec/index.ts";

/** A symmetric key or secret of 16 bytes inside the chip. It can be used and stored with the chip's state, but not read. */
export class SecretKey {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes.slice();
  }

  /** What `work` makes of the keys side by side; the bytes are for nothing else. */
  static use<T>(keys: readonly SecretKey[], work: (bytes: Uint8Array) => T): T {
    const bytes = concat(...keys.map((key) => key.#bytes));
    try {
      return work(bytes);
    } finally {
      bytes.fill(0);
    }
  }

  /** Appends the key to the chip's own state image. */
  save(image: Writer): void {
    image.bytes(this.#bytes);
  }

  /** A key from the chip's own state image. */
  static load(image: Reader): SecretKey {
    return new SecretKey(image.bytes(16));
  }
}
