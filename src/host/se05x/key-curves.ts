import { SE05X_CURVE } from "../../apdu/se05x/index.ts";
import type { CurveName } from "../../crypto/index.ts";

/** The curves of key slots, by their identifiers on the wire. SE05x command table, tier b */
export const KEY_CURVES: Readonly<Record<CurveName, number>> = {
  "P-256": SE05X_CURVE.p256,
  "P-384": SE05X_CURVE.p384,
  "P-521": SE05X_CURVE.p521,
};

const BY_POINT: Readonly<Record<number, number>> = {
  65: SE05X_CURVE.p256,
  97: SE05X_CURVE.p384,
  133: SE05X_CURVE.p521,
};

/** Edwards and Montgomery keys and RSA, of which an authentication part has none. SE05x command table, section 4.3 */
const BEYOND_AUTHENTICATION = 0x006c;

/** What the slots of a chip with these features can be filled with. */
export function keyCurvesOf(features: number): readonly CurveName[] {
  return (features & BEYOND_AUTHENTICATION) === 0 ? ["P-256", "P-384"] : ["P-256", "P-384", "P-521"];
}

/** Whether keys on this curve are in key slots: those on others sign and agree by commands of their own. */
export function isKeyCurve(curve: number): boolean {
  return Object.values(KEY_CURVES).includes(curve);
}

/** The curve of an uncompressed point by its length; P-256 for any other, which a chip then refuses. SEC 1, section 2.3.3 */
export function curveOfPoint(point: Uint8Array): number {
  return BY_POINT[point.length] ?? SE05X_CURVE.p256;
}
