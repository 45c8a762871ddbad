import { HawserError, UsageError } from "../../codec/index.ts";
import type { CloudErrorCode } from "../errors.ts";
import { sqliteCode, SQLITE } from "./sqlite-failures.ts";

/** What the file system says of a directory that cannot be one's own. */
const UNUSABLE: readonly string[] = ["EACCES", "EEXIST", "ENOENT", "ENOSPC", "ENOTDIR", "EPERM", "EROFS", "EDQUOT"];

/**
 * What an error of SQLite or of the file system means for a data directory: `UsageError` `store-damaged` or
 * `data-directory-unusable`; every other error stays what it is.
 */
export function storeFailure(error: unknown, directory: string): unknown {
  if (error instanceof HawserError || !(error instanceof Error)) return error;
  const options = { cause: error };
  const damage = sqliteCode(error);
  if (damage === SQLITE.corrupt || damage === SQLITE.notADatabase) {
    return new UsageError<CloudErrorCode>("store-damaged", `the store in ${directory} is damaged`, options);
  }
  const { code = "" } = error as NodeJS.ErrnoException;
  const isReadOnly = damage === SQLITE.readOnly || damage === SQLITE.cannotOpen || damage === SQLITE.full;
  if (!isReadOnly && !UNUSABLE.includes(code)) return error;
  return new UsageError<CloudErrorCode>("data-directory-unusable", `${directory} cannot be used`, options);
}
