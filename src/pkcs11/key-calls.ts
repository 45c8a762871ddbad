import { ecdsaDerToRaw, ecdsaRawToDer } from "../crypto/index.ts";
import type { ApplicationState, Handlers } from "./application-state.ts";
import { given, mechanismFor } from "./digest-calls.ts";
import { startDigest } from "./digest-names.ts";
import { refuse } from "./errors.ts";
import type { Mechanism } from "./mechanisms.ts";
import { curveOf, type EcCurve, type TokenObject } from "./objects.ts";
import { hasRoom } from "./room.ts";
import type { KeyOperation, Session } from "./session.ts";
import { newKeyPair } from "./templates.ts";
import type { Bytes, Room } from "./values.ts";

/** The longest digest that anybody signs. */
const MAX_DIGEST_BYTES = 64;
/** So many random bytes take a chip on a slow bus some seconds. */
const MAX_RANDOM_BYTES = 65_536;

/** Signing, verifying, key pairs and random bytes, all by the chip. PKCS #11 v2.40, sections 11.11, 11.13, 11.14, 11.15 */
export const keyHandlers: Handlers = {
  C_SignInit(application, handle, mechanism, key) {
    return beginKeyOperation(application, { handle, mechanism, key, kind: "sign" });
  },

  async C_Sign(application, handle, data, room) {
    const session = application.session(handle);
    const operation = session.active("sign");
    return [await signature(application, session, { room, digest: () => digestOf(operation, data) })];
  },

  C_SignUpdate(application, handle, data) {
    update(application.session(handle), "sign", data);
    return [];
  },

  async C_SignFinal(application, handle, room) {
    const session = application.session(handle);
    const operation = session.active("sign");
    return [await signature(application, session, { room, digest: () => finalDigest(operation) })];
  },

  C_VerifyInit(application, handle, mechanism, key) {
    return beginKeyOperation(application, { handle, mechanism, key, kind: "verify" });
  },

  async C_Verify(application, handle, data, raw) {
    const session = application.session(handle);
    const operation = session.active("verify");
    session.end("verify");
    await verify(application, operation, { digest: digestOf(operation, data), raw: given(raw) });
    return [];
  },

  C_VerifyUpdate(application, handle, data) {
    update(application.session(handle), "verify", data);
    return [];
  },

  async C_VerifyFinal(application, handle, raw) {
    const session = application.session(handle);
    const operation = session.active("verify");
    session.end("verify");
    await verify(application, operation, { digest: finalDigest(operation), raw: given(raw) });
    return [];
  },

  async C_GenerateKeyPair(application, handle, mechanism, publicTemplate, privateTemplate) {
    application.writableSession(handle);
    if (mechanism === "null") throw refuse("mechanism-invalid", "no mechanism to make a key pair by");
    mechanismFor(mechanism, "generate");
    const [secret, open] = await application.token.generateKeyPair(newKeyPair(publicTemplate, privateTemplate));
    return [open.handle, secret.handle];
  },

  C_SeedRandom(application, handle) {
    application.session(handle);
    throw refuse("random-seed-not-supported", "the chip's random numbers cannot be seeded");
  },

  async C_GenerateRandom(application, handle, room) {
    application.session(handle);
    const length = room ?? 0;
    if (length > MAX_RANDOM_BYTES) throw refuse("arguments-bad", `${length} random bytes, over ${MAX_RANDOM_BYTES}`);
    return [await application.token.random(length)];
  },
};

/** Waits only where the objects are to be read first. */
function beginKeyOperation(
  application: ApplicationState,
  order: {
    readonly handle: bigint;
    readonly mechanism: Mechanism;
    readonly key: bigint;
    readonly kind: "sign" | "verify";
  },
): readonly [] | Promise<readonly []> {
  const { handle, mechanism, key, kind } = order;
  const session = application.session(handle);
  if (mechanism === "null") {
    session.end(kind);
    return [];
  }
  session.checkFree(kind);
  const { hash } = mechanismFor(mechanism, "sign");
  const begin = (objects: readonly TokenObject[]): readonly [] => {
    const object = keyAmong(objects, key, kind);
    session.begin(kind, { object, hash: hash && startDigest(application.token.hash, hash) });
    return [];
  };
  const objects = application.objects();
  return objects instanceof Promise ? objects.then(begin) : begin(objects);
}

