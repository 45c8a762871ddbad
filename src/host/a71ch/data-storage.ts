import type { A71chVariant } from "../../apdu/a71ch/index.ts";
import type { DataStorage } from "../../crypto/index.ts";
import type { A71chSession } from "./session.ts";
import { createObject, eraseObject, listObjects, type ObjectAccess, readObject } from "./stored-objects.ts";

/**
 * The data objects of the chip's object table, at indexes 0 to 254, as NXP's tools keep them. They have the length that
 * the table gives. A71CH object table
 */
export function a71chData(
  exclusive: <T>(work: (session: A71chSession) => Promise<T>) => Promise<T>,
  variant: A71chVariant,
): DataStorage {
  const access = <T>(work: (objects: ObjectAccess) => Promise<T>) => exclusive((session) => work({ session, variant }));
  return {
    list: () =>
      access(async (objects) =>
        (await listObjects(objects)).flatMap(({ kind, index, reservedBytes }) =>
          kind === "data" ? [{ index, length: reservedBytes }] : [],
        ),
      ),
    read: (index) => access((objects) => readObject(objects, { kind: "data", index })),
    write: (index, bytes) => access((objects) => createObject(objects, { kind: "data", index, bytes })),
    erase: (index) => access((objects) => eraseObject(objects, { kind: "data", index })),
  };
}
