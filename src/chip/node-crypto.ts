import { createECDH, type ECDH } from "node:crypto";

import { p256 } from "@noble/curves/nist.js";

import { nodeBlockCipher } from "../apdu/node.ts";
import { nodeHash } from "../crypto/node.ts";
import type { ChipCrypto } from "./ports.ts";

/**
 * P-256 for simulated chips. Points come from OpenSSL by way of node:crypto, 25 times as fast as @noble/curves;
 * signatures over digests are checked by @noble/curves, since node:crypto would hash the digest again.
 */
export const nodeChipCrypto: ChipCrypto = {
  publicPoint(scalar) {
    points.setPrivateKey(scalar);
    return plain(points.getPublicKey());
  },
  sharedX: (scalar, peerPoint) => (isPoint(peerPoint) ? plain(withScalar(scalar).computeSecret(peerPoint)) : undefined),
  isPoint,
  verifyDigest(point, digest, rawSignature) {
    return (
      isPoint(point) && p256.verify(rawSignature, digest, point, { prehash: false, lowS: false, format: "compact" })
    );
  },
  hash: nodeHash,
  aes: nodeBlockCipher,
};

/** Used from beginning to end of one call at a time; making one costs half as much as a point. */
const points = createECDH("prime256v1");

function withScalar(scalar: Uint8Array): ECDH {
  const ecdh = createECDH("prime256v1");
  ecdh.setPrivateKey(scalar);
  return ecdh;
}

function isPoint(point: Uint8Array): boolean {
  if (point.length !== 65 || point[0] !== 0x04) return false;
  try {
    p256.Point.fromBytes(point).assertValidity();
    return true;
  } catch {
    return false;
  }
}

/** node:crypto gives Buffers, each over memory of its own, whose `slice` and JSON differ from those of Uint8Array. */
function plain(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
