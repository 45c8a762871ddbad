import { SE05X_CURVE, SE05X_SIGNATURE } from "../../apdu/se05x/index.ts";
import { DecodeError } from "../../codec/index.ts";
import { ecdsaDerToRaw } from "../../crypto/index.ts";
import type { PointCurve } from "../ec-curve.ts";
import type { Content } from "./contents.ts";
import type { Se05xInside } from "./handler.ts";
import { refuse } from "./refuse.ts";
import { rsaHolds, rsaSign } from "./rsa-handlers.ts";

/** How long the digest of each signature algorithm is. */
const DIGEST_LENGTHS: Readonly<Record<number, number>> = {
  [SE05X_SIGNATURE.sha1]: 20,
  [SE05X_SIGNATURE.sha224]: 28,
  [SE05X_SIGNATURE.sha256]: 32,
  [SE05X_SIGNATURE.sha384]: 48,
  [SE05X_SIGNATURE.sha512]: 64,
};

const MAX_DIGEST = 64;

/** A signature by whatever key a content is. Refused with 6985 where it has no private one, 6A80 for another algorithm. */
export function signed(inside: Se05xInside, content: Content, algorithm: number, input: Uint8Array): Uint8Array {
  if (content.kind === "rsa") return rsaSign(inside, content.key, algorithm, input);
  if (content.kind === "okpPair") {
    demandEd25519(algorithm);
    return onWire(content.key.sign(input));
  }
  if (content.kind !== "ecPair") throw refuse(0x6985, "no private key in this object");
  demandDigest(algorithm, input);
  return content.key.sign(inside, input);
}

/** Whether a signature holds under whatever key a content is. Refused with 6985 where it has no public one, 6A80 for another algorithm. */
export function holds(
  inside: Se05xInside,
  content: Content,
  given: { readonly algorithm: number; readonly digest: Uint8Array; readonly signature: Uint8Array },
): boolean {
  const { algorithm, digest, signature } = given;
  if (content.kind === "rsa") return rsaHolds(inside, content.key, algorithm, { message: digest, signature });
  if (content.kind === "okpPair" || content.kind === "okpPublic") {
    demandEd25519(algorithm);
    if (content.curve !== SE05X_CURVE.ed25519) throw refuse(0x6985, "this key only agrees on secrets");
    const key = content.kind === "okpPublic" ? content.publicKey : content.key.publicKey;
    return signature.length === 64 && inside.edwards.verify(key, digest, onWire(signature));
  }
  if (content.kind !== "ecPair" && content.kind !== "ecPublic") throw refuse(0x6985, "no public key in this object");
  demandDigest(algorithm, digest);
  return holdsSignature(inside, content, digest, signature);
}

/** Whether a signature in DER holds over a digest, under the public key of a content. */
export function holdsSignature(
  { curves }: Se05xInside,
  content: Extract<Content, { kind: "ecPair" | "ecPublic" }>,
  digest: Uint8Array,
  signature: Uint8Array,
): boolean {
  const point = content.kind === "ecPublic" ? content.point : content.key.point;
  const curve = curves.get(content.curve);
  return curve !== undefined && holdsOn(curve, point, digest, signature);
}

/** Both halves of a signature by Ed25519 go over the wire with their highest byte first. SE05x command table, section 4.5 */
function onWire(signature: Uint8Array): Uint8Array {
  const half = signature.length / 2;
  return Uint8Array.of(...signature.slice(0, half).toReversed(), ...signature.slice(half).toReversed());
}

/** Whether a signature holds; one that is not DER never does. */
function holdsOn(curve: PointCurve, point: Uint8Array, digest: Uint8Array, signature: Uint8Array): boolean {
  try {
    return curve.verifyDigest(point, digest, ecdsaDerToRaw(signature, curve.scalarLength));
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw error;
  }
}

function demandEd25519(algorithm: number): void {
  if (algorithm !== SE05X_SIGNATURE.ed25519) throw refuse(0x6a80, `no such signatures with algorithm ${algorithm}`);
}

function demandDigest(algorithm: number, digest: Uint8Array): void {
  const isPlain = algorithm === SE05X_SIGNATURE.plain && digest.length > 0 && digest.length <= MAX_DIGEST;
  if (!isPlain && DIGEST_LENGTHS[algorithm] !== digest.length) {
    // NXP's nano package expects this answer of silicon, tests/src/test_se05x_nist256_ecdsa.c
    throw refuse(0x6985, `a digest of ${digest.length} bytes for algorithm ${algorithm}`);
  }
}
