import { SE05X_TYPE } from "./algorithms.ts";

/** The first type of those that name a curve: a pair on P-192. */
const FIRST = 0x21;
/** The first of those whose keys are byte strings, Ed25519's pair. */
const FIRST_OKP = 0x65;
const FIRST_OKP_CURVE = 0x40;
/** A pair, a private and a public key a curve, and one place that is empty. */
const PER_CURVE = 4;

/** The type of an EC key as applets from 7 on tell it, which names its curve too: that of a P-256 pair is 29. SE05x algorithm identifiers */
export function typeOnCurve(type: number, curve: number): number {
  const first =
    curve < FIRST_OKP_CURVE ? FIRST + PER_CURVE * (curve - 1) : FIRST_OKP + PER_CURVE * (curve - FIRST_OKP_CURVE);
  return first + type - SE05X_TYPE.ecPair;
}

/** The type without a curve's name, as filters and applets before 7 have it. */
export function typeOffCurve(type: number): number {
  return type < FIRST ? type : SE05X_TYPE.ecPair + ((type - FIRST) % PER_CURVE);
}
