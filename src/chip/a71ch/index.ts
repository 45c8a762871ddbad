export { A71chChip, type A71chChipOptions } from "./chip.ts";
