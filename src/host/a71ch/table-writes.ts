import { STORAGE_CHUNK } from "../../apdu/a71ch/index.ts";
import { concat } from "../../codec/index.ts";
import {
  ENTRY_BYTES,
  encodeEntry,
  encodeTable,
  type StoredTable,
  type TableEntry,
  tableBytes,
} from "./object-table.ts";

/** What becomes of a table: entries of it that go, and one that comes. */
export type TableChange = { readonly remove?: readonly TableEntry[]; readonly add?: TableEntry };

/** One write command: where in storage, and what. */
export type TableWrite = { readonly offset: number; readonly bytes: Uint8Array };

/** How many entries one command carries beside the two bytes behind them. */
const AT_ONCE = Math.floor((STORAGE_CHUNK - 2) / ENTRY_BYTES);

/**
 * The commands that change a table, such that readers find the old entries or the new ones whenever the power goes
 * between two of them; entries that go one by one where there are several.
 *
 * A small table is one command. In a larger one, entries do not lie in the order of their offsets: readers sort. What
 * is beyond the count is not seen, so an entry that comes is written there before the count; one that goes is first
 * brought to the end by commands that each only put the entries within their reach in another order. A71CH object table
 */
export function tableWrites(table: StoredTable, change: TableChange, storageBytes: number): readonly TableWrite[] {
  const { remove = [], add } = change;
  const entries = [...table.entries.filter((entry) => !remove.includes(entry)), ...(add ? [add] : [])];
  const updates = (table.updates + 1) & 0xff;
  if (tableBytes(Math.max(table.slots.length, entries.length)) <= STORAGE_CHUNK) {
    const bytes = encodeTable({ updates, entries });
    return [{ offset: storageBytes - bytes.length, bytes }];
  }
  const large = new LargeTable(table.slots, storageBytes);
  large.closeGaps();
  const [first, ...others] = remove;
  if (first && add) large.replace(first, add, updates);
  else if (first) large.remove(first, updates);
  else if (add) large.append(add, updates);
  for (const other of others) large.remove(other, updates);
  return large.writes;
}

/** A table that takes more than one command. Slot 0 lies at the end of storage, the others below it. */
class LargeTable {
  readonly writes: TableWrite[] = [];
  readonly #slots: (TableEntry | undefined)[];
  readonly #storageBytes: number;

  constructor(slots: readonly (TableEntry | undefined)[], storageBytes: number) {
    this.#slots = [...slots];
    this.#storageBytes = storageBytes;
  }

  /** Moves entries into the places of deleted ones; the last place is never a deleted one's. */
  closeGaps(): void {
    for (let gap = this.#slots.indexOf(undefined); gap !== -1; gap = this.#slots.indexOf(undefined, gap)) {
      let from = this.#slots.findIndex((slot, i) => i > gap && slot !== undefined);
      while (from > gap) {
        const to = Math.max(gap, from - AT_ONCE + 1);
        this.#swap(to, from);
        from = to;
      }
      while (this.#slots.at(-1) === undefined) this.#slots.pop();
    }
  }

  replace(old: TableEntry, entry: TableEntry, updates: number): void {
    const at = this.#slots.indexOf(old);
    this.#slots[at] = entry;
    // Where the slot is out of the count's reach, its own command is the change.
    if (at >= AT_ONCE) this.#write(at, at);
    this.#commit(updates);
  }

  append(entry: TableEntry, updates: number): void {
    this.#slots.push(entry);
    const at = this.#slots.length - 1;
    if (at >= AT_ONCE) this.#write(at, at);
    this.#commit(updates);
  }

  remove(entry: TableEntry, updates: number): void {
    const last = this.#slots.length - 1;
    let at = this.#slots.indexOf(entry);
    if (at < AT_ONCE) this.#slots[at] = this.#slots[last];
    else {
      while (at < last) {
        const to = Math.min(last, at + AT_ONCE - 1);
        this.#swap(at, to);
        at = to;
      }
    }
    this.#slots.pop();
    this.#commit(updates);
  }

  #swap(low: number, high: number): void {
    [this.#slots[low], this.#slots[high]] = [this.#slots[high], this.#slots[low]];
    this.#write(low, high);
  }

  #write(low: number, high: number): void {
    const bytes = this.#encoded(low, high);
    this.writes.push({ offset: this.#storageBytes - 2 - (high + 1) * ENTRY_BYTES, bytes });
  }

  /** The entries in reach of the count, and with them the count: what readers go by. */
  #commit(updates: number): void {
    const count = this.#slots.length;
    const head = this.#encoded(0, Math.min(AT_ONCE, count) - 1);
    const bytes = concat(head, Uint8Array.of(updates, count));
    this.writes.push({ offset: this.#storageBytes - bytes.length, bytes });
  }

  #encoded(low: number, high: number): Uint8Array {
    return concat(
      ...this.#slots
        .slice(low, high + 1)
        .reverse()
        .map(encodeEntry),
    );
  }
}
