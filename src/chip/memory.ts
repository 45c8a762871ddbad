import type { NonVolatileMemory } from "./ports.ts";

/** Non-volatile memory that lives as long as its object: for tests and for chips that need not outlive a process. */
export class MemoryInRam implements NonVolatileMemory {
  #image: Uint8Array | undefined;

  load(): Uint8Array | undefined {
    return this.#image?.slice();
  }

  store(image: Uint8Array): void {
    this.#image = image.slice();
  }
}
