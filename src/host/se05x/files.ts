import { SE05X_RESULT } from "../../apdu/se05x/index.ts";
import { concat, ProtocolError } from "../../codec/index.ts";
import type { HostErrorCode } from "../errors.ts";
import type { Se05xSession } from "./session.ts";

/** What one command moves: a command with it fits the smaller of the chips' buffers. SE05x coding rules */
const CHUNK = 0x200;

/**
 * A file as a whole, in the place of one that has another length. Its beginning is written last: a file that a power cut
 * left unfinished begins with zeros, which no certificate does. Other data show nothing of it.
 */
export async function writeFile(session: Se05xSession, objectId: number, bytes: Uint8Array): Promise<void> {
  await eraseFile(session, objectId);
  const { length } = bytes;
  for (let offset = Math.floor(Math.max(0, length - 1) / CHUNK) * CHUNK; offset >= 0; offset -= CHUNK) {
    const isFirst = offset + CHUNK >= length;
    const data = bytes.subarray(offset, offset + CHUNK);
    await session.send("writeBinary", { objectId, ...(isFirst ? { length } : {}), offset, data });
  }
}

/** A certificate as a whole, or undefined where there is none, or one that was never finished. */
export async function readCertificateFile(session: Se05xSession, objectId: number): Promise<Uint8Array | undefined> {
  const bytes = await readFile(session, objectId);
  return bytes?.[0] === 0x00 ? undefined : bytes;
}

/** A file as a whole, or undefined where there is none. */
export async function readFile(session: Se05xSession, objectId: number): Promise<Uint8Array | undefined> {
  if (!(await exists(session, objectId))) return undefined;
  const { size } = await session.send("readSize", { objectId });
  const parts: Uint8Array[] = [];
  for (let offset = 0; offset < size; offset += CHUNK) {
    const length = Math.min(CHUNK, size - offset);
    const { bytes } = await session.send("readObject", { objectId, offset, length });
    if (bytes.length !== length) {
      throw new ProtocolError<HostErrorCode>(
        "malformed-answer",
        `${bytes.length} bytes of a file, not ${length}`,
        undefined,
      );
    }
    parts.push(bytes);
  }
  return concat(...parts);
}

/** Does nothing where there is no such file. */
export async function eraseFile(session: Se05xSession, objectId: number): Promise<void> {
  if (await exists(session, objectId)) await session.send("deleteObject", { objectId });
}

async function exists(session: Se05xSession, objectId: number): Promise<boolean> {
  return (await session.send("exists", { objectId })).result === SE05X_RESULT.yes;
}

/** Files that hold certificates, those of them that are there. */
export async function readCertificates(
  chip: { exclusive<T>(work: (session: Se05xSession) => Promise<T>): Promise<T> },
  objectIds: readonly number[],
): Promise<readonly Uint8Array[]> {
  const found: Uint8Array[] = [];
  for (const objectId of objectIds) {
    const bytes = await chip.exclusive((session) => readFile(session, objectId));
    if (bytes) found.push(bytes);
  }
  return found;
}
