import { DecodeError } from "./errors.ts";

const encoder = new TextEncoder();

/**
 * A growing buffer. Lengths are never computed by hand: `prefixed` patches them after its callback.
 *
 * A value that does not fit its field throws `DecodeError` `length`: it could never be read back.
 */
export class Writer {
  #buffer: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(capacity = 256) {
    this.#buffer = new Uint8Array(capacity);
    this.#view = new DataView(this.#buffer.buffer);
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    this.#check(value, 0xff);
    const at = this.#grow(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    this.#check(value, 0xffff);
    const at = this.#grow(2);
    this.#view.setUint16(at, value);
    return this;
  }

  u24(value: number): this {
    this.#check(value, 0xffffff);
    const at = this.#grow(3);
    this.#view.setUint8(at, value >>> 16);
    this.#view.setUint16(at + 1, value & 0xffff);
    return this;
  }

  u32(value: number): this {
    this.#check(value, 0xffffffff);
    const at = this.#grow(4);
    this.#view.setUint32(at, value);
    return this;
  }

  u64(value: bigint): this {
    if (value < 0n || value > 0xffffffffffffffffn)
      throw new DecodeError("length", `${value} needs over 8 bytes`, this.#length);
    const at = this.#grow(8);
    this.#view.setBigUint64(at, value);
    return this;
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
    this.#check(length, 2 ** (8 * size) - 1);
    for (let i = 0; i < size; i++) this.#view.setUint8(at + i, Math.floor(length / 2 ** (8 * (size - 1 - i))) & 0xff);
    return this;
  }

  /** A copy of all that was written. */
  finish(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
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
      this.#view = new DataView(larger.buffer);
    }
    this.#length = needed;
    return at;
  }
}
