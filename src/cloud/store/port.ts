import type { Kysely } from "kysely";

import type { Tables } from "./tables.ts";

/**
 * Queries on the store's tables; no transactions and no raw SQL, so that every statement stays portable. `executeQuery`
 * runs what a builder here has compiled, again with other values.
 */
export type Queries = Pick<Kysely<Tables>, "selectFrom" | "insertInto" | "updateTable" | "deleteFrom" | "executeQuery">;

/** Where the cloud keeps what must outlive it. */
export interface Store {
  /** Reads the last committed state, which may be on its way to the disk still; an answer to a write never is. */
  readonly read: Queries;
  /**
   * Runs `work` in a transaction of its own and resolves with its result once that is on disk: what was acknowledged
   * survives a kill or a power cut. Whatever `work` throws rolls back and is thrown here. Works that come in together
   * share one commit, so `work` may wait for its queries and for nothing else. Once the disk failed to take a commit,
   * this and every later write throws `Refused` `disk-failed`.
   *
   * `committed` runs with the result right after the commit, in commit order, before anybody is answered: the place to
   * bring an in-memory index up to date.
   */
  write<T>(work: (queries: Queries) => Promise<T>, committed?: (result: T) => void): Promise<T>;
  /** Waits for writes in progress, then releases the files; again is the same. Later writes throw `UsageError` `store-closed`. */
  close(): Promise<void>;
}
