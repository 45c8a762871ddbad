import { createECDH, type ECDH } from "node:crypto";

import { p256, p384 } from "@noble/curves/nist.js";

import { nodeBlockCipher } from "../apdu/node.ts";
import { nodeHash } from "../crypto/node.ts";
import { nodeSe05xArithmetic } from "./node-se05x.ts";
import type { EcCurve } from "./ec-curve.ts";

/** P-256: points by node:crypto, signature checks over digests by @noble/curves. SP 800-186, section 3.2.1.3 */
const nodeP256: EcCurve = curveOf("prime256v1", p256, 32);

/** P-384, in the same way. SP 800-186, section 3.2.1.4 */
const nodeP384: EcCurve = curveOf("secp384r1", p384, 48);

/** What a chip of the SE05x family computes with. */
export const nodeSe05xCrypto = {
  p256: nodeP256,
  p384: nodeP384,
  hash: nodeHash,
  aes: nodeBlockCipher,
  arithmetic: nodeSe05xArithmetic,
} as const;

function curveOf(name: string, noble: typeof p256, scalarLength: 32 | 48): EcCurve {
  const withScalar = (scalar: Uint8Array): ECDH => {
    const ecdh = createECDH(name);
    ecdh.setPrivateKey(scalar);
    return ecdh;
  };
  const isPoint = (point: Uint8Array): boolean => {
    if (point.length !== 1 + 2 * scalarLength || point[0] !== 0x04) return false;
    try {
      noble.Point.fromBytes(point).assertValidity();
      return true;
    } catch {
      return false;
    }
  };
  return {
    scalarLength,
    order: noble.Point.Fn.ORDER,
    publicPoint: (scalar) => Uint8Array.from(withScalar(scalar).getPublicKey()),
    sharedX: (scalar, peer) => (isPoint(peer) ? Uint8Array.from(withScalar(scalar).computeSecret(peer)) : undefined),
    isPoint,
    verifyDigest: (point, digest, rawSignature) =>
      isPoint(point) && noble.verify(rawSignature, digest, point, { prehash: false, lowS: false, format: "compact" }),
  };
}
