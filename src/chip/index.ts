export { CHIP_ERRORS, type ChipErrorCode } from "./errors.ts";
export { MemoryInRam } from "./memory.ts";
export type { Card, ChipCrypto, Consequence, NonVolatileMemory, Rehearsable, Wear } from "./ports.ts";
export { T1Front, type T1FrontOptions } from "./t1-front.ts";