/** The key with this handle, of the half that this takes. Throws `key-handle-invalid` and `key-type-inconsistent`. */
export function keyAmong(
  objects: readonly TokenObject[],
  key: bigint,
  kind: "sign" | "verify" | "derive",
): TokenObject {
  const object = objects.find(({ handle }) => handle === key);
  if (!object || object.kind === "certificate" || object.kind === "data")
    throw refuse("key-handle-invalid", `object ${key} is not a key`);
  const wanted = kind === "verify" ? "public-key" : "private-key";
  if (object.kind !== wanted) throw refuse("key-type-inconsistent", `object ${key} is not a ${wanted}`);
  return object;
}

/** Throws `key-handle-invalid` where a key is on a curve that no program here can use. */
export function curveFor({ publicKey }: TokenObject): EcCurve {
  const curve = curveOf(publicKey);
  if (curve) return curve;
  throw refuse("key-handle-invalid", "the key is not on a curve that is known here");
}

/** A caller that only asks for the length, or has too little room, keeps its operation; any other ends it. PKCS #11 v2.40, section 11.2 */
async function signature(
  application: ApplicationState,
  session: Session,
  { room, digest }: { readonly room: Room; readonly digest: () => Uint8Array },
): Promise<Bytes> {
  const { object } = session.active("sign");
  // r and s, one behind the other. PKCS #11 mechanisms v2.40, section 2.3.1
  const { coordinateBytes } = curveFor(object);
  if (!hasRoom(room, 2 * coordinateBytes)) return { needed: 2 * coordinateBytes };
  session.end("sign");
  return ecdsaDerToRaw(await application.token.signDigest(object, digest()), coordinateBytes);
}

async function verify(
  { token }: ApplicationState,
  { object }: KeyOperation,
  { digest, raw }: { readonly digest: Uint8Array; readonly raw: Uint8Array },
): Promise<void> {
  const { coordinateBytes } = curveFor(object);
  if (raw.length !== 2 * coordinateBytes) throw refuse("signature-len-range", `a signature of ${raw.length} bytes`);
  const point = object.publicKey.subarray(-1 - 2 * coordinateBytes);
  // A zero r or s has no DER form that a chip accepts, and is never right. FIPS 186-5, section 6.4.2
  const isPossible = isPositive(raw.subarray(0, coordinateBytes)) && isPositive(raw.subarray(coordinateBytes));
  if (!isPossible || !(await token.verifyDigest(point, digest, ecdsaRawToDer(raw)))) {
    throw refuse("signature-invalid", "the signature is wrong");
  }
}

/** The digest of data that come at once. */
function digestOf({ hash }: KeyOperation, data: Bytes): Uint8Array {
  const bytes = given(data);
  if (hash) {
    hash.update(bytes);
    return hash.digest();
  }
  if (bytes.length === 0 || bytes.length > MAX_DIGEST_BYTES) {
    throw refuse("data-len-range", `a digest of ${bytes.length} bytes is not within 1..${MAX_DIGEST_BYTES}`);
  }
  return bytes;
}

function update(session: Session, kind: "sign" | "verify", data: Bytes): void {
  const { hash } = session.active(kind);
  if (!hash) {
    session.end(kind);
    throw refuse("function-not-supported", "CKM_ECDSA takes its digest in one piece");
  }
  hash.update(given(data));
}

function finalDigest({ hash }: KeyOperation): Uint8Array {
  if (!hash) throw refuse("function-not-supported", "CKM_ECDSA takes its digest in one piece");
  return hash.digest();
}

function isPositive(bytes: Uint8Array): boolean {
  return bytes.some((each) => each !== 0);
}
