import { DecodeError } from "./errors.ts";

/** Lower-case hex digits of the bytes. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += BYTES[byte] ?? "";
  return text;
}

/** Bytes of hex digits in either case; anything else throws `DecodeError` `encoding` with its offset in the text. */
export function fromHex(text: string): Uint8Array {
  const bad = /[^0-9a-fA-F]/.exec(text);
  if (bad) throw new DecodeError("encoding", `${JSON.stringify(bad[0])} is not a hex digit`, bad.index);
  if (text.length % 2 !== 0) throw new DecodeError("encoding", "an odd number of hex digits", text.length);
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

const BYTES: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
