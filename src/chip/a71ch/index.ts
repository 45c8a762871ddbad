export { A71chChip, type A71chChipOptions, type Wear } from "./chip.ts";
