import { DecodeError, Reader, Writer } from "../codec/index.ts";
import { type CommandApdu, decodeCommand, encodeCommand, type ResponseApdu } from "./apdu.ts";

/** The most that an extended Le asks for: 65536 bytes, written 0000. ISO/IEC 7816-4, section 5.1 */
export const MAX_EXTENDED_LE = 0x1_0000;

/**
 * Bytes of a command, with extended lengths where the data is over 255 bytes or over 256 are expected. Throws
 * `DecodeError` `length` for data over 65535 bytes. ISO/IEC 7816-4, section 5.1
 */
export function encodeExtendedCommand(command: CommandApdu): Uint8Array {
  const { cla, ins, p1, p2, data, le } = command;
  if (data.length <= 0xff && (le ?? 0) <= 0x100) return encodeCommand(command);
  const writer = new Writer(data.length + 9).u8(cla).u8(ins).u8(p1).u8(p2).u8(0x00);
  if (data.length > 0) writer.prefixed(2, (body) => body.bytes(data));
  if (le !== undefined) writer.u16(le === MAX_EXTENDED_LE ? 0x0000 : le);
  return writer.finish();
}

/** A command from its bytes, its lengths short or extended. ISO/IEC 7816-4, section 5.1 */
export function decodeExtendedCommand(bytes: Uint8Array): CommandApdu {
  if (!hasExtendedLengths(bytes)) return decodeCommand(bytes);
  const reader = new Reader(bytes);
  const cla = reader.u8();
  const ins = reader.u8();
  const p1 = reader.u8();
  const p2 = reader.u8();
  reader.u8();
  if (reader.remaining === 2) return { cla, ins, p1, p2, data: new Uint8Array(0), le: readLe(reader) };
  const data = reader.prefixed(2, (body) => body.rest(), { min: 1 });
  if (reader.remaining === 0) return { cla, ins, p1, p2, data };
  const le = readLe(reader);
  reader.end();
  return { cla, ins, p1, p2, data, le };
}

/** Whether a command's lengths are extended. ISO/IEC 7816-4, section 5.1 */
export function hasExtendedLengths(bytes: Uint8Array): boolean {
  // Behind the header, 00 with more bytes behind it announces extended lengths; 00 alone is a short Le.
  return bytes.length >= 7 && bytes[4] === 0x00;
}

/** An answer of any length up to 65536 bytes of data from its bytes. ISO/IEC 7816-4, section 5.1 */
export function decodeLongResponse(bytes: Uint8Array): ResponseApdu {
  if (bytes.length > MAX_EXTENDED_LE + 2) throw new DecodeError("length", `an answer of ${bytes.length} bytes`, 0);
  const reader = new Reader(bytes);
  const data = bytes.length < 2 ? new Uint8Array(0) : reader.bytes(bytes.length - 2);
  return { data, sw: reader.u16() };
}

function readLe(reader: Reader): number {
  const le = reader.u16();
  return le === 0 ? MAX_EXTENDED_LE : le;
}
