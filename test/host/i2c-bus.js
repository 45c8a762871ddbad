/** What can happen to a block on its way. */
export const FAULTS = ["lost", "flipped", "cut", "lengthened", "refused"];
/** A chip on a simulated I2C bus whose blocks suffer from the weather; each new block wipes what was not read of the last. */
export function simulatedBus(front, weather = () => undefined, bit = 3) {
  let waiting = new Uint8Array(0);
  const blocks = [];
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
function spoilt(block, fault, bit) {
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
export class PassingClock {
  #now = 0;
  now() {
    return this.#now;
  }
  after(delayMs, task) {
    let isCancelled = false;
    queueMicrotask(() => {
      this.#now += Math.max(delayMs, TICK_MS);
      if (!isCancelled) task();
    });
    return () => void (isCancelled = true);
  }
}
