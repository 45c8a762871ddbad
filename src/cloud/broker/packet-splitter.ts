import { concat } from "../../codec/index.ts";
import { malformed, overLimit } from "./errors.ts";
import { REASON } from "./reason-codes.ts";

const EMPTY = new Uint8Array(0);
const FIRST_ALLOCATION = 4096;

/**
 * Cuts a byte stream into whole packets, and checks each remaining length before its body is waited for.
 *
 * Feed bytes with `append`, then call `next` until it gives false; `bytes`, `start`, `body` and `end` describe the
 * packet that was found and are valid until the next call. MQTT 5.0, section 2.1
 */
export class PacketSplitter {
  /** The longest packet that is accepted, fixed header included. */
  maximum: number;
  /** Where set, the only first byte that a packet may have. MQTT 5.0, section 3.1 */
  onlyHeader: number | undefined;
  bytes: Uint8Array = EMPTY;
  /** Offset of the fixed header. */
  start = 0;
  /** Offset of the variable header. */
  body = 0;
  end = 0;
  #input: Uint8Array = EMPTY;
  #at = 0;
  /** A packet whose body has not arrived completely, and how much of it is there. */
  #assembly: Uint8Array = EMPTY;
  #assembled = 0;
  #expected = 0;
  #assemblyBody = 0;

  constructor(maximum: number, onlyHeader?: number) {
    this.maximum = maximum;
    this.onlyHeader = onlyHeader;
  }

  /** Takes the next bytes of the stream; `next` must have given false before. */
  append(bytes: Uint8Array): void {
    this.#input = this.#at < this.#input.length ? concat(this.#input.subarray(this.#at), bytes) : bytes;
    this.#at = 0;
  }

  /** How many appended bytes were not looked at yet. */
  get buffered(): number {
    return this.#input.length - this.#at;
  }

  /** Finds the next whole packet. Throws `ClientFault` for a length or type that is not acceptable. */
  next(): boolean {
    if (this.#expected > 0) return this.#continueAssembly();
    const input = this.#input;
    const start = this.#at;
    if (start >= input.length) return this.#forget();
    this.#checkHeader(input[start] ?? 0);
    let length = 0;
    let body = start + 1;
    for (let scale = 1; ; scale *= 128) {
      const byte = input[body];
      if (byte === undefined) return this.#keepHeader();
      body += 1;
      length += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (byte === 0 && scale > 1) throw malformed("remaining length is not in its shortest form");
        break;
      }
      if (scale === 128 ** 3) throw malformed("remaining length has more than four bytes");
    }
    const total = body - start + length;
    if (total > this.maximum) {
      throw overLimit(`packet of ${total} bytes, at most ${this.maximum} are accepted`, REASON.packetTooLarge);
    }
    if (body + length > input.length) return this.#startAssembly(start, body, total);
    this.bytes = input;
    this.start = start;
    this.body = body;
    this.end = this.#at = body + length;
    return true;
  }

  /** Everything was read: who is idle holds no buffer. */
  #forget(): false {
    this.#input = this.bytes = EMPTY;
    this.#at = 0;
    return false;
  }

  #checkHeader(header: number): void {
    if (this.onlyHeader === undefined || header === this.onlyHeader) return;
    throw malformed(`first byte is ${hex(header)}, ${hex(this.onlyHeader)} was expected`);
  }

  /** The bytes of an incomplete fixed header stay, copied, so that the buffer they came in can go. */
  #keepHeader(): false {
    this.#input = new Uint8Array(this.#input.subarray(this.#at));
    this.#at = 0;
    return false;
  }

  #startAssembly(start: number, body: number, total: number): false {
    const have = this.#input.length - start;
    // Grown with what really arrives: a peer cannot make us allocate by announcing.
    this.#assembly = new Uint8Array(Math.min(total, Math.max(FIRST_ALLOCATION, have)));
    this.#assembly.set(this.#input.subarray(start));
    this.#assembled = have;
    this.#expected = total;
    this.#assemblyBody = body - start;
    this.#input = EMPTY;
    this.#at = 0;
    return false;
  }

  #continueAssembly(): boolean {
    const take = Math.min(this.#expected - this.#assembled, this.#input.length - this.#at);
    const needed = this.#assembled + take;
    if (needed > this.#assembly.length) {
      const larger = new Uint8Array(Math.min(this.#expected, Math.max(needed, this.#assembly.length * 2)));
      larger.set(this.#assembly.subarray(0, this.#assembled));
      this.#assembly = larger;
    }
    this.#assembly.set(this.#input.subarray(this.#at, this.#at + take), this.#assembled);
    this.#at += take;
    this.#assembled = needed;
    if (needed < this.#expected) return false;
    this.bytes = this.#assembly;
    this.start = 0;
    this.body = this.#assemblyBody;
    this.end = this.#expected;
    this.#assembly = EMPTY;
    this.#expected = 0;
    return true;
  }
}

function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, "0")}`;
}
