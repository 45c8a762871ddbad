import type { T1Front } from "../../src/chip/index.ts";
import type { Clock } from "../../src/crypto/index.ts";
import type { I2cPlace } from "../../src/host/index.ts";

/** What can happen to a block on its way. */
export const FAULTS = ["lost", "flipped", "cut", "lengthened", "refused"] as const;

export type Fault = (typeof FAULTS)[number];

/** Says what happens to the next block: of the host, or of the chip; undefined where nothing does. */
export type Weather = (direction: "to-chip" | "from-chip", block: Uint8Array) => Fault | undefined;

export type SimulatedBus = I2cPlace & {
  /** Blocks that went over the bus, as they were sent. */
  readonly blocks: Uint8Array[];
  isClosed: boolean;
};

/** A chip on a simulated I2C bus whose blocks suffer from the weather; each new block wipes what was not read of the last. */
export function simulatedBus(front: T1Front, weather: Weather = () => undefined, bit = 3): SimulatedBus {
  let waiting: Uint8Array = new Uint8Array(0);
  const blocks: Uint8Array[] = [];
  return {
    blocks,
    isClosed: false,
    async write(bytes) {
      waiting = new Uint8Array(0);
      const fault = weather("to-chip", bytes);
      if (fault === "refused") return false;
      blocks.push(bytes);
      const arrived = spoilt(bytes, fault, bit);
      const answer = arrived && front.receive(arrived);
      if (!answer) return true;
      blocks.push(answer);
      waiting = spoilt(answer, weather("from-chip", answer), bit) ?? waiting;
      return true;
    },
    async read(length) {
      if (waiting.length === 0) return undefined;
      const bytes = waiting.slice(0, length);
      waiting = waiting.slice(length);
      return bytes;
    },
    async close() {
      this.isClosed = true;
    },
  };
}

function spoilt(block: Uint8Array, fault: Fault | undefined, bit: number): Uint8Array | undefined {
  switch (fault) {
    case "lost":
    case "refused":
      return undefined;
    case "flipped": {
      const at = bit % block.length;
      return block.with(at, (block[at] ?? 0) ^ (1 << (bit % 8)));
    }
    case "cut":
      return block.slice(0, Math.max(1, block.length - 1 - (bit % block.length)));
    case "lengthened":
      return Uint8Array.of(...block, bit & 0xff);
    default:
      return block;
  }
}

/** Whoever waits for less waits so long: a silent second is not a thousand questions. */
const TICK_MS = 100;

/** A clock that nobody needs to advance: who waits finds that the time has passed. */
export class PassingClock implements Clock {
  #now = 0;

  now(): number {
    return this.#now;
  }

  after(delayMs: number, task: () => void): () => void {
    let isCancelled = false;
    queueMicrotask(() => {
      this.#now += Math.max(delayMs, TICK_MS);
      if (!isCancelled) task();
    });
    return () => void (isCancelled = true);
  }
}
