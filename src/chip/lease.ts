import type { Clock } from "../crypto/index.ts";

/** What a chip is in the middle of, each sequence by what it keeps for it, before a command and after it. */
export type Sequences = { readonly before: readonly object[]; readonly after: readonly object[] };

const NOTHING: readonly object[] = [];

/** Who has begun something that several commands finish, and for how long others wait for the end of it. */
export class Lease {
  readonly #clock: Clock;
  readonly #leaseMs: number;
  #holder: object | undefined;
  /** The sequences that the holder has begun. */
  #begun = new Set<object>();
  /** What clients whose lease ran out have begun and not ended. */
  readonly #stalled = new WeakMap<object, Set<object>>();
  #cancel: () => void = () => undefined;
  #waiting: (() => void)[] = [];

  constructor(clock: Clock, leaseMs: number) {
    this.#clock = clock;
    this.#leaseMs = leaseMs;
  }

  /** Whether this client's next command may be carried out at once. */
  isOpenTo(client: object): boolean {
    return this.#holder === undefined || this.#holder === client;
  }

  /** Settles when this client's next command may be carried out. */
  async turn(client: object): Promise<void> {
    while (!this.isOpenTo(client)) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /**
   * Notes that a client's command was carried out. Whoever begins a sequence has the chip alone until its end, or until
   * the lease runs out, which counts from the command that began the first one and is not renewed: a client that
   * stalls, or begins again and again without an end, holds up the others once, for that long. What it left open is
   * nobody else's, and in nobody's way.
   */
  carriedOut(client: object, { before, after }: Sequences): void {
    const fresh = after.length === 0 ? NOTHING : after.filter((each) => !before.includes(each));
    const stalled = this.#stalled.get(client);
    if (stalled) {
      for (const each of fresh) stalled.add(each);
      if (!after.some((each) => stalled.has(each))) this.#stalled.delete(client);
      return;
    }
    if (this.#holder === undefined && fresh.length > 0) {
      this.#holder = client;
      this.#begun = new Set();
      this.#cancel = this.#clock.after(this.#leaseMs, () => {
        this.#stalled.set(client, this.#begun);
        this.release(client);
      });
    }
    if (this.#holder !== client) return;
    for (const each of fresh) this.#begun.add(each);
    if (!after.some((each) => this.#begun.has(each))) this.release(client);
  }

  /** Ends a client's lease, if it has one. */
  release(client: object): void {
    if (this.#holder !== client) return;
    this.#holder = undefined;
    this.#cancel();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
