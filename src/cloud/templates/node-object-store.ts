import { mkdir, open, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";

import { invalidRequest } from "../errors.ts";
import type { ObjectStore } from "./tasks.ts";

/** The largest list that is read: some 200,000 devices. */
const LIMIT = 64 * 1024 * 1024;

/** Objects as files of a directory, a bucket a folder: `aws s3 cp` becomes `cp`. */
export function fileObjectStore(directory: string): ObjectStore {
  const pathOf = (bucket: string, key: string): string => {
    const root = resolve(directory);
    const path = resolve(root, bucket, key);
    const isPlain = ![...bucket.split("/"), ...key.split("/")].some((part) => part === "" || part.startsWith("."));
    if (isPlain && path.startsWith(join(root, bucket) + sep)) return path;
    throw invalidRequest(`${bucket}/${key} names no object: its parts must not be empty or begin with a dot`);
  };
  return {
    async read(bucket, key) {
      const path = pathOf(bucket, key);
      const found = await stat(path).catch(() => undefined);
      if (!found?.isFile()) return undefined;
      if (found.size > LIMIT) throw invalidRequest(`object ${key} has ${found.size} bytes, at most ${LIMIT} are read`);
      const file = await open(path, "r");
      try {
        return new Uint8Array(await file.readFile());
      } finally {
        await file.close();
      }
    },
    async write(bucket, key, bytes) {
      const path = pathOf(bucket, key);
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await writeFile(path, bytes, { mode: 0o600 });
      return pathToFileURL(path).href;
    },
  };
}
