import { generateKeyPairSync } from "node:crypto";

import type { PlainKeyPair } from "../../crypto/index.ts";

/** The stand-in for a facility's hardware module: a new key pair on P-256 for each part, to be injected and forgotten. */
export async function newKeyPair(): Promise<PlainKeyPair> {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { d = "", x = "", y = "" } = privateKey.export({ format: "jwk" });
  const [scalar, left, right] = [d, x, y].map((each) => Buffer.from(each, "base64url"));
  const point = Buffer.concat([Buffer.of(4), left ?? Buffer.of(), right ?? Buffer.of()]);
  return { scalar: new Uint8Array(scalar ?? Buffer.of()), point: new Uint8Array(point) };
}
