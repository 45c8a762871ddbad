import { UsageError } from "../codec/index.ts";
import type { Clock } from "../crypto/index.ts";
import type { HostErrorCode } from "./errors.ts";

/** How long a turn may last, and who measures it. */
export type TurnLimits = { readonly clock: Clock; readonly leaseMs: number };

type Exclusive<S> = (work: (session: S) => Promise<void>) => Promise<void>;

/**
 * One handshake's turn at a chip: nobody else's command comes between its own, however long it waits for its peer, until
 * it ends or its time is up.
 */
export class Turn<S> {
  readonly #session: S;
  readonly #ended = Promise.withResolvers<void>();
  #isOver = false;
  #underWay: Promise<unknown> = Promise.resolve();

  private constructor(session: S) {
    this.#session = session;
  }

  /** Waits for all who came before. `exclusive` lets work through one at a time. */
  static take<S>(exclusive: Exclusive<S>, { clock, leaseMs }: TurnLimits): Promise<Turn<S>> {
    return new Promise((resolve, reject) => {
      exclusive(async (session) => {
        const turn = new Turn(session);
        const cancel = clock.after(leaseMs, () => turn.end());
        resolve(turn);
        await turn.#ended.promise;
        cancel();
        // A command that was sent already has the chip until it is answered.
        await turn.#underWay;
      }).catch(reject);
    });
  }

  /** Throws `lease-expired` once the turn is over. */
  use<T>(work: (session: S) => Promise<T>): Promise<T> {
    if (this.#isOver) {
      const message = "the handshake took longer than it may have the chip to itself";
      return Promise.reject(new UsageError<HostErrorCode>("lease-expired", message));
    }
    const result = work(this.#session);
    this.#underWay = result.catch(() => undefined);
    return result;
  }

  /** Lets the next one in; may be called more than once. */
  end(): void {
    this.#isOver = true;
    this.#ended.resolve();
  }
}
