import { createECDH, createPublicKey, type ECDH, generateKeyPairSync, verify } from "node:crypto";

import { ecdsa, weierstrass, type ECDSA, type WeierstrassPointCons } from "@noble/curves/abstract/weierstrass.js";
import { p256, p384, p521 } from "@noble/curves/nist.js";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { sha256 } from "@noble/hashes/sha2.js";

import { nodeBlockCipher } from "../apdu/node.ts";
import { concat, fromHex, toHex } from "../codec/index.ts";
import { nodeHash } from "../crypto/node.ts";
import { type PointCurve, leftmostBits } from "./ec-curve.ts";
import { inverse } from "./inverse.ts";
import { EC_DOMAINS, type EcDomain } from "../apdu/se05x/index.ts";
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

/** Every prime curve of the family: points and signature checks by node:crypto, the rest by @noble/curves. */
const nodeCurves: ReadonlyMap<number, PointCurve> = new Map(
  [...EC_DOMAINS].map(([id, domain]) => [id, curveOf(domain)]),
);

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

function nodeCurve(id: number): PointCurve {
  // Both that are asked for are in the table.
  return nodeCurves.get(id) as PointCurve;
}

function curveOf(domain: EcDomain): PointCurve {
  const scalarLength = (domain.g.length / 2 - 1) / 2;
  const order = BigInt(`0x${domain.n}`);
  const signatureHalf = Math.ceil(order.toString(16).length / 2);
  let made: Checker | undefined;
  // Tables of points are made when a curve is first used: a chip has sixteen curves and uses two.
  const checker = () => (made ??= READY[domain.name] ?? computed(domain));
  let points: ECDH | undefined;
  /** Used from beginning to end of one call at a time; making one costs half as much as a point. */
  const withScalar = (scalar: Uint8Array): ECDH => {
    points ??= createECDH(domain.name);
    points.setPrivateKey(scalar);
    return points;
  };
  const pointOf = (point: Uint8Array) => checker().Point.fromBytes(point);
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
    product: (scalar, point) =>
      isPoint(point)
        ? Uint8Array.from(
            pointOf(point)
              .multiply(integer(toHex(scalar)))
              .toBytes(false),
          )
        : undefined,
    shifted(scalar, point) {
      if (!isPoint(point)) return undefined;
      const sum = pointOf(Uint8Array.from(withScalar(scalar).getPublicKey())).add(pointOf(point));
      return sum.is0() ? undefined : Uint8Array.from(sum.toBytes(false));
    },
    isPoint,
    verifyDigest(point, digest, rawSignature) {
      if (!isPoint(point)) return false;
      const halves = [rawSignature.subarray(0, scalarLength), rawSignature.subarray(scalarLength)];
      // An order may be longer than a coordinate, by a bit that no scalar here uses.
      const raw = concat(...halves.flatMap((half) => [new Uint8Array(signatureHalf - scalarLength), half]));
      return (
        verifiedByShift(domain, withScalar, { point, digest, raw }) ??
        checker().verify(raw, digest, point, { prehash: false, lowS: false, format: "compact" })
      );
    },
  };
}

const KNOWN_MESSAGE = new Uint8Array(0);
const KNOWN_DIGEST = nodeHash.digest("sha256", KNOWN_MESSAGE);
/** DER of a public key up to its point, by the curve's name; made when first used. */
const PREFIXES = new Map<string, Uint8Array>();

/**
 * Whether a signature over a digest holds, by node:crypto, which takes messages alone. `(r, s)` holds over z under Q
 * just when it holds over another z' under `Q + ((z - z') / r) G`, since both check `(z G + r Q) / s`: so the key is
 * shifted to where the signature is one over a known message. That is several times as fast as the arithmetic in
 * JavaScript. Undefined where the shift has no point to end at. FIPS 186-5, section 6.4.2
 */
function verifiedByShift(
  domain: EcDomain,
  withScalar: (scalar: Uint8Array) => ECDH,
  { point, digest, raw }: { readonly point: Uint8Array; readonly digest: Uint8Array; readonly raw: Uint8Array },
): boolean | undefined {
  const [n, p] = [integer(domain.n), integer(domain.p)];
  const bits = n.toString(2).length;
  const r = integer(toHex(raw.subarray(0, raw.length / 2)));
  if (r === 0n || r >= n) return false;
  const difference = leftmostBits(digest, bits) - leftmostBits(KNOWN_DIGEST, bits);
  const shift = modulo(difference * inverse(r, n), n);
  if (shift === 0n) return undefined;
  const ecdh = withScalar(fromHex(shift.toString(16).padStart(raw.length, "0")));
  const shifted = sum(p, point, Uint8Array.from(ecdh.getPublicKey()));
  if (!shifted) return undefined;
  const key = createPublicKey({ key: Buffer.from(concat(prefixOf(domain), shifted)), format: "der", type: "spki" });
  return verify("sha256", KNOWN_MESSAGE, { key, dsaEncoding: "ieee-p1363" }, raw);
}

function prefixOf({ name, g }: EcDomain): Uint8Array {
  const known = PREFIXES.get(name);
  if (known) return known;
  const spki = generateKeyPairSync("ec", { namedCurve: name }).publicKey.export({ format: "der", type: "spki" });
  const prefix = Uint8Array.from(spki.subarray(0, spki.length - g.length / 2));
  PREFIXES.set(name, prefix);
  return prefix;
}

/** The sum of two points with different X, uncompressed. SEC 1, section 2.2.1 */
function sum(p: bigint, a: Uint8Array, b: Uint8Array): Uint8Array | undefined {
  const half = (a.length - 1) / 2;
  const split = (point: Uint8Array) => [
    integer(toHex(point.subarray(1, 1 + half))),
    integer(toHex(point.subarray(1 + half))),
  ];
  const [[ax = 0n, ay = 0n], [bx = 0n, by = 0n]] = [split(a), split(b)];
  if (ax === bx) return undefined;
  const slope = modulo((by - ay) * inverse(modulo(bx - ax, p), p), p);
  const x = modulo(slope * slope - ax - bx, p);
  const y = modulo(slope * (ax - x) - ay, p);
  return fromHex(`04${[x, y].map((value) => value.toString(16).padStart(2 * half, "0")).join("")}`);
}

function modulo(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
}

function integer(hex: string): bigint {
  return BigInt(`0x${hex}`);
}

function computed({ p, a, b, n, g }: EcDomain): Checker {
  const half = (g.length - 2) / 2;
  const [Gx, Gy] = [integer(g.slice(2, 2 + half)), integer(g.slice(2 + half))];
  const Point = weierstrass({ p: integer(p), a: integer(a), b: integer(b), n: integer(n), h: 1n, Gx, Gy });
  return { Point, verify: ecdsa(Point, sha256).verify };
}
