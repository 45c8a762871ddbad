import { SE05X_CURVE } from "../../apdu/se05x/index.ts";
import type { NamedGroup } from "../../crypto/index.ts";
import { notInChip } from "../kept-master.ts";

/** @table Groups of TLS that keys of the family can be on. SE05x command table, tier b */
const CURVES: Partial<Record<NamedGroup, number>> = {
  secp256r1: SE05X_CURVE.p256,
  secp384r1: SE05X_CURVE.p384,
  x25519: SE05X_CURVE.x25519,
  x448: SE05X_CURVE.x448,
};
/** Of the chip's features. SE05x command table, section 4.3 */
const MONTGOMERY = 0x0008;

/** What a chip with these features agrees on, most preferred first. */
export function agreementGroups(features: number): readonly NamedGroup[] {
  const prime = ["secp256r1", "secp384r1"] as const;
  return (features & MONTGOMERY) === 0 ? prime : [...prime, "x25519", "x448"];
}

/** The curve of a group. Throws `not-in-chip` for a group that is not among these. */
export function curveOfGroup(group: NamedGroup, groups: readonly NamedGroup[]): number {
  const curve = groups.includes(group) ? CURVES[group] : undefined;
  if (curve === undefined) throw notInChip(`this SE05x agrees on ${groups.join(", ")}, not on ${group}`);
  return curve;
}

/** A public key or secret in the RFCs' order of bytes, or back in the chip's: X25519's and X448's are turned round. SE05x command table, section 4.5 */
export function asInRfc(group: NamedGroup, bytes: Uint8Array): Uint8Array {
  return group === "x25519" || group === "x448" ? bytes.toReversed() : bytes;
}
