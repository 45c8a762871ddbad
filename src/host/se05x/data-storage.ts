import { SE05X_TYPE } from "../../apdu/se05x/index.ts";
import { Refused, UsageError } from "../../codec/index.ts";
import type { DataStorage } from "../../crypto/index.ts";
import type { HostErrorCode } from "../errors.ts";
import { eraseFile, readFile, writeFile } from "./files.ts";
import { dataFile, dataIndexOf } from "./object-ids.ts";
import type { Se05xSession } from "./session.ts";

/**
 * The chip's binary files that are no certificates: those below index 256 are Hawser's own, any other index is the
 * identifier of a file that somebody else made. Files whose size a policy keeps are left out. SE05x command table, tier b
 */
export function se05xData(exclusive: <T>(work: (session: Se05xSession) => Promise<T>) => Promise<T>): DataStorage {
  return {
    list: () =>
      exclusive(async ({ objects }) => {
        const found: { index: number; length: number }[] = [];
        for (const objectId of await objects.list(SE05X_TYPE.binary)) {
          const index = dataIndexOf(objectId);
          const length = index === undefined ? undefined : await objects.size(objectId);
          if (index !== undefined && length !== undefined) found.push({ index, length });
        }
        return found;
      }),
    read: (index) =>
      exclusive(async (session) => {
        const bytes = await readFile(session, dataFile(index));
        if (bytes) return bytes;
        throw new UsageError<HostErrorCode>("object-missing", `there is no data ${index}`);
      }),
    write: (index, bytes) =>
      exclusive((session) =>
        writeFile(session, dataFile(index), bytes).catch((cause: unknown) => {
          if (!(cause instanceof Refused) || cause.wire !== NO_MEMORY) throw cause;
          const message = `no room for data of ${bytes.length} bytes`;
          throw new UsageError<HostErrorCode>("storage-full", message, { cause });
        }),
      ),
    erase: (index) => exclusive((session) => eraseFile(session, dataFile(index))),
  };
}

/** To a new file: that memory does not suffice. SE05x status words */
const NO_MEMORY = 0x6985;
