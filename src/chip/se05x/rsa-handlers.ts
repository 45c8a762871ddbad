import { SE05X_ORIGIN, SE05X_PART, SE05X_RSA, SE05X_TYPE } from "../../apdu/se05x/index.ts";
import { equal } from "../../codec/index.ts";
import type { DigestName } from "./arithmetic.ts";
import { type Content, kindOfContent } from "./contents.ts";
import { FEATURE } from "./features.ts";
import type { Se05xHandlers, Se05xInside } from "./handler.ts";
import { type SecureObject, sizeOf, typeOf } from "./objects.ts";
import { refuse } from "./refuse.ts";
import { RSA_COMPONENTS, RSA_SIZES, type RsaForm, RsaKey } from "./rsa-key.ts";
import {
  fromOaepBlock,
  fromPkcs1EncryptionBlock,
  isPssBlock,
  oaepBlock,
  pkcs1EncryptionBlock,
  pkcs1SignatureBlock,
  pssBlock,
} from "./rsa-padding.ts";
import { createObject, refuseAuthentication, replaceContent } from "./writing.ts";

type WriteRequest = Parameters<Se05xHandlers["writeRsaKey"]>[0];

const RAW = 0x4f;

/** @table Signature algorithms over whole messages: hash and padding. SE05x command table, tier b */
export const RSA_SIGNATURES: Readonly<Record<number, readonly [DigestName, "pkcs1" | "pss"]>> = {
  0x0a: ["sha1", "pkcs1"],
  0x27: ["sha224", "pkcs1"],
  0x28: ["sha256", "pkcs1"],
  0x29: ["sha384", "pkcs1"],
  0x2a: ["sha512", "pkcs1"],
  0x15: ["sha1", "pss"],
  0x2b: ["sha224", "pss"],
  0x2c: ["sha256", "pss"],
  0x2d: ["sha384", "pss"],
  0x2e: ["sha512", "pss"],
};

/** RSA keys, and encryption with them. SE05x command table, tier b */
export function rsaHandlers(inside: Se05xInside): Pick<Se05xHandlers, "writeRsaKey" | "rsaCipher"> {
  return {
    writeRsaKey: (request) => writeRsaKey(inside, request),
    rsaCipher({ objectId, direction, algorithm, input = new Uint8Array(0) }) {
      const encrypts = direction === 0x37;
      const { content } = inside.demand(objectId, encrypts ? "encrypt" : "decrypt");
      if (content.kind !== "rsa") throw refuse(0x6985, "no RSA key in this object");
      const { key } = content;
      return { output: encrypts ? encrypted(inside, key, algorithm, input) : decrypted(inside, key, algorithm, input) };
    },
  };
}

/** A signature over a whole message. Refused with 6A80 for another algorithm, or where the key is too short for it. */
export function rsaSign(inside: Se05xInside, key: RsaKey, algorithm: number, message: Uint8Array): Uint8Array {
  key.demandWhole();
  const { name, digest, padding } = hashed(inside, algorithm, message);
  const block =
    padding === "pss" ? pssBlock(inside, name, digest, key.length) : pkcs1SignatureBlock(name, digest, key.length);
  if (!block) throw refuse(0x6a80, "the key is too short for this algorithm");
  return key.privateOperation(block);
}

/** Whether a signature over a whole message holds. RFC 8017, sections 8.1.2 and 8.2.2 */
export function rsaHolds(
  inside: Se05xInside,
  key: RsaKey,
  algorithm: number,
  { message, signature }: { readonly message: Uint8Array; readonly signature: Uint8Array },
): boolean {
  key.demandWhole();
  const { name, digest, padding } = hashed(inside, algorithm, message);
  if (signature.length !== key.length) return false;
  const block = attempt(() => key.publicOperation(signature));
  if (!block) return false;
  if (padding === "pss") return isPssBlock(inside.arithmetic, name, digest, block);
  const expected = pkcs1SignatureBlock(name, digest, key.length);
  return expected !== undefined && equal(expected, block);
}

function hashed({ arithmetic }: Se05xInside, algorithm: number, message: Uint8Array) {
  const found = RSA_SIGNATURES[algorithm];
  if (!found) throw refuse(0x6a80, `no RSA signatures with algorithm ${algorithm}`);
  const [name, padding] = found;
  return { name, padding, digest: arithmetic.digest(name, message) };
}

function encrypted(inside: Se05xInside, key: RsaKey, algorithm: number, message: Uint8Array): Uint8Array {
  key.demandWhole();
  const block = encryptionBlock(inside, key, algorithm, message);
  if (block?.length !== key.length) throw refuse(0x6a80, `a message of ${message.length} bytes`);
  return attempt(() => key.publicOperation(block)) ?? tooBig();
}

function encryptionBlock(inside: Se05xInside, key: RsaKey, algorithm: number, message: Uint8Array) {
  if (algorithm === SE05X_RSA.noPadding) return message;
  if (algorithm === SE05X_RSA.pkcs1) return pkcs1EncryptionBlock(inside.entropy, message, key.length);
  if (algorithm === SE05X_RSA.oaep) return oaepBlock(inside, message, key.length);
  throw refuse(0x6a80, `no RSA encryption with algorithm ${algorithm}`);
}

