import {
  SE05X_CURVE,
  SE05X_MULTIPLICATION,
  SE05X_ORIGIN,
  SE05X_PART,
  SE05X_RESULT,
  SE05X_TYPE,
} from "../../apdu/se05x/index.ts";
import { equal } from "../../codec/index.ts";
import type { PointCurve } from "../ec-curve.ts";
import { demandOutput } from "./access.ts";
import { type Content, okpCurve } from "./contents.ts";
import { findCurve } from "./curve-handlers.ts";
import { FEATURE } from "./features.ts";
import type { Se05xHandlers, Se05xInside } from "./handler.ts";
import { signedInternally, signsList } from "./internal-signature.ts";
import { type SecureObject, typeOf } from "./objects.ts";
import { type OkpCurve, OkpKey } from "./okp-key.ts";
import { refuse } from "./refuse.ts";
import { EcKey } from "./secrets.ts";
import { holds, signed } from "./signatures.ts";
import { createObject, isAuthentication, replaceContent, replaceSecret } from "./writing.ts";

type EcCommand = "writeEcKey" | "sign" | "verify" | "agree" | "agreeInto" | "multiply";

/** Agreement whose secret's bytes are turned round on their way into an object. */
const REVERSED = 0x59;
/** The X coordinate itself, not a hash of it: what agreement is without saying. SE05x command table, section 4.5 */
const PLAIN_AGREEMENT = 0x03;

const MULTIPLICATIONS: Readonly<Record<number, "product" | "shifted">> = {
  [SE05X_MULTIPLICATION.product]: "product",
  [SE05X_MULTIPLICATION.pace]: "shifted",
};

/** EC keys and what is done with them. SE05x command table, tier b */
export function ecHandlers(inside: Se05xInside): Pick<Se05xHandlers, EcCommand> {
  return {
    writeEcKey: (request) => writeEcKey(inside, request),
    sign({ objectId, algorithm, digest }) {
      // Hosts leave an empty message out; a key that its policy gives a list signs that.
      if (!digest && signsList(inside, objectId)) return signedInternally(inside, objectId, algorithm);
      const { content } = inside.demand(objectId, "sign");
      return { signature: signed(inside, content, algorithm, digest ?? new Uint8Array(0)) };
    },
    verify({ objectId, algorithm, digest = new Uint8Array(0), signature = new Uint8Array(0) }) {
      const { content } = inside.demand(objectId, "verify");
      return { result: holds(inside, content, { algorithm, digest, signature }) ? SE05X_RESULT.yes : SE05X_RESULT.no };
    },
    agree({ objectId, peerPoint }) {
      const object = inside.demand(objectId, "keyAgreement");
      demandOutput(object, inside.caller);
      return { sharedSecret: agreed(object.content, peerPoint) };
    },
    agreeInto({ objectId, direction, peerPoint, algorithm = PLAIN_AGREEMENT, targetId }) {
      if (algorithm !== PLAIN_AGREEMENT) throw refuse(0x6a80, `agreement ${algorithm} is not in this chip`);
      const shared = agreed(inside.demand(objectId, "keyAgreement").content, peerPoint);
      return replaceSecret(inside, targetId, direction === REVERSED ? shared.toReversed() : shared);
    },
    multiply: (request) => multiplied(inside, request),
  };
}

/** What a private key makes of a public one that is in the chip. SE05x command table, section 4.5 */
function multiplied(inside: Se05xInside, request: Parameters<Se05xHandlers["multiply"]>[0]) {
  const { objectId, publicKeyId, algorithm, targetId } = request;
  const what = MULTIPLICATIONS[algorithm];
  if (!what) throw refuse(0x6a80, `multiplication ${algorithm} is not in this chip`);
  const object = inside.demand(objectId, "keyAgreement");
  const { content } = object;
  if (content.kind !== "ecPair") throw refuse(0x6985, "no private key on a prime curve in this object");
  const peer = inside.demand(publicKeyId, "keyAgreement").content;
  const isPublic = peer.kind === "ecPublic" || (peer.kind === "ecPair" && peer.whole);
  if (!isPublic || peer.curve !== content.curve) throw refuse(0x6985, "no public key on this curve in this object");
  if (targetId === undefined) demandOutput(object, inside.caller);
  const point = content.key.multiply(peer.kind === "ecPublic" ? peer.point : peer.key.point, what);
  return targetId === undefined ? { point } : replaceSecret(inside, targetId, point);
}

/** The shared secret: of X25519 and X448 with its highest byte first, as their keys are on the wire. */
function agreed(content: Content, peer: Uint8Array): Uint8Array {
  if (content.kind === "ecPair") return content.key.agree(peer);
  if (content.kind === "okpPair") return content.key.agree(peer.toReversed()).toReversed();
  throw refuse(0x6985, "no private key in this object");
}

