import { fromHex } from "../../codec/index.ts";
import { EC_DOMAINS } from "../../apdu/se05x/index.ts";

/** All parameters of a curve are set. SE05x command table, tier b */
export const WHOLE_CURVE = 0x1f;

/** What a new part has without being told. SE05x command table, section 4.3 */
export const BORN_CURVES: ReadonlyMap<number, number> = new Map([
  [0x03, WHOLE_CURVE],
  [0x04, WHOLE_CURVE],
]);

/** Bytes of user memory that a made curve takes: its five parameters. */
export function curveFootprint(id: number): number {
  const domain = EC_DOMAINS.get(id);
  if (!domain || BORN_CURVES.has(id)) return 0;
  return 3 * fromHex(domain.g).length;
}