/** What a private key makes of a number of its length. Refused with 6985 without a private half, 6A80 for another number. */
export function rsaPrivateOperation(key: RsaKey, input: Uint8Array): Uint8Array {
  key.demandWhole();
  if (input.length !== key.length) throw refuse(0x6a80, `${input.length} encrypted bytes`);
  return attempt(() => key.privateOperation(input)) ?? tooBig();
}

function decrypted({ arithmetic }: Se05xInside, key: RsaKey, algorithm: number, input: Uint8Array): Uint8Array {
  const block = rsaPrivateOperation(key, input);
  const message =
    algorithm === SE05X_RSA.noPadding
      ? block
      : algorithm === SE05X_RSA.pkcs1
        ? fromPkcs1EncryptionBlock(block)
        : algorithm === SE05X_RSA.oaep
          ? fromOaepBlock(arithmetic, block)
          : undefined;
  if (!message) throw refuse(0x6a80, "what was decrypted has another padding");
  return message;
}

/** A number that is not below the modulus is none that the primitives take. RFC 8017, section 5.1.1 */
function attempt(work: () => Uint8Array): Uint8Array | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof Error && "opensslErrorStack" in error) return undefined;
    if (error instanceof Error && "code" in error && String(error.code).startsWith("ERR_OSSL")) return undefined;
    throw error;
  }
}

function tooBig(): never {
  throw refuse(0x6a80, "the number is not below the modulus");
}

function writeRsaKey(inside: Se05xInside, request: WriteRequest) {
  const crt = request.form !== RAW;
  inside.demandFeature(crt ? FEATURE.rsaCrt : FEATURE.rsaPlain);
  refuseAuthentication(request.insFlags);
  const given = RSA_COMPONENTS.filter((component) => (request[component]?.length ?? 0) > 0);
  const former = inside.store.find(request.objectId);
  if (former && kindOfContent(former.content) !== "rsa") throw refuse(0x6985, "an object keeps its type");
  const held = former?.content.kind === "rsa" ? former.content.key : undefined;
  const isShell = former?.content.kind === "shell";
  const isToCome = former?.content.kind === "rsaToCome";
  const generates = given.every((component) => component === "e");
  // What a policy allows counts once the key is whole. SE05x command table, section 4.5
  if (former && (held?.isWhole || isShell || isToCome)) inside.demand(former.id, generates ? "generate" : "write");
  const form = held?.form ?? (isShell ? formOf(former) : newForm(request));
  if (former && request.bits !== undefined && request.bits !== form.bits) throw refuse(0x6985, "a key keeps its size");
  if (form.crt !== crt) throw refuse(0x6985, "a key keeps its form");
  const isGenerated = generates && form.half === "pair" && (given.length === 0 || !held || held.isWhole);
  const key = isGenerated ? generated(inside, form, request.e) : extended(inside, { form, held, given, request });
  const content: Content = { kind: "rsa", key };
  const origin = isGenerated ? SE05X_ORIGIN.internal : SE05X_ORIGIN.external;
  if (!former) return createObject(inside, request, content, origin);
  return replaceContent(inside, request, former, { content, origin });
}

function newForm({ part, form, bits }: WriteRequest): RsaForm {
  if (bits === undefined || !RSA_SIZES.includes(bits)) throw refuse(0x6a80, `no RSA key of ${bits} bits`);
  const half = part === SE05X_PART.public ? "public" : part === SE05X_PART.private ? "private" : "pair";
  return { bits, half, crt: form !== RAW };
}

/** The form of a key whose value went with power. */
function formOf(object: SecureObject): RsaForm {
  const type = typeOf(object);
  const half = type >= SE05X_TYPE.rsaPublic ? "public" : type >= SE05X_TYPE.rsaPrivate ? "private" : "pair";
  const crt = half === "public" || type === SE05X_TYPE.rsaPair + 1 || type === SE05X_TYPE.rsaPrivate + 1;
  return { bits: 8 * sizeOf(object), half, crt };
}

function generated({ rsa, entropy }: Se05xInside, form: RsaForm, e: Uint8Array | undefined): RsaKey {
  const key = RsaKey.generate(rsa, form, entropy);
  if (e && e.length > 0 && !equal(e, key.told("e"))) throw refuse(0x6a80, "keys are made with the exponent 65537");
  return key;
}

function extended(
  { rsa }: Se05xInside,
  from: {
    readonly form: RsaForm;
    readonly held: RsaKey | undefined;
    readonly given: readonly (typeof RSA_COMPONENTS)[number][];
    readonly request: WriteRequest;
  },
): RsaKey {
  const [component, another] = from.given;
  if (!component || another) throw refuse(0x6a80, "one number a command");
  return (from.held ?? new RsaKey(rsa, from.form)).with(component, from.request[component] ?? new Uint8Array(0));
}
