import type { Se05xSender } from "./sender.ts";

/** What an RSA key is named by where an object is moved; keys of other kinds have no numbers. */
const WHOLE = 0xff;

/** Transient keys that wait outside the chip, sealed under keys of its own, while others use its memory. SE05x command table, section 4.5 */
export class Se05xTransfers {
  readonly #sender: Se05xSender;

  constructor(sender: Se05xSender) {
    this.#sender = sender;
  }

  /** A transient key sealed. Throws `Refused` where its policy does not let it leave. */
  async export(objectId: number): Promise<Uint8Array> {
    return (await this.#sender.send("exportObject", { objectId, component: WHOLE })).serialized;
  }

  /** Brings it back into its own place. Throws `Refused` for what another chip sealed, or was changed since. */
  async import(objectId: number, serialized: Uint8Array): Promise<void> {
    await this.#sender.send("importObject", { objectId, component: WHOLE, serialized });
  }
}
