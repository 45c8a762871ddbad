import { UsageError } from "../codec/index.ts";
import type { HostErrorCode } from "./errors.ts";

/** How often each key slot of a chip was given a new key through one device object. */
export class SlotChanges {
  readonly #changes = new Map<number, number>();

  /** Notes a new key, or none, in a slot, and gives the number of this change. */
  note(slot: number): number {
    const change = (this.#changes.get(slot) ?? 0) + 1;
    this.#changes.set(slot, change);
    return change;
  }

  /**
   * Throws `UsageError` `ephemeral-key-replaced` unless a change was the slot's last: the chip would agree with whatever
   * key is in the slot by now, and nobody would learn why the peer disagrees.
   */
  demandLast(slot: number, change: number): void {
    if (this.#changes.get(slot) === change) return;
    throw new UsageError<HostErrorCode>("ephemeral-key-replaced", `slot ${slot} holds another key by now`);
  }
}
