import { DecodeError } from "./errors.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * A cursor over bytes that never reads past its end and always says where a value was wrong.
 *
 * Every read throws `DecodeError` `truncated` when too few bytes are left. What is returned by `bytes` and `rest`
 * shares memory with the input. A length-prefixed region is a sub-reader which its owner must empty with `end`.
 */
export class Reader {
  readonly #input: Uint8Array;
  readonly #view: DataView;
  readonly #origin: number;
  #offset = 0;

  constructor(input: Uint8Array, origin = 0) {
    this.#input = input;
    this.#view = new DataView(input.buffer, input.byteOffset, input.byteLength);
    this.#origin = origin;
  }

  /** Offset of the next byte, counted from the outermost input. */
  get at(): number {
    return this.#origin + this.#offset;
  }

  /** How many bytes are left. */
  get remaining(): number {
    return this.#input.length - this.#offset;
  }

  u8(): number {
    const at = this.#take(1);
    return this.#view.getUint8(at);
  }

  u16(): number {
    const at = this.#take(2);
    return this.#view.getUint16(at);
  }

  u24(): number {
    const at = this.#take(3);
    return this.#view.getUint8(at) * 0x10000 + this.#view.getUint16(at + 1);
  }

  u32(): number {
    const at = this.#take(4);
    return this.#view.getUint32(at);
  }

  u64(): bigint {
    const at = this.#take(8);
    return this.#view.getBigUint64(at);
  }

  /** The next `length` bytes, as a view. */
  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#input.subarray(at, at + length);
  }

  /** All bytes that are left, as a view. */
  rest(): Uint8Array {
    return this.bytes(this.remaining);
  }

  /** The next `length` bytes as strict UTF-8 text. */
  utf8(length: number): string {
    const at = this.at;
    const bytes = this.bytes(length);
    try {
      return utf8.decode(bytes);
    } catch (cause) {
      throw new DecodeError("encoding", "text is not valid UTF-8", at, { cause });
    }
  }

  /** The next byte, not consumed. */
  peek(): number {
    this.#need(1);
    return this.#view.getUint8(this.#offset);
  }

  /** A reader over the next `length` bytes, which this reader then skips. */
  sub(length: number): Reader {
    const origin = this.at;
    return new Reader(this.bytes(length), origin);
  }

  /** Reads a region whose length stands before it in `size` bytes, and checks that `body` consumes all of it. */
  prefixed<T>(size: 1 | 2 | 3 | 4, body: (inner: Reader) => T, limits: { min?: number; max?: number } = {}): T {
    const at = this.at;
    const length = size === 1 ? this.u8() : size === 2 ? this.u16() : size === 3 ? this.u24() : this.u32();
    const { min = 0, max = Number.MAX_SAFE_INTEGER } = limits;
    if (length < min || length > max) {
      throw new DecodeError("length", `length ${length} is not within ${min}..${max}`, at);
    }
    const inner = this.sub(length);
    const value = body(inner);
    inner.end();
    return value;
  }

  /** Throws `trailing` unless every byte was read. */
  end(): void {
    if (this.remaining > 0) throw new DecodeError("trailing", `${this.remaining} bytes left over`, this.at);
  }

  #need(length: number): void {
    if (length > this.remaining) {
      throw new DecodeError("truncated", `need ${length} bytes, have ${this.remaining}`, this.at);
    }
  }

  #take(length: number): number {
    if (!Number.isSafeInteger(length) || length < 0) throw new DecodeError("length", `length ${length}`, this.at);
    this.#need(length);
    const at = this.#offset;
    this.#offset += length;
    return at;
  }
}
