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
  readonly #origin: number;
  readonly #end: number;
  #offset: number;

  /** Over all of the input, which begins at `origin` of something larger; or over a region of it, within its bounds. */
  constructor(input: Uint8Array, origin = 0, region?: { readonly from: number; readonly end: number }) {
    this.#input = input;
    this.#origin = origin;
    this.#offset = region ? region.from : 0;
    this.#end = region ? Math.min(region.end, input.length) : input.length;
  }

  /** Offset of the next byte, counted from the outermost input. */
  get at(): number {
    return this.#origin + this.#offset;
  }

  /** How many bytes are left. */
  get remaining(): number {
    return this.#end - this.#offset;
  }

  u8(): number {
    return this.#byte(this.#take(1));
  }

  u16(): number {
    const at = this.#take(2);
    return (this.#byte(at) << 8) | this.#byte(at + 1);
  }

  u24(): number {
    const at = this.#take(3);
    return (this.#byte(at) << 16) | (this.#byte(at + 1) << 8) | this.#byte(at + 2);
  }

  u32(): number {
    return this.#word(this.#take(4));
  }

  u64(): bigint {
    const at = this.#take(8);
    const high = this.#word(at);
    const low = BigInt(this.#word(at + 4));
    return high === 0 ? low : (BigInt(high) << 32n) | low;
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
    return this.#byte(this.#offset);
  }

  /** A reader over the next `length` bytes, which this reader then skips. */
  sub(length: number): Reader {
    // Over the same input: a view of it would cost more than most of what is read.
    const from = this.#take(length);
    return new Reader(this.#input, this.#origin, { from, end: from + length });
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

  /** A byte that is there: whoever asks has taken it. */
  #byte(at: number): number {
    return this.#input[at] ?? 0;
  }

  #word(at: number): number {
    const low = (this.#byte(at + 1) << 16) | (this.#byte(at + 2) << 8) | this.#byte(at + 3);
    return this.#byte(at) * 0x1000000 + low;
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
