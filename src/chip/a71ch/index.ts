export { bearRestricted, type RestrictedBirthOptions, type RestrictedPair } from "./restricted-birth.ts";
export { A71chChip, type A71chChipOptions, type Wear } from "./chip.ts";
