import { type PolicyEntry, RIGHT, type Right } from "../../../apdu/se05x/index.ts";
import { Writer } from "../../../codec/index.ts";

/** One entry of a policy in words. */
export type PolicyRule = {
  /** An authentication object's identifier; everybody where absent. */
  readonly who?: number;
  readonly may: readonly Exclude<Right, "requirePcr">[];
  /** The register whose value must be this, 32 bytes, for the entry to count. */
  readonly while?: { readonly register: number; readonly value: Uint8Array };
};

/** The policy of a new object: whoever no rule names may do nothing. Policies never change. SE05x policy table */
export function se05xPolicy(...rules: readonly PolicyRule[]): readonly PolicyEntry[] {
  return rules.map(({ who = 0, may, while: condition }) => {
    const rights = may.reduce((sum, right) => sum | RIGHT[right], condition ? RIGHT.requirePcr : 0) >>> 0;
    const extension = condition
      ? new Writer(36).u32(condition.register).bytes(condition.value).finish()
      : new Uint8Array(0);
    return { authObjectId: who, rights, extension };
  });
}
