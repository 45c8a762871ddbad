export { bearRestricted, type RestrictedBirthOptions, type RestrictedPair } from "./restricted-birth.ts";
export { A71chChip, type A71chChipOptions } from "./chip.ts";
export type { Wear } from "../ports.ts";
