import type { Bytes, Numbers, Room } from "./values.ts";

/** A result of bytes for a caller with this room: the bytes, or how many there are. PKCS #11 v2.40, section 11.2 */
export function bytesFor(room: Room, bytes: Uint8Array): Bytes {
  return hasRoom(room, bytes.length) ? bytes : { needed: bytes.length };
}

/** A result of numbers for a caller with this room: the numbers, or how many there are. */
export function numbersFor(room: Room, numbers: readonly bigint[]): Numbers {
  return hasRoom(room, numbers.length) ? numbers : { needed: numbers.length };
}

/** Whether a caller takes a result of this length now, instead of asking for its length or being told it. */
export function hasRoom(room: Room, length: number): boolean {
  return room !== undefined && room >= length;
}
