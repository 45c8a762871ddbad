import { cbcDecrypt, cbcEncrypt, cmac, padded, unpadded } from "../../apdu/index.ts";
import { concat, DecodeError, Reader, sameBytes, Writer } from "../../codec/index.ts";
import { kindOfContent } from "./contents.ts";
import type { Se05xHandlers, Se05xInside } from "./handler.ts";
import { readObject, writeObject } from "./image.ts";
import { hexId, type SecureObject, typeOf } from "./objects.ts";
import { refuse } from "./refuse.ts";
import { Secret } from "./secrets.ts";

/** Kinds of objects that leave the chip. SE05x command table, section 4.5 */
const PORTABLE: ReadonlySet<ReturnType<typeof kindOfContent>> = new Set([
  "aes",
  "des",
  "rsa",
  "ecPair",
  "ecPublic",
  "okpPair",
  "okpPublic",
]);
const CIPHER_KEY = 32;
const CODE = 16;

/** Transient objects that wait outside the chip, under keys of its own. SE05x command table, section 4.5 */
export function transferHandlers(inside: Se05xInside): Pick<Se05xHandlers, "exportObject" | "importObject"> {
  return {
    exportObject({ objectId }) {
      const object = portable(inside, objectId);
      if (object.content.kind === "shell") throw refuse(0x6985, `the value of ${hexId(objectId)} went with power`);
      return { serialized: sealed(inside, object) };
    },
    importObject({ objectId, serialized }) {
      inside.demandChanging();
      const present = portable(inside, objectId);
      // Who may use it was settled when its place was made; only the value comes back.
      const { content, origin, version } = opened(inside, present, serialized);
      inside.store.put({ ...present, content, origin, version });
      return {};
    },
  };
}

/** An object that may leave, and come back in its own place only. */
function portable(inside: Se05xInside, id: number): SecureObject {
  const object = inside.demand(id, "importExport");
  if (!object.transient || !PORTABLE.has(kindOfContent(object.content)))
    throw refuse(0x6985, "only transient keys are moved");
  return object;
}

function sealed(inside: Se05xInside, object: SecureObject): Uint8Array {
  const image = new Writer();
  writeObject(image, object);
  return withKeys(inside, (cipherKey, codeKey) => {
    const text = cbcEncrypt(inside.aes, cipherKey, new Uint8Array(CODE), padded(image.finish()));
    return concat(text, cmac(inside.aes, codeKey, labelOf(object), text));
  });
}

function opened(inside: Se05xInside, present: SecureObject, serialized: Uint8Array): SecureObject {
  return withKeys(inside, (cipherKey, codeKey) => {
    const text = serialized.slice(0, -CODE);
    const isRight = sameBytes(cmac(inside.aes, codeKey, labelOf(present), text), serialized.slice(-CODE));
    if (text.length === 0 || text.length % CODE !== 0 || !isRight) throw refuse(0x6a80, "no such object was exported");
    const image = unpadded(cbcDecrypt(inside.aes, cipherKey, new Uint8Array(CODE), text));
    try {
      return readObject(new Reader(image), inside, { writes: true });
    } catch (error) {
      if (error instanceof DecodeError) throw refuse(0x6a80, "the exported object has another layout");
      throw error;
    }
  });
}

/** Identifier, type and curve, so that an object comes back as what it was. SE05x command table, section 4.5 */
function labelOf(object: SecureObject): Uint8Array {
  const { id, content } = object;
  const curve = "curve" in content ? (content.curve ?? 0) : 0;
  return new Writer(6).u32(id).u8(typeOf(object)).u8(curve).finish();
}

/** The chip's own keys for objects outside, which it makes when they are first needed. */
function withKeys<T>(inside: Se05xInside, work: (cipherKey: Uint8Array, codeKey: Uint8Array) => T): T {
  const { store, entropy } = inside;
  const keys = store.settings.transferKeys ?? new Secret(entropy.bytes(CIPHER_KEY + CODE));
  if (!store.settings.transferKeys) store.configure({ transferKeys: keys });
  return keys.use((bytes) => work(bytes.slice(0, CIPHER_KEY), bytes.slice(CIPHER_KEY)));
}
