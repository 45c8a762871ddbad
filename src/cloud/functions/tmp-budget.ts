/** A process of a function whose `/tmp` counts. */
export interface TmpOwner {
  /** Whether it waits for its next invocation, so that nobody loses an answer when it ends. */
  readonly isResting: boolean;
  /** Ends the process; what it runs fails for the reason given. */
  endForTmp(why: string): void;
}

const MB = 1024 * 1024;

/**
 * What all processes together may keep in their `/tmp`. The kernel bounds each one by its function's size; this bounds the
 * sum, which is memory of the machine. Sizes are promised without being set aside, as most functions use little of theirs.
 */
export class TmpBudget {
  readonly #bytes: number;
  readonly #held = new Map<TmpOwner, number>();

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /** Notes what one process has in its `/tmp` now. Where all is too much, those end that rest, then those with most. */
  note(owner: TmpOwner, bytes: number): void {
    if (bytes > 0) this.#held.set(owner, bytes);
    else this.#held.delete(owner);
    let total = this.#held.values().reduce((sum, each) => sum + each, 0);
    if (total <= this.#bytes) return;
    const why = `all functions have ${Math.ceil(total / MB)} MB in /tmp together, ${Math.floor(this.#bytes / MB)} MB allowed`;
    for (const [each, held] of [...this.#held].toSorted(soonestFirst)) {
      if (total <= this.#bytes) return;
      total -= held;
      this.#held.delete(each);
      each.endForTmp(why);
    }
  }

  /** Its process has ended, and its `/tmp` with it. */
  forget(owner: TmpOwner): void {
    this.#held.delete(owner);
  }
}

function soonestFirst([a, heldByA]: [TmpOwner, number], [b, heldByB]: [TmpOwner, number]): number {
  return Number(b.isResting) - Number(a.isResting) || heldByB - heldByA;
}
