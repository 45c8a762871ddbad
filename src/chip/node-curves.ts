import { createECDH, type ECDH } from "node:crypto";

import { ecdsa, weierstrass, type ECDSA, type WeierstrassPointCons } from "@noble/curves/abstract/weierstrass.js";
import { p256, p384, p521 } from "@noble/curves/nist.js";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { sha256 } from "@noble/hashes/sha2.js";

import { nodeBlockCipher } from "../apdu/node.ts";
import { concat } from "../codec/index.ts";
import { nodeHash } from "../crypto/node.ts";
import type { EcCurve } from "./ec-curve.ts";
import { EC_DOMAINS, type EcDomain } from "./ec-domains.ts";
import { nodeEdwards, nodeMontgomery } from "./node-montgomery.ts";
import { nodeRsa } from "./node-rsa.ts";
import { nodeSe05xArithmetic } from "./node-se05x.ts";

type Checker = { readonly Point: WeierstrassPointCons<bigint>; readonly verify: ECDSA["verify"] };

/** Curves that @noble/curves has ready; the others it computes from their parameters. */
const READY: Readonly<Record<string, Checker>> = {
  prime256v1: p256,
  secp384r1: p384,
  secp521r1: p521,
  secp256k1,
};

/** Every prime curve of the family: points by node:crypto, signature checks over digests by @noble/curves. */
const nodeCurves: ReadonlyMap<number, EcCurve> = new Map([...EC_DOMAINS].map(([id, domain]) => [id, curveOf(domain)]));

/** What a chip of the SE05x family computes with. */
export const nodeSe05xCrypto = {
  p256: nodeCurve(0x03),
  p384: nodeCurve(0x04),
  curves: nodeCurves,
  edwards: nodeEdwards,
  montgomery: nodeMontgomery,
  rsa: nodeRsa,
  hash: nodeHash,
  aes: nodeBlockCipher,
  arithmetic: nodeSe05xArithmetic,
} as const;

function nodeCurve(id: number): EcCurve {
  // Both that are asked for are in the table.
  return nodeCurves.get(id) as EcCurve;
}

function curveOf(domain: EcDomain): EcCurve {
  const scalarLength = (domain.g.length / 2 - 1) / 2;
  const order = BigInt(`0x${domain.n}`);
  const signatureHalf = Math.ceil(order.toString(16).length / 2);
  let made: Checker | undefined;
  // Tables of points are made when a curve is first used: a chip has sixteen curves and uses two.
  const checker = () => (made ??= READY[domain.name] ?? computed(domain));
  const withScalar = (scalar: Uint8Array): ECDH => {
    const ecdh = createECDH(domain.name);
    ecdh.setPrivateKey(scalar);
    return ecdh;
  };
  const isPoint = (point: Uint8Array): boolean => {
    if (point.length !== 1 + 2 * scalarLength || point[0] !== 0x04) return false;
    try {
      checker().Point.fromBytes(point).assertValidity();
      return true;
    } catch {
      return false;
    }
  };
  return {
    scalarLength,
    order,
    publicPoint: (scalar) => Uint8Array.from(withScalar(scalar).getPublicKey()),
    sharedX: (scalar, peer) => (isPoint(peer) ? Uint8Array.from(withScalar(scalar).computeSecret(peer)) : undefined),
    isPoint,
    verifyDigest(point, digest, rawSignature) {
      const options = { prehash: false, lowS: false, format: "compact" } as const;
      const halves = [rawSignature.subarray(0, scalarLength), rawSignature.subarray(scalarLength)];
      // An order may be longer than a coordinate, by a bit that no scalar here uses.
      const raw = concat(...halves.flatMap((half) => [new Uint8Array(signatureHalf - scalarLength), half]));
      return isPoint(point) && checker().verify(raw, digest, point, options);
    },
  };
}

function computed({ p, a, b, n, g }: EcDomain): Checker {
  const hex = (digits: string) => BigInt(`0x${digits}`);
  const half = (g.length - 2) / 2;
  const [Gx, Gy] = [hex(g.slice(2, 2 + half)), hex(g.slice(2 + half))];
  const Point = weierstrass({ p: hex(p), a: hex(a), b: hex(b), n: hex(n), h: 1n, Gx, Gy });
  return { Point, verify: ecdsa(Point, sha256).verify };
}
