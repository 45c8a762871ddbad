import { DecodeError } from "./errors.ts";

const encoder = new TextEncoder();

/**
 * A growing buffer. Lengths are never computed by hand: `prefixed` patches them after its callback.
 *
 * A value that does not fit its field throws `DecodeError` `length`: it could never be read back.
 */
export class Writer {
  #buffer: Uint8Array;
  #length = 0;

  /** Room to begin with. V8 keeps arrays of up to 64 bytes on its own heap, where they cost next to nothing. */
  constructor(capacity = 64) {
    this.#buffer = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    return this.#integer(value, 1);
  }

  u16(value: number): this {
    return this.#integer(value, 2);
  }

  u24(value: number): this {
    return this.#integer(value, 3);
  }

  u32(value: number): this {
    return this.#integer(value, 4);
  }

  u64(value: bigint): this {
    if (value < 0n || value > 0xffffffffffffffffn)
      throw new DecodeError("length", `${value} needs over 8 bytes`, this.#length);
    return this.#integer(Number(value >> 32n), 4).#integer(Number(value & 0xffffffffn), 4);
  }

  bytes(value: Uint8Array): this {
    const at = this.#grow(value.length);
    this.#buffer.set(value, at);
    return this;
  }

  utf8(value: string): this {
    return this.bytes(encoder.encode(value));
  }

  /** Writes what `body` writes behind its length in `size` bytes. */
  prefixed(size: 1 | 2 | 3 | 4, body: (writer: this) => void): this {
    const at = this.#grow(size);
    body(this);
    const length = this.#length - at - size;
    this.#check(length, MAX[size]);
    this.#put(at, length, size);
    return this;
  }

  /**
   * Writes what `body` writes behind a head of up to 4 bytes that is made of its length, for lengths that take as many
   * bytes as they need. `head` gives the head as one number: 5 is the byte 05, 0x8190 the bytes 81 90.
   */
  headed(body: (writer: this) => void, head: (length: number) => number): this {
    const at = this.#grow(1);
    body(this);
    const length = this.#length - at - 1;
    const value = head(length);
    const size = value <= MAX[1] ? 1 : value <= MAX[2] ? 2 : value <= MAX[3] ? 3 : 4;
    this.#check(value, MAX[4]);
    if (size > 1) {
      this.#grow(size - 1);
      this.#buffer.copyWithin(at + size, at + 1, at + 1 + length);
    }
    this.#put(at, value, size);
    return this;
  }

  /** All that was written, and nothing of it is left in the writer, which then begins anew in the same room. */
  take(): Uint8Array {
    const taken = this.#buffer.slice(0, this.#length);
    this.#buffer.fill(0, 0, this.#length);
    this.#length = 0;
    return taken;
  }

  /** How much can be written before more room is needed. */
  get capacity(): number {
    return this.#buffer.length;
  }

  /** All that was written. Nothing more is written into these bytes: a writer whose room is full begins a larger one. */
  finish(): Uint8Array {
    return this.#length === this.#buffer.length ? this.#buffer : this.#buffer.slice(0, this.#length);
  }

  #integer(value: number, size: 1 | 2 | 3 | 4): this {
    this.#check(value, MAX[size]);
    this.#put(this.#grow(size), value, size);
    return this;
  }

  #put(at: number, value: number, size: number): void {
    for (let i = size - 1, left = value; i >= 0; i--, left >>>= 8) this.#buffer[at + i] = left;
  }

  #check(value: number, max: number): void {
    if (!Number.isInteger(value) || value < 0 || value > max) {
      throw new DecodeError("length", `${value} is not an integer within 0..${max}`, this.#length);
    }
  }

  #grow(count: number): number {
    const at = this.#length;
    const needed = at + count;
    if (needed > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
      larger.set(this.#buffer.subarray(0, at));
      this.#buffer = larger;
    }
    this.#length = needed;
    return at;
  }
}

/** The largest value of a field of so many bytes. */
const MAX = { 1: 0xff, 2: 0xffff, 3: 0xffffff, 4: 0xffffffff } as const;
