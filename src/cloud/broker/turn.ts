import type { Clock } from "../../crypto/index.ts";
import type { Trace } from "../../trace/index.ts";
import type { Defer, SessionStore } from "./ports.ts";

/** The same store, each of whose writes is noted by a turn. */
export function notingStore(store: SessionStore, turn: Pick<Turn, "noteWrite">): SessionStore {
  const noted = (write: () => void): void => {
    write();
    turn.noteWrite();
  };
  return {
    load: () => store.load(),
    commit: () => store.commit(),
    putSession: (session) => noted(() => store.putSession(session)),
    deleteSession: (clientId) => noted(() => store.deleteSession(clientId)),
    putSubscription: (clientId, subscription) => noted(() => store.putSubscription(clientId, subscription)),
    deleteSubscription: (clientId, filter) => noted(() => store.deleteSubscription(clientId, filter)),
    enqueue: (clientId, entry) => noted(() => store.enqueue(clientId, entry)),
    updateQueued: (clientId, entry) => noted(() => store.updateQueued(clientId, entry)),
    dequeue: (clientId, seq) => noted(() => store.dequeue(clientId, seq)),
    putReceived: (clientId, entry) => noted(() => store.putReceived(clientId, entry)),
    deleteReceived: (clientId, packetId) => noted(() => store.deleteReceived(clientId, packetId)),
    putWill: (will) => noted(() => store.putWill(will)),
    deleteWill: (clientId) => noted(() => store.deleteWill(clientId)),
    putRetained: (message) => noted(() => store.putRetained(message)),
    deleteRetained: (topic) => noted(() => store.deleteRetained(topic)),
  };
}

/** A turn is sparse where so many members, or more, had packets to send, and few of them more than one. */
const SPARSE = { members: 16, packetsEach: 1.125 } as const;

/** What a turn ends for: a connection with packets to write or acknowledgements to release. */
export interface TurnMember {
  /** Writes what was gathered. */
  flush(): void;
  /** Releases what waited for store writes up to `mark`. */
  release(mark: number): void;
  /** The store failed: what waits will never be durable. */
  storeFailed(): void;
}

export type TurnPorts = {
  readonly defer: Defer;
  readonly store: SessionStore;
  readonly trace: Trace;
  readonly clock: Clock;
};

/**
 * One turn: everything that happens between two visits of the event loop to the network.
 *
 * All packets for one connection leave in one write, but for sparse turns (`hasRead`), and all store writes become
 * durable in one commit. A mark counts
 * store writes: what depends on mark n may be acknowledged once n writes are durable.
 */
export class Turn {
  readonly #defer: Defer;
  readonly #store: SessionStore;
  readonly #trace: Trace;
  readonly #clock: Clock;
  #members: TurnMember[] = [];
  #waiting = new Set<TurnMember>();
  #time: number | undefined;
  #isScheduled = false;
  #number = 1;
  /** How many packets there were to send in this turn, and how many members had any. */
  #packets = 0;
  #joined = 0;
  #isSparse = false;
  #mark = 0;
  #committing = 0;
  #durable = 0;
  /** What this turn's acknowledgements wait for besides the store. */
  #held: Promise<void>[] = [];
  /** The last commit that waited for such: later ones are durable after it. */
  #before: Promise<void> | undefined;

  constructor(ports: TurnPorts) {
    this.#clock = ports.clock;
    this.#defer = ports.defer;
    this.#store = ports.store;
    this.#trace = ports.trace;
  }

  /** When this turn began, in milliseconds since 1970: the clock is asked once a turn. */
  get time(): number {
    if (this.#time === undefined) {
      this.#time = this.#clock.now();
      this.#schedule();
    }
    return this.#time;
  }

  /** How many store writes there were. */
  get mark(): number {
    return this.#mark;
  }

  /** Notes that something was written to the store. */
  noteWrite(): void {
    this.#mark += 1;
    this.#schedule();
  }

  /** Notes something beside the store that must be durable before this turn's acknowledgements leave. */
  hold(until: Promise<void>): void {
    this.#held.push(until);
    this.noteWrite();
  }

  isDurable(mark: number): boolean {
    return mark <= this.#durable;
  }

  /** Which turn this is: members tell by it whether they were asked for a write before. */
  get number(): number {
    return this.#number;
  }

  /** Notes a packet that a member has to send, the first one of this turn where `isFirst`. */
  notePacket(isFirst: boolean): void {
    this.#packets += 1;
    if (isFirst) this.#joined += 1;
  }

  /** Asks for `flush` at the end of this turn, or sooner; to be asked once before each. */
  join(member: TurnMember): void {
    this.#members.push(member);
    this.#schedule();
  }

  /** Asks for `release` as soon as more writes are durable. */
  wait(member: TurnMember): void {
    this.#waiting.add(member);
  }

  /**
   * Tells that what one read brought has been handled. After a sparse turn it is no use to wait for the end of this one,
   * which would join hardly any two packets: they leave now, while all that they need is in the processor's caches.
   */
  hasRead(): void {
    if (this.#isSparse && this.#members.length > 0) this.#flush();
  }

  /** Ends the turn now. */
  end(): void {
    this.#isScheduled = false;
    this.#time = undefined;
    this.#commit();
    this.#flush();
    this.#isSparse = this.#joined >= SPARSE.members && this.#packets <= this.#joined * SPARSE.packetsEach;
    this.#joined = this.#packets = 0;
    this.#number += 1;
  }

  #flush(): void {
    const members = this.#members;
    if (members.length === 0) return;
    this.#members = [];
    for (const member of members) member.flush();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#defer(() => this.end());
  }

  #commit(): void {
    const mark = this.#mark;
    if (mark === this.#committing) return;
    this.#committing = mark;
    const committed = this.#inOrder(this.#store.commit());
    if (committed)
      committed.then(
        () => this.#committed(mark),
        (error: unknown) => this.#failed(error),
      );
    else this.#committed(mark);
  }

  /** When all that was noted so far is durable: not before what was noted in former turns. */
  #inOrder(stored: Promise<void> | undefined): Promise<void> | undefined {
    const held = this.#held.splice(0);
    if (held.length === 0 && !this.#before) return stored;
    const all: Promise<void> = Promise.all([this.#before, stored, ...held])
      .then(() => undefined)
      .finally(() => {
        if (this.#before === all) this.#before = undefined;
      });
    return (this.#before = all);
  }

  #committed(mark: number): void {
    this.#durable = Math.max(this.#durable, mark);
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const member of waiting) member.release(this.#durable);
  }

  #failed(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#trace.emit("cloud", { kind: "process", what: "warning", detail: `session store cannot commit: ${reason}` });
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const member of waiting) member.storeFailed();
  }
}
