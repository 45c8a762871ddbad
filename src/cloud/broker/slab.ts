const SLAB_BYTES = 64 * 1024;

/**
 * Memory from which outgoing packets and writes are cut: one allocation for hundreds of small ones.
 * Nothing is used twice, since a sink keeps what it is given; what has to stay for long must not be cut from here.
 */
export class Slab {
  #bytes = new Uint8Array(0);
  #at = 0;

  /** Room for one packet or write. */
  take(length: number): Uint8Array {
    if (length > SLAB_BYTES / 4) return new Uint8Array(length);
    if (this.#at + length > this.#bytes.length) {
      this.#bytes = new Uint8Array(SLAB_BYTES);
      this.#at = 0;
    }
    const room = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return room;
  }
}
