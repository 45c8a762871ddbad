import { A71CH_VARIANTS, type A71chVariant, STORAGE_SEGMENT } from "../../apdu/a71ch/index.ts";
import { UsageError } from "../../codec/index.ts";
import type { HostErrorCode } from "../errors.ts";
import { certificateLength, readMeasuredTable } from "./certificates.ts";
import { findPlace, MAX_ENTRIES, OBJECT_CLASS, tableBytes, type TableEntry } from "./object-table.ts";
import type { A71chSession } from "./session.ts";
import { changeTable, readStorage, readTable, storageFacts, writeStorage } from "./storage.ts";

/** A named place in the chip's storage: what kind of object, and its index. */
export type ObjectName = { readonly kind: keyof typeof OBJECT_CLASS; readonly index: number };

/** An object in storage: where it begins, and how many bytes are reserved for it. */
export type StoredObject = ObjectName & { readonly offset: number; readonly reservedBytes: number };

/** Access to objects by name over one session: each call reads the table anew. */
export type ObjectAccess = { readonly session: A71chSession; readonly variant: A71chVariant };

/** The certificates and data objects in storage, in the order in which they lie. A71CH object table */
export async function listObjects({ session, variant }: ObjectAccess): Promise<readonly StoredObject[]> {
  const { entries } = await readTable(session, variant);
  const kinds = Object.keys(OBJECT_CLASS) as ObjectName["kind"][];
  return entries.flatMap((entry) => {
    const kind = kinds.find((each) => OBJECT_CLASS[each] === entry.class);
    return kind ? [{ kind, index: entry.index, offset: entry.offset, reservedBytes: reserved(entry) }] : [];
  });
}

/** Where objects of any kind begin, lowest first, and which segments of the storage are frozen. */
export type StorageMap = { readonly offsets: readonly number[]; readonly frozen: readonly boolean[] };

/** What a place for a new object has to fit between. A71CH object table */
export async function storageMap({ session, variant }: ObjectAccess): Promise<StorageMap> {
  const { entries } = await readTable(session, variant);
  const { frozen } = await storageFacts(session, variant);
  return { offsets: entries.map(({ offset }) => offset).sort((a, b) => a - b), frozen };
}

/**
 * Makes an object and keeps room for it to grow, zeros until then; the table comes last, so that a power cut leaves no
 * half an object. Throws `UsageError` `object-exists`, `storage-full` and `bad-argument`. A71CH object table
 */
export async function createObject(
  { session, variant }: ObjectAccess,
  { kind, index, bytes, room = bytes.length }: ObjectName & { readonly bytes: Uint8Array; readonly room?: number },
): Promise<void> {
  checkIndex({ kind, index });
  const table = await readMeasuredTable(session, variant);
  const { entries } = table;
  if (entries.some((entry) => isNamed(entry, { kind, index }))) {
    throw new UsageError<HostErrorCode>("object-exists", `${kind} ${index} is in the chip already`);
  }
  const length = Math.max(room, bytes.length);
  const offset = findPlace(entries, length, await storageFacts(session, variant));
  if (offset === undefined || entries.length >= MAX_ENTRIES) {
    throw new UsageError<HostErrorCode>("storage-full", `no room for ${length} bytes beside ${entries.length} objects`);
  }
  const content = new Uint8Array(length);
  content.set(bytes);
  await writeStorage(session, offset, content);
  const entry = { class: OBJECT_CLASS[kind], index, length, offset };
  await changeTable(session, variant, { table, add: entry });
}

/**
 * Writes into an object, from an offset within it. It may grow: data to the end of its last segment, a certificate up to
 * what lies behind it; the table tells how long it has been at most. Throws `UsageError` `object-missing`, and
 * `bad-argument` beyond that. A71CH object table
 */
export async function updateObject(
  { session, variant }: ObjectAccess,
  { offset = 0, bytes, ...name }: ObjectName & { readonly offset?: number; readonly bytes: Uint8Array },
): Promise<void> {
  const table = await readTable(session, variant);
  const entry = named(table.entries, name);
  const length = reserved(entry) || (await certificateLength(session, variant, entry));
  const end = offset + bytes.length;
  const room = name.kind === "data" ? length : roomOf(entry, table.entries, A71CH_VARIANTS[variant].storageBytes);
  checkRoom(inSegments(room), offset, bytes.length);
  await writeStorage(session, entry.offset + offset, bytes);
  // Written even where the length stays: who keeps a copy of the table sees by its count that something changed.
  await changeTable(session, variant, { table, remove: [entry], add: { ...entry, length: Math.max(length, end) } });
}

/**
 * Bytes of an object: all of a data object, a certificate without padding behind its DER, or a range of either. Throws
 * `UsageError` `object-missing` and `bad-argument`.
 */
export async function readObject(
  access: ObjectAccess,
  { offset = 0, length, ...name }: ObjectName & { readonly offset?: number; readonly length?: number },
): Promise<Uint8Array> {
  const entry = await find(access, name);
  const whole = () =>
    name.kind === "certificate" ? certificateLength(access.session, access.variant, entry) : reserved(entry);
  const asked = length ?? Math.max(0, (await whole()) - offset);
  checkRange(entry, offset, asked);
  return readStorage(access.session, entry.offset + offset, asked);
}

/** Takes an object out of the table; its bytes stay until they are overwritten. Throws `UsageError` `object-missing`. */
export async function eraseObject(access: ObjectAccess, name: ObjectName): Promise<void> {
  const { session, variant } = access;
  await find(access, name);
  const table = await readTable(session, variant);
  await changeTable(session, variant, { table, remove: table.entries.filter((entry) => isNamed(entry, name)) });
}

async function find({ session, variant }: ObjectAccess, name: ObjectName): Promise<TableEntry> {
  return named((await readTable(session, variant)).entries, name);
}

function named(entries: readonly TableEntry[], name: ObjectName): TableEntry {
  const entry = entries.find((each) => isNamed(each, name));
  if (!entry) throw new UsageError<HostErrorCode>("object-missing", `there is no ${name.kind} ${name.index}`);
  return entry;
}

function isNamed(entry: TableEntry, { kind, index }: ObjectName): boolean {
  return entry.class === OBJECT_CLASS[kind] && entry.index === index;
}

/** The top bit only says where the length was taken from. */
function reserved(entry: TableEntry): number {
  return entry.length & 0x7fff;
}

/** Bytes up to the next object, or to the table. */
function roomOf(entry: TableEntry, entries: readonly TableEntry[], storageBytes: number): number {
  const ends = entries.map(({ offset }) => offset).filter((offset) => offset > entry.offset);
  return Math.min(...ends, storageBytes - tableBytes(entries.length)) - entry.offset;
}

function inSegments(length: number): number {
  return Math.ceil(length / STORAGE_SEGMENT) * STORAGE_SEGMENT;
}

function checkRange(entry: TableEntry, offset: number, length: number): void {
  // A length that is to be taken from the object itself bounds nothing here.
  checkRoom(reserved(entry) === 0 ? Number.MAX_SAFE_INTEGER : reserved(entry), offset, length);
}

function checkRoom(room: number, offset: number, length: number): void {
  if (offset + length <= room) return;
  const message = `the object has room for ${room} bytes, not for ${length} from byte ${offset} on`;
  throw new UsageError<HostErrorCode>("bad-argument", message);
}

function checkIndex({ kind, index }: ObjectName): void {
  if (Number.isInteger(index) && index >= 0 && index <= 0xfe) return;
  throw new UsageError<HostErrorCode>("bad-argument", `${kind} index ${index} is not within 0..254`);
}
