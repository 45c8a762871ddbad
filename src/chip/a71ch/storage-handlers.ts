import { STORAGE_SEGMENT } from "../../apdu/a71ch/index.ts";
import type { A71chHandlers, A71chInside } from "./handler.ts";
import { refuse } from "./objects.ts";

type StorageCommand = "readStorage" | "writeStorage" | "freezeStorage";

/** The most bytes that one answer carries. A71CH APDU table */
const MAX_READ = 255;

/** General purpose storage. A71CH APDU table, instructions 7x */
export function storageHandlers(inside: A71chInside): Pick<A71chHandlers, StorageCommand> {
  const checkRange = (offset: number, length: number) => {
    const size = inside.objects.storage.length;
    if (offset + length > size) throw refuse(0x6a86, `storage ends at ${size}, not ${offset + length}`);
  };
  return {
    readStorage({ offset, length }) {
      if (length < 1 || length > MAX_READ) throw refuse(0x6a80, `cannot read ${length} bytes at once`);
      checkRange(offset, length);
      return { bytes: inside.objects.storage.subarray(offset, offset + length) };
    },
    writeStorage({ offset, bytes }) {
      checkRange(offset, bytes.length);
      for (const segment of segmentsOf(offset, bytes.length)) {
        if (inside.objects.frozenSegments[segment]) throw refuse(0x6986, `storage segment ${segment} is frozen`);
      }
      inside.objects.storage.set(bytes, offset);
      for (const segment of segmentsOf(offset, bytes.length)) inside.changed(`storage segment ${segment}`);
      return {};
    },
    freezeStorage({ offset, length }) {
      if (length === 0 || offset % STORAGE_SEGMENT !== 0 || length % STORAGE_SEGMENT !== 0) {
        throw refuse(0x6a80, `only whole segments of ${STORAGE_SEGMENT} bytes can be frozen`);
      }
      checkRange(offset, length);
      for (const segment of segmentsOf(offset, length)) inside.objects.frozenSegments[segment] = true;
      inside.changed("storage locks");
      return {};
    },
  };
}

function segmentsOf(offset: number, length: number): number[] {
  const first = Math.floor(offset / STORAGE_SEGMENT);
  const last = Math.floor((offset + length - 1) / STORAGE_SEGMENT);
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
