import type { PolicyEntry } from "../../../apdu/se05x/index.ts";
import type { Se05xSender } from "./sender.ts";

/** Registers that are a hash of all that they were extended by, for policies that depend on it. SE05x command table, tier b */
export class Se05xRegisters {
  readonly #sender: Se05xSender;

  constructor(sender: Se05xSender) {
    this.#sender = sender;
  }

  /** Makes a register that begins with 32 bytes or, from applet 6 on, with their hash. */
  async create(objectId: number, initial: Uint8Array, policy?: readonly PolicyEntry[]): Promise<void> {
    await this.#sender.send("writePcr", { objectId, initial, ...(policy ? { policy } : {}) });
  }

  async value(objectId: number): Promise<Uint8Array> {
    return (await this.#sender.send("readObject", { objectId })).bytes;
  }

  /** Makes its value the hash of what it was and of the data, and gives it. */
  async extend(objectId: number, data: Uint8Array): Promise<Uint8Array> {
    await this.#sender.send("writePcr", { objectId, data });
    return this.value(objectId);
  }

  /** Sets it back to its beginning, which takes the right to delete it. */
  async reset(objectId: number): Promise<void> {
    await this.#sender.send("writePcr", { objectId });
  }
}
