import { DecodeError, Reader, Writer } from "../codec/index.ts";

/** A short command: header, at most 255 bytes of data, and how many answer bytes are expected at most. */
export type CommandApdu = {
  readonly cla: number;
  readonly ins: number;
  readonly p1: number;
  readonly p2: number;
  readonly data: Uint8Array;
  /** 1..256, or absent where no answer data is expected. */
  readonly le?: number;
};

/** An answer: its data and its status word. */
export type ResponseApdu = { readonly data: Uint8Array; readonly sw: number };

/** The longest short command: header, Lc, 255 bytes, Le. */
export const MAX_SHORT_COMMAND = 261;

/** The longest answer to a short command: 256 bytes and the status word. */
export const MAX_SHORT_RESPONSE = 258;

/**
 * Bytes of a short command in one of the four cases. Throws `DecodeError` `length` for data over 255 bytes or an
 * expected length outside 1..256. ISO/IEC 7816-4, section 5.1
 */
export function encodeCommand({ cla, ins, p1, p2, data, le }: CommandApdu): Uint8Array {
  const writer = new Writer(6 + data.length).u8(cla).u8(ins).u8(p1).u8(p2);
  if (data.length > 0) writer.prefixed(1, (body) => body.bytes(data));
  // Le 00 asks for 256 bytes, the most a short answer can hold.
  if (le !== undefined) writer.u8(le === 0x100 ? 0x00 : expectedLength(le, writer.length));
  return writer.finish();
}

/**
 * A short command from its bytes. Extended lengths are refused: Lc 00 with more bytes behind it throws `length`.
 * ISO/IEC 7816-4, section 5.1
 */
export function decodeCommand(bytes: Uint8Array): CommandApdu {
  const reader = new Reader(bytes);
  const cla = reader.u8();
  const ins = reader.u8();
  const p1 = reader.u8();
  const p2 = reader.u8();
  if (reader.remaining === 0) return { cla, ins, p1, p2, data: NO_DATA };
  if (reader.remaining === 1) return { cla, ins, p1, p2, data: NO_DATA, le: readLe(reader) };
  const data = reader.prefixed(1, (body) => body.rest(), { min: 1 });
  if (reader.remaining === 0) return { cla, ins, p1, p2, data };
  const le = readLe(reader);
  reader.end();
  return { cla, ins, p1, p2, data, le };
}

/** Bytes of an answer: data, then the status word. ISO/IEC 7816-4, section 5.1 */
export function encodeResponse({ data, sw }: ResponseApdu): Uint8Array {
  return new Writer(data.length + 2).bytes(data).u16(sw).finish();
}

/** An answer from its bytes. Throws `DecodeError` where there is no room for a status word, or data over 256 bytes. */
export function decodeResponse(bytes: Uint8Array): ResponseApdu {
  if (bytes.length > MAX_SHORT_RESPONSE) {
    throw new DecodeError("length", `an answer of ${bytes.length} bytes, at most ${MAX_SHORT_RESPONSE}`, 0);
  }
  const reader = new Reader(bytes);
  const data = bytes.length < 2 ? new Uint8Array(0) : reader.bytes(bytes.length - 2);
  return { data, sw: reader.u16() };
}

const NO_DATA = new Uint8Array(0);

function readLe(reader: Reader): number {
  const le = reader.u8();
  return le === 0 ? 0x100 : le;
}

function expectedLength(le: number, at: number): number {
  if (le < 1 || le > 0x100) throw new DecodeError("length", `expected length ${le} is not within 1..256`, at);
  return le;
}
