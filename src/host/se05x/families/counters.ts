import { Writer } from "../../../codec/index.ts";
import type { PolicyEntry } from "../../../apdu/se05x/index.ts";
import type { Se05xSender } from "./sender.ts";

/** Counters that only grow: against old data that somebody brings back. SE05x command table, tier b */
export class Se05xCounters {
  readonly #sender: Se05xSender;

  constructor(sender: Se05xSender) {
    this.#sender = sender;
  }

  /** Makes a counter of 1 to 8 bytes, which begins at zero. */
  async create(objectId: number, options: { readonly size?: number; readonly policy?: readonly PolicyEntry[] } = {}) {
    const { size = 4, policy } = options;
    await this.#sender.send("writeCounter", { objectId, size, ...(policy ? { policy } : {}) });
  }

  async value(objectId: number): Promise<bigint> {
    const { bytes } = await this.#sender.send("readObject", { objectId });
    return bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  }

  /** Adds one, and gives the value after it. */
  async increment(objectId: number): Promise<bigint> {
    await this.#sender.send("writeCounter", { objectId });
    return this.value(objectId);
  }

  /** Sets it to a greater value. Throws `Refused` for one that is not greater, or does not fit. */
  async advance(objectId: number, value: bigint): Promise<void> {
    await this.#sender.send("writeCounter", { objectId, value: new Writer(8).u64(value).finish() });
  }
}
