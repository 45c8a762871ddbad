import { A71CH_VARIANTS, type A71chVariant, credentialMap, STORAGE_CHUNK } from "../../apdu/a71ch/index.ts";
import { concat, decode, DecodeError, ProtocolError } from "../../codec/index.ts";
import type { HostErrorCode } from "../errors.ts";
import { decodeTable, entryCount, type StorageFacts, type StoredTable, tableBytes } from "./object-table.ts";
import type { A71chSession } from "./session.ts";
import { type TableChange, tableWrites } from "./table-writes.ts";

/** The object table at the end of the chip's storage. A71CH object table */
export async function readTable(session: A71chSession, variant: A71chVariant): Promise<StoredTable> {
  const { storageBytes } = A71CH_VARIANTS[variant];
  const last = await readStorage(session, storageBytes - tableBytes(0), tableBytes(0));
  const size = tableBytes(entryCount(last));
  if (size > storageBytes) throw malformed("the object table is larger than the storage");
  const before = await readStorage(session, storageBytes - size, size - last.length);
  return orMalformed(() => decodeTable(concat(before, last), storageBytes));
}

/** Changes the object table; cut between two commands, it is the old one or the new one. A71CH object table */
export async function changeTable(
  session: A71chSession,
  variant: A71chVariant,
  { table, ...change }: TableChange & { readonly table: StoredTable },
): Promise<void> {
  for (const write of tableWrites(table, change, A71CH_VARIANTS[variant].storageBytes)) {
    await session.send("writeStorage", write);
  }
}

/** How much storage the chip has, and what of it is frozen. */
export async function storageFacts(session: A71chSession, variant: A71chVariant): Promise<StorageFacts> {
  const capacity = A71CH_VARIANTS[variant];
  const { map } = await session.send("readCredentialMap", {});
  const { storage } = orMalformed(() => decode(credentialMap(capacity), map));
  return { storageBytes: capacity.storageBytes, frozen: storage.map(({ frozen }) => frozen) };
}

/** Bytes of storage, in as many commands as it takes. */
export async function readStorage(session: A71chSession, offset: number, length: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let done = 0; done < length; done += STORAGE_CHUNK) {
    const asked = Math.min(length - done, STORAGE_CHUNK);
    const { bytes } = await session.send("readStorage", { offset: offset + done, length: asked });
    if (bytes.length !== asked) throw malformed(`${bytes.length} bytes of storage where ${asked} were asked for`);
    parts.push(bytes);
  }
  return concat(...parts);
}

/** Writes bytes into storage, in as many commands as it takes. */
export async function writeStorage(session: A71chSession, offset: number, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; done += STORAGE_CHUNK) {
    await session.send("writeStorage", {
      offset: offset + done,
      bytes: bytes.subarray(done, Math.min(bytes.length, done + STORAGE_CHUNK)),
    });
  }
}

/** What `read` makes of the chip's storage; `malformed-answer` where it makes nothing of it. */
export function orMalformed<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw malformed("what is in the chip's storage is not an object table with certificates", cause);
  }
}

/** An error for a chip whose storage or answers make no sense. */
export function malformed(message: string, cause?: unknown): ProtocolError<HostErrorCode> {
  return new ProtocolError<HostErrorCode>("malformed-answer", message, undefined, { cause });
}
