import { SE05X_AEAD, SE05X_CRYPTO_CONTEXT, SE05X_RESULT } from "../../apdu/se05x/index.ts";
import { sameBytes, Writer } from "../../codec/index.ts";
import { Ciphering } from "./ciphering.ts";
import { isMac, startCode } from "./codes.ts";
import { digestNamed, isDigest } from "./digest-handlers.ts";
import type { Se05xHandlers, Se05xInside } from "./handler.ts";
import { cipherMode, isCipherMode } from "./modes.ts";
import { refuse } from "./refuse.ts";
import type { Running, Work } from "./running.ts";
import type { CryptoObject } from "./settings.ts";
import { cipherKeyOf, ivOf } from "./symmetric-handlers.ts";

type ObjectCommand = "createCryptoObject" | "readCryptoObjectList" | "deleteCryptoObject";
type DigestCommand = "digestInit" | "digestUpdate" | "digestFinal";
type CipherCommand = "cipherInit" | "cipherUpdate" | "cipherFinal";
type MacCommand = "macInit" | "macUpdate" | "macFinal";

/** Which subtypes there are of each context. */
const SUBTYPES: Readonly<Record<number, (subtype: number) => boolean>> = {
  [SE05X_CRYPTO_CONTEXT.digest]: isDigest,
  [SE05X_CRYPTO_CONTEXT.cipher]: isCipherMode,
  [SE05X_CRYPTO_CONTEXT.mac]: isMac,
  [SE05X_CRYPTO_CONTEXT.aead]: (subtype) => Object.values<number>(SE05X_AEAD).includes(subtype),
};

/** Crypto objects, and streamed digests, ciphers and codes. SE05x command table, tier b */
export function cryptoObjectHandlers(
  inside: Se05xInside,
): Pick<Se05xHandlers, ObjectCommand | DigestCommand | CipherCommand | MacCommand> {
  return { ...objectHandlers(inside), ...digestHandlers(inside), ...cipherHandlers(inside), ...macHandlers(inside) };
}

/** A crypto object for a context. Refused with 6985 where there is none. */
export function cryptoObject(inside: Se05xInside, id: number, context: number): CryptoObject {
  const object = ownedCryptoObject(inside, id);
  if (object.context !== context) throw refuse(0x6985, `no crypto object ${id} for this`);
  return object;
}

/** A crypto object of this user's: it is bound to whoever made it. SE05x command table, tier b */
function ownedCryptoObject({ store, caller }: Se05xInside, id: number): CryptoObject {
  const object = store.settings.cryptoObjects.get(id);
  if (object?.madeBy !== caller.authObjectId) throw refuse(0x6985, `no crypto object ${id} of this user`);
  return object;
}

/** Begins a streamed operation, in the place of one that was under way. */
export function begin(inside: Se05xInside, id: number, again: () => Work): void {
  inside.running.set(id, { ...again(), again, session: inside.sessions.current?.id });
}

/** The operation under way. Refused with 6985 where another session began it, or its key is no longer the same. */
export function underWay<Kind extends Work["kind"]>(
  inside: Se05xInside,
  id: number,
  kind: Kind,
): Extract<Work, { readonly kind: Kind }> {
  const running = inside.running.get(id);
  if (running?.kind !== kind || running.session !== inside.sessions.current?.id) {
    throw refuse(0x6985, `no ${kind} was begun with crypto object ${id}`);
  }
  if (running.kind !== "digest") {
    const { objectId, right, content } = running.key;
    if (inside.demand(objectId, right).content !== content) throw refuse(0x6985, "the key was changed meanwhile");
  }
  return running as Extract<Running, { readonly kind: Kind }>;
}

/** After its end an operation stands at its beginning again. SE05x command table, tier b */
function rewind(inside: Se05xInside, id: number): void {
  const running = inside.running.get(id);
  if (running) inside.running.set(id, { ...running.again(), again: running.again, session: running.session });
}

