import { type PolicyEntry, RIGHT, type Right } from "../../../apdu/se05x/index.ts";
import { Writer } from "../../../codec/index.ts";

/** One entry of a policy in words. */
export type PolicyRule = {
  /** An authentication object's identifier; everybody where absent. */
  readonly who?: number;
  readonly may: readonly Exclude<Right, "requirePcr" | "internalSign">[];
  /** The file that lists the files which the key signs of itself. */
  readonly signsListed?: number;
  /** The register whose value must be this, 32 bytes, for the entry to count. */
  readonly while?: { readonly register: number; readonly value: Uint8Array };
};

/** The policy of a new object: whoever no rule names may do nothing. Policies never change. SE05x policy table */
export function se05xPolicy(...rules: readonly PolicyRule[]): readonly PolicyEntry[] {
  return rules.map(({ who = 0, may, while: condition, signsListed }) => {
    const bits: number[] = may.map((right) => RIGHT[right]);
    const extension = new Writer(40);
    if (condition) {
      bits.push(RIGHT.requirePcr);
      extension.u32(condition.register).bytes(condition.value);
    }
    if (signsListed !== undefined) {
      bits.push(RIGHT.internalSign);
      extension.u32(signsListed);
    }
    const rights = bits.reduce((sum, bit) => sum | bit, 0) >>> 0;
    return { authObjectId: who, rights, extension: extension.finish() };
  });
}
