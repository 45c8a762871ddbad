import { SE05X_CRYPTO_CONTEXT } from "../../../apdu/se05x/index.ts";
import { Reader, Refused, UsageError } from "../../../codec/index.ts";
import type { HostErrorCode } from "../../errors.ts";
import type { Se05xSender } from "./sender.ts";

/** What a crypto object is for. */
export type Se05xCryptoContext = keyof typeof SE05X_CRYPTO_CONTEXT;

/** A crypto object in the chip: its identifier, its context, and the algorithm in it. */
export type Se05xCryptoObject = { readonly id: number; readonly context: number; readonly algorithm: number };

/** Identifiers of Hawser's own. */
const OWN = { from: 0x4857, count: 8 } as const;

/** Which of Hawser's own identifiers are in use: one pool for a chip, whichever session uses it. */
export class CryptoObjectPool {
  readonly #used = new Set<number>();

  /** Throws `UsageError` `busy` where all are in use. */
  take(): number {
    for (let id = OWN.from; id < OWN.from + OWN.count; id++) {
      if (this.#used.has(id)) continue;
      this.#used.add(id);
      return id;
    }
    throw new UsageError<HostErrorCode>("busy", `${OWN.count} streamed operations are under way already`);
  }

  give(id: number): void {
    this.#used.delete(id);
  }
}

/** Places in the chip in which streamed operations keep their state. SE05x command table, section 4.5 */
export class Se05xCryptoObjects {
  readonly #sender: Se05xSender;
  readonly #pool: CryptoObjectPool;

  constructor(sender: Se05xSender, pool: CryptoObjectPool) {
    this.#sender = sender;
    this.#pool = pool;
  }

  /** Those in the chip, whoever made them. */
  async list(): Promise<readonly Se05xCryptoObject[]> {
    const reader = new Reader((await this.#sender.send("readCryptoObjectList", {})).list);
    const found: Se05xCryptoObject[] = [];
    while (reader.remaining > 0) found.push({ id: reader.u16(), context: reader.u8(), algorithm: reader.u8() });
    return found;
  }

  async create(id: number, context: Se05xCryptoContext, algorithm: number): Promise<void> {
    const fields = { context: SE05X_CRYPTO_CONTEXT[context], subtype: algorithm };
    await this.#sender.send("createCryptoObject", { cryptoObjectId: id, ...fields });
  }

  async delete(id: number): Promise<void> {
    await this.#sender.send("deleteCryptoObject", { cryptoObjectId: id });
  }

  /**
   * Makes one of Hawser's own for an operation; `release` deletes it. Each takes a write to non-volatile memory, which
   * wears it: what fits one command needs none. Throws `UsageError` `busy` where eight are in use.
   */
  async borrow(context: Se05xCryptoContext, algorithm: number): Promise<BorrowedCryptoObject> {
    const id = this.#pool.take();
    try {
      await this.#make(id, context, algorithm);
    } catch (error) {
      this.#pool.give(id);
      throw error;
    }
    return { id, release: () => this.delete(id).finally(() => this.#pool.give(id)) };
  }

  async #make(id: number, context: Se05xCryptoContext, algorithm: number): Promise<void> {
    try {
      await this.create(id, context, algorithm);
    } catch (error) {
      if (!(error instanceof Refused) || error.wire !== 0x6985) throw error;
      // A program that ended in the middle of an operation leaves its object behind.
      await this.delete(id);
      await this.create(id, context, algorithm);
    }
  }
}

/** A crypto object for one operation. */
export type BorrowedCryptoObject = { readonly id: number; readonly release: () => Promise<void> };

/** An operation in pieces. It ends with `finish`, or with `abandon`, and either frees its place in the chip. */
export class Se05xRunning<Result> {
  readonly #place: BorrowedCryptoObject;
  readonly #steps: RunningSteps<Result>;
  #isOver = false;

  constructor(place: BorrowedCryptoObject, steps: RunningSteps<Result>) {
    this.#place = place;
    this.#steps = steps;
  }

  /** Takes a part of the message, of any length, and gives the output that is sure by now. */
  async update(part: Uint8Array): Promise<Uint8Array> {
    this.#demandOpen();
    return this.#guarded(() => this.#steps.update(part));
  }

  async finish(): Promise<Result> {
    this.#demandOpen();
    const result = await this.#guarded(() => this.#steps.finish());
    await this.abandon();
    return result;
  }

  /** Frees the place in the chip; may be called more than once. */
  async abandon(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    await this.#place.release();
  }

  /** The failure is what the caller is to learn, not that of the tidying behind it. */
  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      await this.abandon().catch(() => undefined);
      throw error;
    }
  }

  #demandOpen(): void {
    if (this.#isOver) throw new UsageError<HostErrorCode>("closed", "this operation has ended: begin a new one");
  }
}

/** What the steps of an operation are, each of as many commands as it takes. */
export type RunningSteps<Result> = {
  readonly update: (part: Uint8Array) => Promise<Uint8Array>;
  readonly finish: () => Promise<Result>;
};

/** Begins an operation in a place of its own, which is freed again where the chip refuses it. */
export async function begin<Result>(
  place: BorrowedCryptoObject,
  init: () => Promise<unknown>,
  steps: RunningSteps<Result>,
): Promise<Se05xRunning<Result>> {
  const running = new Se05xRunning(place, steps);
  try {
    await init();
  } catch (error) {
    await running.abandon().catch(() => undefined);
    throw error;
  }
  return running;
}
