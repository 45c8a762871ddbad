import type { Clock } from "../crypto/index.ts";

/** Who has begun something that several commands finish, and for how long others wait for the end of it. */
export class Lease {
  readonly #clock: Clock;
  readonly #leaseMs: number;
  #holder: object | undefined;
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
   * Notes that a client's command was carried out, and whether a sequence was under way before and after it. The lease
   * runs from the command that began the sequence and is not renewed: a client that stalls, or never ends, holds up the
   * others once, for that long; what it left open gives nobody else a lease.
   */
  carriedOut(client: object, midSequence: { readonly before: boolean; readonly after: boolean }): void {
    if (!midSequence.after) return this.release(client);
    if (this.#holder !== undefined || midSequence.before) return;
    this.#holder = client;
    this.#cancel = this.#clock.after(this.#leaseMs, () => this.release(client));
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
