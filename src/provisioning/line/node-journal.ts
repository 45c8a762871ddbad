import { type FileHandle, link, open, rm } from "node:fs/promises";
import { dirname } from "node:path";

import { entryLine, type LineEntry, type LineJournal, type LineOrder, orderLine, readJournal } from "./journal.ts";

/**
 * A line's journal as a file of JSON Lines, mode 0600. An entry is on the disk before `append` settles; what a cut left
 * of an unfinished entry is dropped when the file is opened again.
 */
export class FileJournal implements LineJournal {
  readonly order: LineOrder;
  readonly entries: LineEntry[];
  readonly #file: FileHandle;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(file: FileHandle, order: LineOrder, entries: readonly LineEntry[]) {
    this.#file = file;
    this.order = order;
    this.entries = [...entries];
  }

  /** Makes the file, which appears with its order or not at all. Throws EEXIST where there is one. */
  static async create(path: string, order: LineOrder): Promise<FileJournal> {
    const next = `${path}.new`;
    const file = await open(next, "w", 0o600);
    try {
      await file.writeFile(orderLine(order));
      await file.sync();
      await link(next, path);
    } finally {
      await file.close();
      await rm(next);
    }
    await syncFolder(dirname(path));
    return new FileJournal(await open(path, "a"), order, []);
  }

  /** Opens a file that is there. Throws `UsageError` `journal-damaged`, and ENOENT where there is none. */
  static async open(path: string): Promise<FileJournal> {
    const file = await open(path, "r+");
    try {
      const bytes = await file.readFile();
      const whole = bytes.lastIndexOf(0x0a) + 1;
      const { order, entries } = readJournal(bytes.toString("utf8", 0, whole));
      await file.truncate(whole);
      await file.close();
      return new FileJournal(await open(path, "a"), order, entries);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Stations share the file: entries go one behind the other. */
  append(entry: LineEntry): Promise<void> {
    const mine = this.#last.then(async () => {
      await this.#file.appendFile(entryLine(entry));
      await this.#file.datasync();
      this.entries.push(entry);
    });
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#file.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
