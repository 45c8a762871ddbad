import { SE05X_RESULT } from "../../../apdu/se05x/index.ts";
import type { Se05xSender } from "./sender.ts";

/** Kinds of the chip's memory: what stays, what a reset clears, what deselection clears. SE05x command table, tier a */
export type Se05xMemory = keyof typeof MEMORY;

const MEMORY = { persistent: 1, untilReset: 2, untilDeselect: 3 } as const;
/** Until the next reset, or for good. */
const INDICATOR = { passing: 0x01, lasting: 0x02 } as const;
const LOCK = { locked: 0x01, unlocked: 0x02 } as const;
const RESTRICTION = { creation: 0x01, change: 0x02 } as const;

export type ChipVersion = {
  /** Three bytes: major, minor, patch. */
  readonly appletVersion: number;
  readonly features: number;
  readonly secureBoxVersion: number;
};

/** The chip as a whole: what it is, what is free, and what only the holder of a credential may change. SE05x command table, tiers a and e */
export class Se05xChipSettings {
  readonly #sender: Se05xSender;

  constructor(sender: Se05xSender) {
    this.#sender = sender;
  }

  async version(): Promise<ChipVersion> {
    return (await this.#sender.send("getVersion", {})).info;
  }

  /** In bytes; the chip tells no more than 32767, which stands for that much or more. */
  async free(memory: Se05xMemory): Promise<number> {
    return (await this.#sender.send("getFreeMemory", { memory: MEMORY[memory] })).bytes;
  }

  /** Twelve bytes that grow. */
  async timestamp(): Promise<Uint8Array> {
    return (await this.#sender.send("getTimestamp", {})).timestamp;
  }

  /** Whether the chip's own test of its algorithms holds; from applet 7 on. `mode` is NXP's number of it. */
  async selfTest(mode = 0xfe01): Promise<boolean> {
    return (await this.#sender.send("triggerSelfTest", { mode })).result === SE05X_RESULT.yes;
  }

  /** Locks the chip for transport, or unlocks it, in a session of the transport credential. */
  async lock(state: keyof typeof LOCK, lasts: keyof typeof INDICATOR): Promise<void> {
    await this.#sender.send("setLockState", { indicator: INDICATOR[lasts], state: LOCK[state] });
  }

  /** Whether the chip wants the platform's channel for everything, in a session of its credential. */
  async demandPlatformChannel(isDemanded: boolean): Promise<void> {
    await this.#sender.send("setPlatformScpRequest", { request: isDemanded ? SE05X_RESULT.yes : SE05X_RESULT.no });
  }

  /** Turns features on and off by their bits, in a session of the feature credential. */
  async setFeatures(features: number): Promise<void> {
    await this.#sender.send("setAppletFeatures", { features: Uint8Array.of(features >> 8, features & 0xff) });
  }

  /** Forbids new objects, or every change, in a session of the restriction credential; from applet 7 on. */
  async restrict(what: keyof typeof RESTRICTION, lasts: keyof typeof INDICATOR): Promise<void> {
    await this.#sender.send("disableObjectCreation", { indicator: INDICATOR[lasts], mode: RESTRICTION[what] });
  }

  /** Deletes every object that hosts made, in a session of the factory reset credential; nothing comes back. */
  async deleteAll(): Promise<void> {
    await this.#sender.send("deleteAll", {});
  }
}
