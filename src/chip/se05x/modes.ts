import { refuse } from "./refuse.ts";

/** How the last block of a message is filled: not at all, with zeros, with 80 and zeros, or with its own length. */
export type Padding = "none" | "zeros" | "bit" | "length";

/** A mode of a block cipher with its padding. */
export type CipherMode = {
  readonly family: "aes" | "des";
  readonly mode: "ecb" | "cbc" | "ctr";
  readonly padding: Padding;
  /** Whether the chip makes the initial block of what it encrypts. */
  readonly internalIv: boolean;
};

const DES_PADDINGS = ["none", "zeros", "bit", "length"] as const;

/** @table Modes by their identifiers on the wire. SE05x command table, tier b; ISO/IEC 9797-1, section 6.3; RFC 8018, section 6.1.1 */
const MODES: ReadonlyMap<number, CipherMode> = new Map([
  ...DES_PADDINGS.map((padding, i) => [0x01 + i, mode("des", "cbc", padding)] as const),
  ...DES_PADDINGS.map((padding, i) => [0x05 + i, mode("des", "ecb", padding)] as const),
  [0x0d, mode("aes", "cbc", "none")],
  [0x0e, mode("aes", "ecb", "none")],
  [0x16, mode("aes", "cbc", "zeros")],
  [0x17, mode("aes", "cbc", "bit")],
  [0x18, mode("aes", "cbc", "length")],
  [0xf0, mode("aes", "ctr", "none")],
  [0xf1, { ...mode("aes", "ctr", "none"), internalIv: true }],
]);

/** The mode of an identifier. Refused with 6A80 where there is none. */
export function cipherMode(id: number): CipherMode {
  const found = MODES.get(id);
  if (!found) throw refuse(0x6a80, `mode ${id} is not in this chip`);
  return found;
}

/** Whether an identifier names a mode. */
export function isCipherMode(id: number): boolean {
  return MODES.has(id);
}

/** Bytes in a block. */
export function blockLength({ family }: CipherMode): 8 | 16 {
  return family === "aes" ? 16 : 8;
}

/** What goes behind a message so that it fills whole blocks. ISO/IEC 9797-1, section 6.3; RFC 8018, section 6.1.1 */
export function paddingFor(padding: Padding, length: number, block: number): Uint8Array {
  const missing = block - (length % block);
  if (padding === "none") return new Uint8Array(0);
  if (padding === "zeros") return new Uint8Array(missing % block);
  return padding === "bit" ? new Uint8Array(missing).with(0, 0x80) : new Uint8Array(missing).fill(missing);
}

/** A message without its padding; of zeros all are taken off. Refused with 6A80 where the padding is not whole. */
export function withoutPadding(padding: Padding, bytes: Uint8Array, block: number): Uint8Array {
  if (padding === "none") return bytes;
  const mark = bytes.findLastIndex((byte) => byte !== 0);
  if (padding === "zeros") return bytes.slice(0, mark + 1);
  const count = padding === "bit" ? bytes.length - mark : (bytes.at(-1) ?? 0);
  const filled = bytes.subarray(bytes.length - count);
  const isWhole =
    padding === "bit" ? bytes[mark] === 0x80 : filled.length === count && filled.every((byte) => byte === count);
  if (count < 1 || count > block || !isWhole) throw refuse(0x6a80, "no padding behind the message");
  return bytes.slice(0, bytes.length - count);
}

function mode(family: "aes" | "des", of: "ecb" | "cbc" | "ctr", padding: Padding): CipherMode {
  return { family, mode: of, padding, internalIv: false };
}
