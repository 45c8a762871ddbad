import { T1_HEADER_LENGTH, t1BytesAfter, type T1Form } from "../apdu/index.ts";
import { concat } from "../codec/index.ts";
import type { Clock } from "../crypto/index.ts";
import { Queue } from "./queue.ts";
import { T1Machine, type T1Input, type T1Output } from "./t1-machine.ts";
import type { Transport } from "./transport.ts";

/** A chip's place on an I2C bus. A chip that is at work does not acknowledge: it is asked again later. */
export interface I2cPlace {
  /** Whether the chip took the bytes. */
  write(bytes: Uint8Array): Promise<boolean>;
  /** The bytes, or undefined where the chip has none yet. */
  read(length: number): Promise<Uint8Array | undefined>;
  close(): Promise<void>;
}

/** A way to a chip over T=1, and its answer to reset. */
export type T1Transport = Transport & { readonly answerToReset: Uint8Array };

/** Until the chip has said its own, in milliseconds. */
const FIRST_POLLING_MS = 1;

/** How a chip on a bus is spoken to. */
export type T1Options = {
  readonly clock: Clock;
  /** NXP's own where absent. */
  readonly form?: T1Form;
};

/**
 * Resets a chip's interface over I2C and gives the way to it. Throws `ProtocolError`: `bus-silent` where nothing answers;
 * and from `exchange` also `answer-lost` and `block-protocol`, after which the next command may still succeed.
 */
export async function openT1(place: I2cPlace, { clock, form = "nxp" }: T1Options): Promise<T1Transport> {
  const driver = new Driver(place, clock, form);
  const ready = await driver.run({ on: "reset" }, "ready");
  driver.pollingMs = ready.facts.pollingTimeMs;
  const queue = new Queue();
  return {
    answerToReset: ready.bytes,
    exchange: (command) => queue.run(async () => (await driver.run({ on: "exchange", command }, "answer")).bytes),
    close: () =>
      queue.run(async () => {
        // A chip that is gone needs no farewell.
        await driver.run({ on: "end" }, "ended").catch(() => undefined);
        await place.close();
      }),
  };
}

class Driver {
  readonly #machine: T1Machine;
  readonly #form: T1Form;
  readonly #place: I2cPlace;
  readonly #clock: Clock;
  pollingMs = FIRST_POLLING_MS;

  constructor(place: I2cPlace, clock: Clock, form: T1Form) {
    this.#machine = new T1Machine(form);
    this.#form = form;
    this.#place = place;
    this.#clock = clock;
  }

  async run<What extends T1Output["do"]>(
    input: T1Input,
    awaited: What,
  ): Promise<Extract<T1Output, { readonly do: What }>> {
    let output = this.#machine.step(input);
    while (output.do === "write") {
      const bytes = await this.#talk(output.bytes, output.waitMs);
      output = this.#machine.step(bytes ? { on: "block", bytes } : { on: "silence" });
    }
    if (output.do === "fail") throw output.error;
    // The machine answers what it was asked.
    return output as Extract<T1Output, { readonly do: typeof awaited }>;
  }

  /** Writes a block and reads the one that follows, as soon as there is one. */
  async #talk(bytes: Uint8Array, waitMs: number): Promise<Uint8Array | undefined> {
    const until = this.#clock.now() + waitMs;
    if (!(await this.#polled(until, async () => (await this.#place.write(bytes)) || undefined))) return undefined;
    const header = await this.#polled(until, async () => {
      const found = await this.#place.read(T1_HEADER_LENGTH[this.#form]);
      // A bus that nobody pulls down reads as ones.
      return found?.every((byte) => byte === 0xff) ? undefined : found;
    });
    if (!header) return undefined;
    const following = await this.#polled(until, () => this.#place.read(t1BytesAfter(header, this.#form)));
    return following && concat(header, following);
  }

  async #polled<T>(until: number, attempt: () => Promise<T | undefined>): Promise<T | undefined> {
    for (;;) {
      const result = await attempt();
      if (result !== undefined) return result;
      if (this.#clock.now() >= until) return undefined;
      await new Promise<void>((resolve) => void this.#clock.after(this.pollingMs, resolve));
    }
  }
}
