import { SE05X_AEAD, SE05X_CRYPTO_CONTEXT, SE05X_RESULT } from "../../apdu/se05x/index.ts";
import { Reader, sameBytes } from "../../codec/index.ts";
import { demandExternalIv } from "./access.ts";
import { type AeadRunRequest, startAeadRun } from "./aead-run.ts";
import type { Content } from "./contents.ts";
import { begin, cryptoObject, underWay } from "./crypto-object-handlers.ts";
import type { Se05xHandlers, Se05xInside } from "./handler.ts";
import { refuse } from "./refuse.ts";

type AeadCommand = "aead" | "aeadInit" | "aeadUpdate" | "aeadFinal";
type AesContent = Extract<Content, { kind: "aes" }>;

/** P1 that has the chip make the nonce. */
const INTERNAL = 0x12;
/** Longest texts of one command. SE05x command table, section 4.5 */
const MAX = { input: 1024, associated: 1024 } as const;
/** Nonces and tags that each mode takes. SP 800-38C, appendix A.1; SP 800-38D, section 5.2.1 */
const GCM = { iv: { min: 12, max: 60 }, tags: [4, 8, 12, 13, 14, 15, 16] } as const;
const CCM = { iv: { min: 7, max: 13 }, tags: [4, 6, 8, 10, 12, 14, 16] } as const;
const WHOLE_TAG = 16;

/** Authenticated encryption with AES keys. SE05x command table, section 4.5 */
export function aeadHandlers(inside: Se05xInside): Pick<Se05xHandlers, AeadCommand> {
  const { running } = inside;
  return {
    aead: (request) => oneShot(inside, request),
    aeadInit(request) {
      const { objectId, cryptoObjectId: id, direction, tagLength = WHOLE_TAG } = request;
      const { subtype } = cryptoObject(inside, id, SE05X_CRYPTO_CONTEXT.aead);
      const encrypts = direction === 0x42;
      const right = encrypts ? "encrypt" : "decrypt";
      const content = aesKeyIn(inside, objectId, right);
      const mode = modeOf(subtype);
      if (mode === "ccm" && (request.associatedLength === undefined || request.inputLength === undefined)) {
        throw refuse(0x6a80, "CCM takes all lengths first");
      }
      demandTag(mode, content, tagLength);
      const internal = encrypts && isInternal(subtype, request.family);
      const iv = nonceOf(inside, mode, internal, request.iv);
      if (encrypts && !internal) demandExternalIv(inside.store.present(objectId), inside.caller);
      const lengths = { associated: request.associatedLength ?? 0, input: request.inputLength ?? 0 };
      if (lengths.associated > MAX.associated || lengths.input > MAX.input) throw refuse(0x6a80, "too long a text");
      const run: AeadRunRequest = { mode, secret: content.secret, iv, encrypts, tagLength, lengths };
      const key = { objectId, content, right } as const;
      begin(inside, id, () => ({ kind: "aead", run: startAeadRun(inside.arithmetic, run), key }));
      return internal ? { iv } : {};
    },
    aeadUpdate({ cryptoObjectId, input, associated }) {
      const { run } = underWay(inside, cryptoObjectId, "aead");
      if ((input === undefined) === (associated === undefined)) throw refuse(0x6a80, "either text or associated data");
      if (associated) {
        run.associate(associated);
        return {};
      }
      return { output: run.update(input ?? new Uint8Array(0)) };
    },
    aeadFinal({ cryptoObjectId, tag }) {
      const { run, key } = underWay(inside, cryptoObjectId, "aead");
      if (run.encrypts === (tag !== undefined)) throw refuse(0x6a80, "a tag comes with decryption, and only with it");
      // A nonce serves once: the operation has to be begun anew, also after a failure.
      running.delete(cryptoObjectId);
      if (!tag) return run.seal();
      demandTag(run.mode, key.content as AesContent, tag.length);
      const opened = run.open(tag, sameBytes);
      return opened ? { ...opened, result: SE05X_RESULT.yes } : { result: SE05X_RESULT.no };
    },
  };
}

function oneShot(inside: Se05xInside, request: Parameters<Se05xHandlers["aead"]>[0]) {
  const { input = new Uint8Array(0), associated = new Uint8Array(0), tag } = request;
  const encrypts = request.direction === 0x37;
  const content = aesKeyIn(inside, request.objectId, encrypts ? "encrypt" : "decrypt");
  const mode = modeOf(request.mode);
  if (encrypts === (tag !== undefined)) throw refuse(0x6a80, "a tag comes with decryption, and only with it");
  if (input.length > MAX.input || associated.length > MAX.associated) throw refuse(0x6a80, "too long a text");
  const tagLength = tag?.length ?? WHOLE_TAG;
  demandTag(mode, content, tagLength);
  const internal = encrypts && isInternal(request.mode, request.family);
  const iv = nonceOf(inside, mode, internal, request.iv);
  if (encrypts && !internal) demandExternalIv(inside.store.present(request.objectId), inside.caller);
  const given = request.input !== undefined;
  return content.secret.use((key) => {
    const aead = { mode, key, iv, tagLength } as const;
    if (!tag) {
      const [output, made] = inside.arithmetic.seal(aead, input, associated);
      return { ...(given ? { output } : {}), tag: made, ...(internal ? { iv } : {}) };
    }
    const output = inside.arithmetic.open(aead, input, associated, tag);
    if (!output) return { result: SE05X_RESULT.no };
    return { ...(given ? { output } : {}), result: SE05X_RESULT.yes };
  });
}

function aesKeyIn(inside: Se05xInside, id: number, right: "encrypt" | "decrypt"): AesContent {
  const { content } = inside.demand(id, right);
  if (content.kind !== "aes") throw refuse(0x6985, "no AES key in this object");
  return content;
}

function modeOf(id: number): "gcm" | "ccm" {
  if (id === SE05X_AEAD.gcm || id === SE05X_AEAD.gcmInternalIv) return "gcm";
  if (id === SE05X_AEAD.ccm || id === SE05X_AEAD.ccmInternalIv) return "ccm";
  throw refuse(0x6a80, `mode ${id} is not in this chip`);
}

function isInternal(mode: number, family: number): boolean {
  return family === INTERNAL || mode === SE05X_AEAD.gcmInternalIv || mode === SE05X_AEAD.ccmInternalIv;
}

/** The host's nonce, or one of the chip's own as long as the host wants it. */
function nonceOf(
  inside: Se05xInside,
  mode: "gcm" | "ccm",
  internal: boolean,
  given: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const { min, max } = (mode === "gcm" ? GCM : CCM).iv;
  if (internal && given.length !== 2) throw refuse(0x6a80, "the length of a nonce takes two bytes");
  const length = internal ? new Reader(given).u16() : given.length;
  if (length < min || length > max) throw refuse(0x6a80, `a nonce of ${length} bytes`);
  return internal ? inside.entropy.bytes(length) : Uint8Array.from(given);
}

function demandTag(mode: "gcm" | "ccm", { minTagLength }: AesContent, length: number): void {
  const known: readonly number[] = (mode === "gcm" ? GCM : CCM).tags;
  if (!known.includes(length) || length < minTagLength) throw refuse(0x6a80, `a tag of ${length} bytes`);
}