function writeEcKey(inside: Se05xInside, request: Parameters<Se05xHandlers["writeEcKey"]>[0]) {
  const { store } = inside;
  const { part, privateKey, publicKey } = request;
  const former = store.find(request.objectId);
  if (!former) store.demandOpenId(request.objectId, isAuthentication(request.insFlags));
  const id = curveIdOf(former, request.curve);
  inside.demandFeature(featureOf(id));
  // Whoever opens a session proves to have the private key; the chip needs the public one, on the curve of sessions.
  const canAuthenticate = part === SE05X_PART.public && id === SE05X_CURVE.p256;
  if (isAuthentication(request.insFlags) && !canAuthenticate) throw refuse(0x6a80, "no session by a key of this kind");
  const generated = privateKey === undefined && publicKey === undefined;
  if (former) inside.demand(former.id, generated ? "generate" : "write");
  if (generated && !former && part !== SE05X_PART.pair) throw refuse(0x6a80, "only whole pairs are generated");
  const whole = former ? typeIsPair(former) : part === SE05X_PART.pair;
  if (generated && !whole) throw refuse(0x6a80, "only whole pairs are generated");
  const content = contentOn(inside, id, { part: partOf(former, part), privateKey, publicKey });
  const origin = generated ? SE05X_ORIGIN.internal : SE05X_ORIGIN.external;
  return former
    ? replaceContent(inside, request, former, { content, origin })
    : createObject(inside, request, content, origin);
}

function featureOf(curve: number): number {
  if (curve === SE05X_CURVE.ed25519) return FEATURE.edDsa;
  return curve === SE05X_CURVE.x25519 || curve === SE05X_CURVE.x448 ? FEATURE.montgomery : FEATURE.ec;
}

function typeIsPair(object: SecureObject): boolean {
  return typeOf(object) === SE05X_TYPE.ecPair;
}

/** Where the object exists, what it is counts, and not which halves P1 names. SE05x command table, section 4.5 */
function partOf(former: SecureObject | undefined, part: number): number {
  if (!former) return part;
  if (typeOf(former) === SE05X_TYPE.ecPublic) return SE05X_PART.public;
  return typeIsPair(former) ? SE05X_PART.pair : SE05X_PART.private;
}

function curveIdOf(former: SecureObject | undefined, given: number | undefined): number {
  if (!former) return given ?? SE05X_CURVE.p256;
  const { content } = former;
  if (!("curve" in content) || content.curve === undefined) throw refuse(0x6985, "an object keeps its type");
  if (given !== undefined && given !== content.curve) throw refuse(0x6985, "a key keeps its curve");
  return content.curve;
}

type GivenKey = {
  readonly part: number;
  readonly privateKey: Uint8Array | undefined;
  readonly publicKey: Uint8Array | undefined;
};

function contentOn(inside: Se05xInside, id: number, given: GivenKey): Content {
  const okp = inside.model.curves.has(id) ? okpCurve(inside, id) : undefined;
  const curve = okp ? undefined : findCurve(inside, id);
  if (!okp && !curve) throw refuse(0x6a80, `curve ${id} is not in this chip`);
  const { part, privateKey, publicKey } = given;
  if (!privateKey && !publicKey) {
    if (okp) return { kind: "okpPair", curve: id, key: OkpKey.generate(okp, inside.entropy), whole: true };
    if (curve) return { kind: "ecPair", curve: id, key: EcKey.generate(curve, inside.entropy), whole: true };
  }
  const wantsPrivate = (part & SE05X_PART.private) !== 0;
  const wantsPublic = (part & SE05X_PART.public) !== 0;
  if (wantsPrivate !== (privateKey !== undefined) || wantsPublic !== (publicKey !== undefined)) {
    throw refuse(0x6a80, "the halves that are given are not those that are named");
  }
  if (okp) return givenOkpKey(okp, id, given);
  return givenKey(curve, id, given);
}

function givenKey(curve: PointCurve | undefined, id: number, { privateKey, publicKey }: GivenKey): Content {
  if (!curve) throw refuse(0x6a80, `curve ${id} is not in this chip`);
  if (!privateKey) {
    if (!publicKey || !curve.isPoint(publicKey)) throw refuse(0x6a80, "the public key is not a point of the curve");
    return { kind: "ecPublic", curve: id, point: publicKey.slice() };
  }
  const key = EcKey.inject(curve, privateKey);
  // A signature under a foreign point would leak the scalar to whoever chose the point.
  if (publicKey && !equal(publicKey, key.point)) throw refuse(0x6a80, "the public key belongs to another private key");
  return { kind: "ecPair", curve: id, key, whole: publicKey !== undefined };
}

/** Keys come with their highest byte first, but for secrets of Ed25519. SE05x command table, section 4.5 */
function givenOkpKey(curve: OkpCurve, id: number, { privateKey, publicKey: wirePublic }: GivenKey): Content {
  const publicKey = wirePublic?.toReversed();
  if (!privateKey) {
    if (publicKey?.length !== curve.keyLength) throw refuse(0x6a80, "the public key has another length");
    return { kind: "okpPublic", curve: id, publicKey };
  }
  const key = OkpKey.inject(curve, "sign" in curve ? privateKey : privateKey.toReversed());
  if (publicKey && !equal(publicKey, key.publicKey))
    throw refuse(0x6a80, "the public key belongs to another private key");
  return { kind: "okpPair", curve: id, key, whole: publicKey !== undefined };
}
