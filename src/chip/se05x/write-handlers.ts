import type { NoFields } from "../../apdu/index.ts";
import { SE05X_CURVE, SE05X_ORIGIN, SE05X_PART, type PolicyEntry, RIGHT } from "../../apdu/se05x/index.ts";
import { equal } from "../../codec/index.ts";
import type { EcCurve } from "../ec-curve.ts";
import type { Se05xHandlers, Se05xInside } from "./handlers.ts";
import { type Content, hexId, type SecureObject } from "./objects.ts";
import { refuse } from "./refuse.ts";
import { EcKey, Secret } from "./secrets.ts";
import { isAuthentication, isTransient } from "./store.ts";

type WriteCommand = "writeEcKey" | "writeSymmKey" | "writeBinary" | "writeUserId" | "writeCounter" | "deleteObject";

/** The attributes that a command gives an object besides its content. */
type Attributes = {
  readonly objectId: number;
  readonly insFlags?: number;
  readonly policy?: readonly PolicyEntry[] | undefined;
  readonly maxAttempts?: number | undefined;
};

const MAX_FILE = 0x7fff;

/** Making, changing and deleting objects. SE05x command table, tier b */
export function writeHandlers(inside: Se05xInside): Pick<Se05xHandlers, WriteCommand> {
  return {
    ...keyHandlers(inside),
    ...dataHandlers(inside),
    writeUserId(request) {
      if (inside.store.find(request.objectId)) throw refuse(0x6986, "a user identifier is written once");
      if (!isAuthentication(request.insFlags)) throw refuse(0x6a80, "a user identifier is an authentication object");
      const content = { kind: "userId", secret: new Secret(request.value) } as const;
      return create(inside, request, content, SE05X_ORIGIN.external);
    },
    deleteObject({ objectId }) {
      inside.store.demand(objectId, inside.user, "delete");
      inside.store.remove(objectId);
      return {};
    },
  };
}

function keyHandlers(inside: Se05xInside): Pick<Se05xHandlers, "writeEcKey" | "writeSymmKey"> {
  const { store, entropy } = inside;
  return {
    writeEcKey(request) {
      refuseAuthentication(request.insFlags);
      const { part, privateKey, publicKey } = request;
      const former = store.find(request.objectId);
      const id = curveIdOf(former, request.curve);
      const curve = inside.curves.get(id);
      if (!curve) throw refuse(0x6a80, `curve ${id} is not in this chip`);
      const generated = privateKey === undefined && publicKey === undefined;
      if (former) store.demand(former.id, inside.user, generated ? "generate" : "write");
      const content = generated
        ? generatedKey(part, id, () => EcKey.generate(curve, entropy))
        : givenKey(curve, { part, id, privateKey, publicKey });
      const origin = generated ? SE05X_ORIGIN.internal : SE05X_ORIGIN.external;
      return former ? replace(inside, request, former, { content, origin }) : create(inside, request, content, origin);
    },
    writeSymmKey(request) {
      refuseAuthentication(request.insFlags);
      if (request.kekId) throw refuse(0x6a80, "no key comes wrapped here");
      const { kind, value, minOutputLength = 0 } = request;
      if (kind === 0x03 && ![16, 24, 32].includes(value.length)) throw refuse(0x6a80, "an AES key of another length");
      const secret = new Secret(value);
      const content =
        kind === 0x03 ? ({ kind: "aes", secret } as const) : ({ kind: "hmac", secret, minOutputLength } as const);
      const former = store.find(request.objectId);
      if (!former) return create(inside, request, content, SE05X_ORIGIN.external);
      store.demand(former.id, inside.user, "write");
      return replace(inside, request, former, { content, origin: SE05X_ORIGIN.external });
    },
  };
}

function dataHandlers(inside: Se05xInside): Pick<Se05xHandlers, "writeBinary" | "writeCounter"> {
  const { store } = inside;
  return {
    writeBinary(request) {
      refuseAuthentication(request.insFlags);
      const { objectId, offset = 0, length, data = new Uint8Array(0) } = request;
      const former = store.find(objectId);
      if (former && former.content.kind !== "binary") throw refuse(0x6985, `${hexId(objectId)} is no file`);
      if (former) store.demand(objectId, inside.user, "write");
      const held = former?.content.kind === "binary" ? former.content.bytes : undefined;
      const size = held?.length ?? length ?? 0;
      if (size < 1 || size > MAX_FILE) throw refuse(0x6a80, `a file of ${size} bytes`);
      if (offset + data.length > size) throw refuse(0x6a80, `${data.length} bytes at ${offset} end behind the file`);
      const bytes = held ? held.slice() : new Uint8Array(size);
      bytes.set(data, offset);
      const content = { kind: "binary", bytes } as const;
      if (!former) return create(inside, request, content, SE05X_ORIGIN.external);
      return replace(inside, request, former, { content, origin: former.origin });
    },
    writeCounter(request) {
      refuseAuthentication(request.insFlags);
      const { objectId, size, value } = request;
      const former = store.find(objectId);
      if (!former) {
        if (size === undefined || size < 1 || size > 8) throw refuse(0x6a80, "a counter has 1 to 8 bytes");
        if (value !== undefined) throw refuse(0x6a80, "a new counter begins at zero");
        return create(inside, request, { kind: "counter", size, value: 0n }, SE05X_ORIGIN.external);
      }
      const { content } = store.demand(objectId, inside.user, "write");
      if (content.kind !== "counter" || size !== undefined) throw refuse(0x6985, "no counter to count on");
      const next = value ?? content.value + 1n;
      // Counting back would bring back what a counter was to rule out.
      if (next <= content.value || next >= 1n << BigInt(8 * content.size)) throw refuse(0x6985, "a counter only grows");
      return replace(inside, request, former, { content: { ...content, value: next }, origin: former.origin });
    },
  };
}

function create(inside: Se05xInside, request: Attributes, content: Content, origin: number): NoFields {
  const { objectId, insFlags, policy = [], maxAttempts = 0 } = request;
  inside.store.demandOpenId(objectId);
  if (policy.some(({ rights }) => (rights & RIGHT.requirePcr) !== 0)) {
    throw refuse(0x6a80, "no policy can depend on registers here: there are none");
  }
  if (policy.some(({ extension }) => extension.length > 0)) throw refuse(0x6a80, "a policy with a condition");
  const transient = isTransient(insFlags);
  inside.store.put({ id: objectId, content, policy, origin, transient, maxAttempts, failedAttempts: 0 });
  return {};
}

function replace(
  inside: Se05xInside,
  request: Attributes,
  former: SecureObject,
  change: Pick<SecureObject, "content" | "origin">,
): NoFields {
  // What an object is and who may use it is settled when it is made.
  if (request.policy) throw refuse(0x6985, "the policy of an object that exists stays");
  if (former.content.kind !== change.content.kind) throw refuse(0x6985, "an object keeps its type");
  inside.store.put({ ...former, ...change });
  return {};
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

function refuseAuthentication(insFlags: number | undefined): void {
  if (isAuthentication(insFlags)) throw refuse(0x6a80, "only user identifiers authenticate here");
}
