import { A71CH_VARIANTS, type A71chVariant } from "../../apdu/a71ch/index.ts";
import { DecodeError, Reader, UsageError } from "../../codec/index.ts";
import type { StoredCertificate } from "../../crypto/index.ts";
import type { HostErrorCode } from "../errors.ts";
import {
  findPlace,
  LENGTH_IN_OBJECT,
  MAX_ENTRIES,
  OBJECT_CLASS,
  type StoredTable,
  type TableEntry,
} from "./object-table.ts";
import { changeTable, malformed, orMalformed, readStorage, readTable, storageFacts, writeStorage } from "./storage.ts";
import type { A71chSession } from "./session.ts";

/**
 * Stores a certificate under an index, where NXP's tools find it, in place of a former one.
 *
 * The new certificate is written beside the old one and the table last, so that a power cut leaves one of the two;
 * only where there is no room for both does the old one go first. Throws `UsageError` `bad-argument` and
 * `storage-full`. A71CH object table
 */
export async function writeCertificate(
  session: A71chSession,
  variant: A71chVariant,
  { index, der }: { readonly index: number; readonly der: Uint8Array },
): Promise<void> {
  checkIndex(index);
  checkDer(der);
  const table = await readMeasuredTable(session, variant);
  const former = table.entries.filter((entry) => isCertificate(entry, index));
  const others = table.entries.filter((entry) => !former.includes(entry));
  const facts = await storageFacts(session, variant);
  let place = findPlace(table.entries, der.length, facts);
  const isBeside = place !== undefined;
  if (place === undefined) {
    place = findPlace(others, der.length, facts);
    if (place === undefined || others.length >= MAX_ENTRIES) {
      const message = `no room for a certificate of ${der.length} bytes beside ${others.length} objects`;
      throw new UsageError<HostErrorCode>("storage-full", message);
    }
    await changeTable(session, variant, { table, remove: former });
  }
  await writeStorage(session, place, der);
  const entry = { class: OBJECT_CLASS.certificate, index, length: der.length, offset: place };
  const now = isBeside ? { table, remove: former } : { table: await readTable(session, variant) };
  await changeTable(session, variant, { ...now, add: entry });
}

/** The certificate under an index, without padding behind its DER, or undefined where there is none. */
export async function readCertificate(
  session: A71chSession,
  variant: A71chVariant,
  index: number,
): Promise<Uint8Array | undefined> {
  checkIndex(index);
  const { entries } = await readTable(session, variant);
  const entry = entries.find((each) => isCertificate(each, index));
  if (!entry) return undefined;
  const length = await certificateLength(session, variant, entry);
  return readStorage(session, entry.offset, length);
}

/** Takes a certificate out of the table; its bytes stay until they are overwritten. */
export async function eraseCertificate(session: A71chSession, variant: A71chVariant, index: number): Promise<void> {
  checkIndex(index);
  const table = await readTable(session, variant);
  const remove = table.entries.filter((entry) => isCertificate(entry, index));
  if (remove.length > 0) await changeTable(session, variant, { table, remove });
}

/** The certificates in the chip's storage, by index. */
export async function listCertificates(
  session: A71chSession,
  variant: A71chVariant,
): Promise<readonly StoredCertificate[]> {
  const { entries } = await readTable(session, variant);
  const found: StoredCertificate[] = [];
  for (const entry of entries.filter((each) => each.class === OBJECT_CLASS.certificate)) {
    found.push({ index: entry.index, length: await certificateLength(session, variant, entry) });
  }
  return found.sort((a, b) => a.index - b.index);
}

/**
 * The object table with the lengths of objects that tell them themselves, so that nothing is stored over their ends. Throws
 * `ProtocolError` `malformed-answer` where an object tells none. A71CH object table
 */
export async function readMeasuredTable(session: A71chSession, variant: A71chVariant): Promise<StoredTable> {
  const table = await readTable(session, variant);
  const measured = new Map<TableEntry | undefined, TableEntry>();
  for (const entry of table.entries.filter(({ length }) => length === LENGTH_IN_OBJECT)) {
    const room = A71CH_VARIANTS[variant].storageBytes - entry.offset;
    const header = await readStorage(session, entry.offset, Math.min(6, room));
    const length = orMalformed(() => tlvLength(header));
    if (length > room) throw malformed(`object ${entry.index} is longer than the storage`);
    measured.set(entry, { ...entry, length: LENGTH_IN_OBJECT | length });
  }
  const now = (entry: TableEntry) => measured.get(entry) ?? entry;
  return { ...table, entries: table.entries.map(now), slots: table.slots.map((slot) => slot && now(slot)) };
}

/** What the table gives is an upper bound: NXP's tools may reserve more, and the object's own header counts. */
export async function certificateLength(
  session: A71chSession,
  variant: A71chVariant,
  entry: TableEntry,
): Promise<number> {
  const room = A71CH_VARIANTS[variant].storageBytes - entry.offset;
  const given = entry.length & ~LENGTH_IN_OBJECT;
  const reserved = given === 0 && entry.length === LENGTH_IN_OBJECT ? room : given;
  const header = await readStorage(session, entry.offset, Math.min(4, reserved));
  const length = orMalformed(() => derLength(header));
  if (length > reserved) throw malformed(`certificate ${entry.index} is longer than its place`);
  return length;
}

/** The whole length of the DER SEQUENCE whose first bytes these are. */
function derLength(header: Uint8Array): number {
  if (header[0] !== 0x30) throw new DecodeError("value", "not a DER sequence", 0);
  return tlvLength(header);
}

/** The whole length of the element, with a tag of at most three bytes, whose first bytes these are. X.690, section 8.1 */
function tlvLength(header: Uint8Array): number {
  const reader = new Reader(header);
  if ((reader.u8() & 0x1f) === 0x1f && reader.u8() >= 0x80) reader.u8();
  const first = reader.u8();
  if (first > 0x82 || first === 0x80) {
    throw new DecodeError("value", `a length does not begin with 0x${first.toString(16)}`, reader.at - 1);
  }
  const length = first < 0x80 ? first : first === 0x81 ? reader.u8() : reader.u16();
  return reader.at + length;
}

function isCertificate(entry: TableEntry, index: number): boolean {
  return entry.class === OBJECT_CLASS.certificate && entry.index === index;
}

function checkIndex(index: number): void {
  if (!Number.isInteger(index) || index < 0 || index > 0xfe) {
    throw new UsageError<HostErrorCode>("bad-argument", `certificate index ${index} is not within 0..254`);
  }
}

function checkDer(der: Uint8Array): void {
  try {
    if (derLength(der) === der.length) return;
  } catch (cause) {
    throw new UsageError<HostErrorCode>("bad-argument", "a certificate must be given as DER", { cause });
  }
  throw new UsageError<HostErrorCode>("bad-argument", "the certificate's DER has another length than its bytes");
}