function objectHandlers(inside: Se05xInside): Pick<Se05xHandlers, ObjectCommand> {
  const { store, running } = inside;
  return {
    createCryptoObject({ cryptoObjectId: id, context, subtype, targetId }) {
      inside.demandMaking();
      if (!SUBTYPES[context]?.(subtype)) throw refuse(0x6a80, `no crypto object of context ${context} and ${subtype}`);
      if (context === SE05X_CRYPTO_CONTEXT.aead && !inside.model.hasAead) throw refuse(0x6a80, "no such mode here");
      if (targetId !== undefined) throw refuse(0x6a80, "crypto objects have no targets here");
      const objects = store.settings.cryptoObjects;
      if (objects.has(id)) throw refuse(0x6985, `crypto object ${id} exists`);
      store.configure({
        cryptoObjects: new Map(objects).set(id, { context, subtype, madeBy: inside.caller.authObjectId }),
      });
      return {};
    },
    readCryptoObjectList() {
      const writer = new Writer();
      for (const [id, { context, subtype }] of store.settings.cryptoObjects) writer.u16(id).u8(context).u8(subtype);
      return { list: writer.finish() };
    },
    deleteCryptoObject({ cryptoObjectId: id }) {
      inside.demandChanging();
      ownedCryptoObject(inside, id);
      const objects = new Map(store.settings.cryptoObjects);
      objects.delete(id);
      running.delete(id);
      store.configure({ cryptoObjects: objects });
      return {};
    },
  };
}

function digestHandlers(inside: Se05xInside): Pick<Se05xHandlers, DigestCommand> {
  return {
    digestInit({ cryptoObjectId: id }) {
      const name = digestNamed(cryptoObject(inside, id, SE05X_CRYPTO_CONTEXT.digest).subtype);
      begin(inside, id, () => ({ kind: "digest", digest: inside.arithmetic.startDigest(name) }));
      return {};
    },
    digestUpdate({ cryptoObjectId, input }) {
      underWay(inside, cryptoObjectId, "digest").digest.update(input);
      return {};
    },
    digestFinal({ cryptoObjectId, input }) {
      const { digest } = underWay(inside, cryptoObjectId, "digest");
      if (input) digest.update(input);
      rewind(inside, cryptoObjectId);
      return { digest: digest.digest() };
    },
  };
}

function cipherHandlers(inside: Se05xInside): Pick<Se05xHandlers, CipherCommand> {
  return {
    cipherInit({ objectId, cryptoObjectId: id, direction, iv: given }) {
      const mode = cipherMode(cryptoObject(inside, id, SE05X_CRYPTO_CONTEXT.cipher).subtype);
      const encrypts = direction === 0x42;
      const right = encrypts ? "encrypt" : "decrypt";
      const object = inside.demand(objectId, right);
      const { content } = object;
      const secret = cipherKeyOf(content, mode);
      const iv = Uint8Array.from(ivOf(inside, mode, { object, encrypts, given }));
      const cipher = () => new Ciphering(inside.arithmetic, secret, { mode, encrypts, iv });
      begin(inside, id, () => ({ kind: "cipher", cipher: cipher(), key: { objectId, content, right } }));
      return mode.internalIv && encrypts ? { iv } : {};
    },
    cipherUpdate({ cryptoObjectId, input = new Uint8Array(0) }) {
      return { output: underWay(inside, cryptoObjectId, "cipher").cipher.update(input) };
    },
    cipherFinal({ cryptoObjectId, input = new Uint8Array(0) }) {
      const { cipher } = underWay(inside, cryptoObjectId, "cipher");
      try {
        return { output: cipher.finish(input) };
      } finally {
        rewind(inside, cryptoObjectId);
      }
    },
  };
}

function macHandlers(inside: Se05xInside): Pick<Se05xHandlers, MacCommand> {
  return {
    macInit({ objectId, cryptoObjectId: id, direction }) {
      const { subtype } = cryptoObject(inside, id, SE05X_CRYPTO_CONTEXT.mac);
      const checks = direction === 0x44;
      const right = checks ? "verify" : "sign";
      const { content } = inside.demand(objectId, right);
      const code = () => startCode(inside.arithmetic, content, subtype);
      begin(inside, id, () => ({ kind: "mac", code: code(), checks, key: { objectId, content, right } }));
      return {};
    },
    macUpdate({ cryptoObjectId, input = new Uint8Array(0) }) {
      underWay(inside, cryptoObjectId, "mac").code.update(input);
      return {};
    },
    macFinal({ cryptoObjectId, input, mac: given }) {
      const { code, checks } = underWay(inside, cryptoObjectId, "mac");
      if (checks !== (given !== undefined)) throw refuse(0x6a80, "a code comes with its check, and only with it");
      if (input) code.update(input);
      const mac = code.digest();
      rewind(inside, cryptoObjectId);
      if (!given) return { mac };
      return { result: sameBytes(mac, given) ? SE05X_RESULT.yes : SE05X_RESULT.no };
    },
  };
}
