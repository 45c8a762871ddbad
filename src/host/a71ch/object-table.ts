import { STORAGE_SEGMENT } from "../../apdu/a71ch/index.ts";
import { DecodeError, Reader, Writer } from "../../codec/index.ts";

/** Kinds of objects in general purpose storage. A71CH object table */
export const OBJECT_CLASS = { certificate: 0x09, data: 0x0a } as const;

/** An object in storage: `offset` and `length` in bytes; 0x8000 in `length` says that the object itself tells. */
export type TableEntry = {
  readonly class: number;
  readonly index: number;
  readonly length: number;
  readonly offset: number;
};

/** The directory at the end of general purpose storage. `updates` counts changes, modulo 256. */
export type ObjectTable = { readonly updates: number; readonly entries: readonly TableEntry[] };

/** A table as it lies in storage: `slots` from its end downward, undefined for deleted entries between others. */
export type StoredTable = ObjectTable & { readonly slots: readonly (TableEntry | undefined)[] };

/** Set in a length that is to be taken from the object's own DER header. A71CH object table */
export const LENGTH_IN_OBJECT = 0x8000;

/** The most entries: a count of FF says that there is no table. A71CH object table */
export const MAX_ENTRIES = 254;

/** How many bytes of the table an entry takes. */
export const ENTRY_BYTES = 6;

/** How many bytes at the end of storage a table of so many entries takes, in whole segments. */
export function tableBytes(entries: number): number {
  return Math.ceil((entries * ENTRY_BYTES + 2) / STORAGE_SEGMENT) * STORAGE_SEGMENT;
}

/** How many entries the table has whose last bytes these are; none where it was never written. */
export function entryCount(tail: Uint8Array): number {
  const count = tail.at(-1) ?? 0;
  return count > MAX_ENTRIES ? 0 : count;
}

/**
 * The table at the end of these bytes. Deleted entries are left out. Throws `DecodeError` `value` where an object
 * does not lie within `storageBytes`.
 *
 *     … | entry 2 | entry 1 | updates | count |     an entry: class, index, length u16, offset u16
 */
export function decodeTable(tail: Uint8Array, storageBytes: number): StoredTable {
  const count = entryCount(tail);
  const updates = tail.at(-2) ?? 0;
  const slots: (TableEntry | undefined)[] = [];
  const entries: TableEntry[] = [];
  // The count is of entries that are there; deleted ones may stand between them.
  for (let at = tail.length - 2 - ENTRY_BYTES; at >= 0 && entries.length < count; at -= ENTRY_BYTES) {
    const reader = new Reader(tail.subarray(at), at);
    const entry = { class: reader.u8(), index: reader.u8(), length: reader.u16(), offset: reader.u16() };
    const isDeleted = entry.class === 0xff || entry.index === 0xff;
    slots.push(isDeleted ? undefined : entry);
    if (isDeleted) continue;
    if (entry.offset + (entry.length & ~LENGTH_IN_OBJECT) > storageBytes) {
      throw new DecodeError("value", `object ${entry.index} lies outside the storage`, at);
    }
    entries.push(entry);
  }
  return { updates, entries, slots: slots.slice(0, slots.findLastIndex((slot) => slot !== undefined) + 1) };
}

/** The bytes of a table, in whole segments, for the end of storage. */
export function encodeTable({ updates, entries }: ObjectTable): Uint8Array {
  const bytes = new Uint8Array(tableBytes(entries.length)).fill(0xff);
  // NXP's host library expects the entries in the order of their offsets.
  [...entries]
    .sort((a, b) => a.offset - b.offset)
    .forEach((entry, i) => {
      bytes.set(encodeEntry(entry), bytes.length - 2 - (i + 1) * ENTRY_BYTES);
    });
  bytes[bytes.length - 2] = updates & 0xff;
  bytes[bytes.length - 1] = entries.length;
  return bytes;
}

/** An entry's bytes, FF for a deleted one. */
export function encodeEntry(entry: TableEntry | undefined): Uint8Array {
  if (!entry) return new Uint8Array(ENTRY_BYTES).fill(0xff);
  return new Writer(ENTRY_BYTES).u8(entry.class).u8(entry.index).u16(entry.length).u16(entry.offset).finish();
}

/** What `findPlace` looks at: bytes of storage, and which segments of 32 bytes are frozen. */
export type StorageFacts = { readonly storageBytes: number; readonly frozen: readonly boolean[] };

/**
 * The lowest offset where an object of `length` bytes fits beside these entries once it has one itself; undefined
 * where there is none. Objects begin on a segment and share none.
 */
export function findPlace(entries: readonly TableEntry[], length: number, facts: StorageFacts): number | undefined {
  const end = facts.storageBytes - tableBytes(entries.length + 1);
  const taken = facts.frozen.slice(0, Math.max(0, end / STORAGE_SEGMENT));
  for (const entry of entries) {
    const [first, last] = segments(entry.offset, entry.length & ~LENGTH_IN_OBJECT);
    for (let segment = first; segment <= last; segment++) {
      if (segment >= taken.length) return undefined;
      taken[segment] = true;
    }
  }
  const needed = Math.max(1, Math.ceil(length / STORAGE_SEGMENT));
  for (let first = 0; first + needed <= taken.length; first++) {
    if (!taken.slice(first, first + needed).includes(true)) return first * STORAGE_SEGMENT;
  }
  return undefined;
}

function segments(offset: number, length: number): [number, number] {
  return [Math.floor(offset / STORAGE_SEGMENT), Math.floor((offset + Math.max(1, length) - 1) / STORAGE_SEGMENT)];
}
