import {
  CURVE_LIST_LENGTH,
  type Right,
  SE05X_CURVE,
  SE05X_ORIGIN,
  SE05X_PART,
  SE05X_RESULT,
  SE05X_SIGNATURE,
} from "../../apdu/se05x/index.ts";
import { DecodeError, equal } from "../../codec/index.ts";
import { ecdsaDerToRaw } from "../../crypto/index.ts";
import type { EcCurve } from "../ec-curve.ts";
import type { Content } from "./contents.ts";
import type { Se05xHandlers, Se05xInside } from "./handlers.ts";
import type { SecureObject } from "./objects.ts";
import { refuse } from "./refuse.ts";
import { EcKey } from "./secrets.ts";
import { FEATURE } from "./features.ts";
import { createObject, isAuthentication, replaceContent } from "./writing.ts";

type EcCommand = "writeEcKey" | "sign" | "verify" | "agree" | "readCurveList" | "curveOfKey";

/** How long the digest of each signature algorithm is. */
const DIGEST_LENGTHS: Readonly<Record<number, number>> = {
  [SE05X_SIGNATURE.sha1]: 20,
  [SE05X_SIGNATURE.sha224]: 28,
  [SE05X_SIGNATURE.sha256]: 32,
  [SE05X_SIGNATURE.sha384]: 48,
  [SE05X_SIGNATURE.sha512]: 64,
};

/** EC keys and what is done with them. SE05x command table, tier b */
export function ecHandlers(inside: Se05xInside): Pick<Se05xHandlers, EcCommand> {
  const { store, curves } = inside;
  return {
    writeEcKey: (request) => writeEcKey(inside, request),
    sign({ objectId, algorithm, digest }) {
      const key = privateKeyIn(inside, objectId, "sign");
      demandDigest(algorithm, digest);
      return { signature: key.sign(inside, digest) };
    },
    verify({ objectId, algorithm, digest, signature }) {
      const { content } = inside.demand(objectId, "verify");
      if (content.kind !== "ecPair" && content.kind !== "ecPublic")
        throw refuse(0x6985, "no public key in this object");
      demandDigest(algorithm, digest);
      return { result: holdsSignature(inside, content, digest, signature) ? SE05X_RESULT.yes : SE05X_RESULT.no };
    },
    agree: ({ objectId, peerPoint }) => ({
      sharedSecret: privateKeyIn(inside, objectId, "keyAgreement").agree(peerPoint),
    }),
    readCurveList: () => ({
      curves: Uint8Array.from({ length: CURVE_LIST_LENGTH }, (_, i) => (curves.has(i + 1) ? 0x02 : 0x01)),
    }),
    curveOfKey({ objectId }) {
      const { content } = store.present(objectId);
      if (content.kind !== "ecPair" && content.kind !== "ecPublic") throw refuse(0x6985, "no key on a curve");
      return { curve: content.curve };
    },
  };
}

/** The private key of an object. Refused with 6985 where it has none. */
export function privateKeyIn(inside: Se05xInside, id: number, right: Right): EcKey {
  const { content } = inside.demand(id, right);
  if (content.kind !== "ecPair") throw refuse(0x6985, "no private key in this object");
  return content.key;
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
  return curve !== undefined && holds(curve, point, digest, signature);
}

function writeEcKey(inside: Se05xInside, request: Parameters<Se05xHandlers["writeEcKey"]>[0]) {
  const { store, entropy } = inside;
  const { part, privateKey, publicKey } = request;
  const former = store.find(request.objectId);
  const id = curveIdOf(former, request.curve);
  inside.demandFeature(FEATURE.ec);
  // Whoever opens a session proves to have the private key; the chip needs the public one, on the curve of sessions.
  const canAuthenticate = part === SE05X_PART.public && id === SE05X_CURVE.p256;
  if (isAuthentication(request.insFlags) && !canAuthenticate) throw refuse(0x6a80, "no session by a key of this kind");
  const curve = inside.curves.get(id);
  if (!curve) throw refuse(0x6a80, `curve ${id} is not in this chip`);
  const generated = privateKey === undefined && publicKey === undefined;
  if (former) inside.demand(former.id, generated ? "generate" : "write");
  const content = generated
    ? generatedKey(part, id, () => EcKey.generate(curve, entropy))
    : givenKey(curve, { part, id, privateKey, publicKey });
  const origin = generated ? SE05X_ORIGIN.internal : SE05X_ORIGIN.external;
  return former
    ? replaceContent(inside, request, former, { content, origin })
    : createObject(inside, request, content, origin);
}

function curveIdOf(former: SecureObject | undefined, given: number | undefined): number {
  if (!former) return given ?? SE05X_CURVE.p256;
  const { content } = former;
  if (content.kind !== "ecPair" && content.kind !== "ecPublic") throw refuse(0x6985, "an object keeps its type");
  if (given !== undefined && given !== content.curve) throw refuse(0x6985, "a key keeps its curve");
  return content.curve;
}

function generatedKey(part: number, curve: number, make: () => EcKey): Content {
  if (part !== SE05X_PART.pair) throw refuse(0x6a80, "only whole pairs are generated");
  return { kind: "ecPair", curve, key: make(), whole: true };
}

function givenKey(
  curve: EcCurve,
  given: {
    readonly part: number;
    readonly id: number;
    readonly privateKey: Uint8Array | undefined;
    readonly publicKey: Uint8Array | undefined;
  },
): Content {
  const { part, id, privateKey, publicKey } = given;
  const wantsPrivate = (part & SE05X_PART.private) !== 0;
  const wantsPublic = (part & SE05X_PART.public) !== 0;
  if (wantsPrivate !== (privateKey !== undefined) || wantsPublic !== (publicKey !== undefined)) {
    throw refuse(0x6a80, "the halves that are given are not those that are named");
  }
  if (!privateKey) {
    if (!publicKey || !curve.isPoint(publicKey)) throw refuse(0x6a80, "the public key is not a point of the curve");
    return { kind: "ecPublic", curve: id, point: publicKey.slice() };
  }
  const key = EcKey.inject(curve, privateKey);
  // A signature under a foreign point would leak the scalar to whoever chose the point.
  if (publicKey && !equal(publicKey, key.point)) throw refuse(0x6a80, "the public key belongs to another private key");
  return { kind: "ecPair", curve: id, key, whole: publicKey !== undefined };
}

function demandDigest(algorithm: number, digest: Uint8Array): void {
  if (algorithm === SE05X_SIGNATURE.plain && digest.length > 0) return;
  if (DIGEST_LENGTHS[algorithm] !== digest.length) {
    throw refuse(0x6a80, `a digest of ${digest.length} bytes for algorithm ${algorithm}`);
  }
}

/** Whether a signature holds; one that is not DER never does. */
function holds(curve: EcCurve, point: Uint8Array, digest: Uint8Array, signature: Uint8Array): boolean {
  try {
    return curve.verifyDigest(point, digest, ecdsaDerToRaw(signature, curve.scalarLength));
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw error;
  }
}
