import { DecodeError, Reader, Writer } from "../codec/index.ts";

/** Fixed-length `r ‖ s`, each of `scalarLength` bytes, from a DER ECDSA-Sig-Value, strictly. RFC 3279, section 2.2.3 */
export function ecdsaDerToRaw(der: Uint8Array, scalarLength: number): Uint8Array {
  const reader = new Reader(der);
  const raw = new Uint8Array(2 * scalarLength);
  readTlv(reader, 0x30, (body) => {
    for (const at of [scalarLength, 2 * scalarLength]) {
      const value = readTlv(body, 0x02, (inner) => positiveInteger(inner, scalarLength));
      raw.set(value, at - value.length);
    }
  });
  reader.end();
  return raw;
}

/** DER ECDSA-Sig-Value from `r ‖ s`. RFC 3279, section 2.2.3 */
export function ecdsaRawToDer(raw: Uint8Array): Uint8Array {
  const half = raw.length / 2;
  const [r, s] = [unpadded(raw.subarray(0, half)), unpadded(raw.subarray(half))];
  const length = integerLength(r) + integerLength(s);
  const writer = new Writer(length + (length < 0x80 ? 2 : 3)).u8(0x30);
  if (length >= 0x80) writer.u8(0x81);
  writer.u8(length);
  for (const digits of [r, s]) {
    writer.u8(0x02).u8(integerLength(digits) - 2);
    if (isSignSet(digits)) writer.u8(0);
    writer.bytes(digits);
  }
  return writer.finish();
}

/** A number's bytes without zeros in front, of which one stays. */
function unpadded(bytes: Uint8Array): Uint8Array {
  let from = 0;
  while (from < bytes.length - 1 && bytes[from] === 0) from++;
  return bytes.subarray(from);
}

/** Bytes of a DER INTEGER of these digits, with its head. X.690, section 8.3 */
function integerLength(digits: Uint8Array): number {
  return 2 + digits.length + (isSignSet(digits) ? 1 : 0);
}

function isSignSet([first = 0]: Uint8Array): boolean {
  return first >= 0x80;
}

/** Length of the DER element at the start of the bytes; chips may pad a signature behind it. */
export function derElementLength(bytes: Uint8Array): number {
  const reader = new Reader(bytes);
  readTlv(reader, 0x30, (body) => body.rest());
  return reader.at;
}

function readTlv<T>(reader: Reader, tag: number, body: (inner: Reader) => T): T {
  const at = reader.at;
  const found = reader.u8();
  if (found !== tag)
    throw new DecodeError("value", `tag 0x${found.toString(16)} where 0x${tag.toString(16)} belongs`, at);
  const first = reader.u8();
  let length = first;
  if (first === 0x81) {
    length = reader.u8();
    if (length < 0x80) throw new DecodeError("value", "length is not minimal", at + 1);
  } else if (first > 0x7f) throw new DecodeError("length", "length form does not belong in a signature", at + 1);
  const inner = reader.sub(length);
  const value = body(inner);
  inner.end();
  return value;
}

function positiveInteger(reader: Reader, maxLength: number): Uint8Array {
  const at = reader.at;
  const bytes = reader.rest();
  const [first = 0x80, second = 0] = bytes;
  if (first >= 0x80) throw new DecodeError("value", "integer is empty or negative", at);
  if (first === 0 && second < 0x80) throw new DecodeError("value", "integer is zero or not minimal", at);
  const digits = first === 0 ? bytes.subarray(1) : bytes;
  if (digits.length > maxLength) throw new DecodeError("length", `integer of ${digits.length} bytes`, at);
  return digits;
}
