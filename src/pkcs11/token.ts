import { equal, Refused, toHex, utf8Bytes } from "../codec/index.ts";
import type { DataStorage, DigestSigner, Hash, SecureElement, SecureElementIdentity } from "../crypto/index.ts";
import type { Certificate } from "../pki/index.ts";
import { silentTrace, type Trace } from "../trace/index.ts";
import type { Purpose } from "./chip-errors.ts";
import { CKA } from "./cryptoki.ts";
import { dataName, keyPairName, readElement } from "./element-contents.ts";
import { ElementLink, type OpenElement, type Work } from "./element-link.ts";
import { refuse, TokenFailure } from "./errors.ts";
import { NamesInMemory, type ObjectName, type ObjectNames } from "./object-names.ts";
import { EC_CURVES, type ObjectFacts, type TokenObject } from "./objects.ts";
import { type KeepPin, PinCheck } from "./pin-check.ts";
import type { NewKeyPair } from "./templates.ts";

export type TokenOptions = {
  readonly open: OpenElement;
  readonly hash: Hash;
  /** What programs choose the token by; up to 32 bytes. */
  readonly label: string;
  /** Without one nobody needs to log in, and all objects are public. */
  readonly pin?: string;
  /** Where a PIN is kept that a program changes; it lasts as long as the token where absent. */
  readonly keepPin?: KeepPin;
  readonly names?: ObjectNames;
  /**
   * Asks the element before each signature whether the slot still holds the key that the program chose: one command
   * more. Where absent, a key that another program has put in its place in the meantime signs in its name.
   */
  readonly looksFirst?: boolean;
  readonly trace?: Trace;
};

/** What was found on the element when it was last read. */
export type Contents = { readonly identity: SecureElementIdentity; readonly objects: readonly TokenObject[] };

/** Storage indexes that certificates and data are put under. A71CH object table */
const STORAGE_INDEXES = 255;

/** Hex digits of CKA_UNIQUE_ID, by which an object is known over restarts. PKCS #11 v3.0, section 4.4.1 */
const UNIQUE_ID_LENGTH = 32;

/**
 * A secure element as a PKCS #11 token: its key pairs and certificates as objects, for all connected programs at once.
 *
 * All that is asked of the element throws `TokenFailure` where the element fails, and leaves the token usable.
 */
export class Token {
  readonly label: string;
  readonly hash: Hash;
  readonly pin: PinCheck | undefined;
  readonly #link: ElementLink;
  readonly #names: ObjectNames;
  readonly #looksFirst: boolean;
  readonly #trace: Trace;
  readonly #handles = new Map<string, bigint>();
  readonly #madeHere = new Set<string>();
  /** By the key's handle, which no other key ever has. */
  readonly #signers = new WeakMap<SecureElement, Map<bigint, DigestSigner>>();
  #contents: Promise<Contents> | undefined;
  #known: Contents | undefined;
  #lastChange: Promise<unknown> = Promise.resolve();
  #nextHandle = 1n;

  constructor(options: TokenOptions) {
    const { open, hash, label, pin, keepPin, names = new NamesInMemory(), trace = silentTrace } = options;
    const { looksFirst = false } = options;
    this.label = label;
    this.hash = hash;
    this.pin = pin === undefined ? undefined : new PinCheck(pin, hash, keepPin);
    this.#link = new ElementLink(open);
    this.#names = names;
    this.#looksFirst = looksFirst;
    this.#trace = trace;
  }

  /** Who the element is. Throws `TokenFailure` `token-not-present` where it cannot be reached. */
  async identity(): Promise<SecureElementIdentity> {
    try {
      return await this.#use("asking who the chip is", "read", (element) => element.identify());
    } catch (error) {
      const message = error instanceof Error ? error.message : "the chip cannot be reached";
      throw new TokenFailure("token-not-present", message, { cause: error });
    }
  }

  /** The size of the longest keys that the element makes, in bits. */
  longestKeyBits(): Promise<number> {
    return this.#use("asking what keys the chip makes", "read", async ({ keyCurves }) =>
      Math.max(...keyCurves.map((curve) => EC_CURVES[curve].bits)),
    );
  }

  /** The objects as they were last read; read now where they never were. */
  contents(): Promise<Contents> {
    if (!this.#contents) {
      const reading = this.#read();
      this.#contents = reading;
      reading.then(
        (contents) => this.#contents === reading && (this.#known = contents),
        // What failed is tried again by the next caller.
        () => this.#contents === reading && this.forgetContents(),
      );
    }
    return this.#contents;
  }

  /** The same where nobody needs to wait for it. */
  get knownContents(): Contents | undefined {
    return this.#known;
  }

  /** Has the next caller read the element again: others may have changed it. */
  forgetContents(): void {
    this.#contents = this.#known = undefined;
  }

  /** Signs a digest with a private key, as a DER ECDSA signature. Throws `key-handle-invalid` where the key was replaced. */
  signDigest(object: TokenObject, digest: Uint8Array): Promise<Uint8Array> {
    return this.#use(`signing with the key in slot ${object.place}`, "use", async (element) => {
      const known = this.#looksFirst ? undefined : this.#signers.get(element)?.get(object.handle);
      const signer = known ?? (await this.#signer(element, object));
      try {
        return await signer.signDigest(digest);
      } catch (error) {
        return this.#whyNot(error, element, object);
      }
    });
  }

  /**
   * The secret that a private key shares with an uncompressed point. Throws `key-handle-invalid` where the key was
   * replaced, `mechanism-invalid` where the element agrees with ephemeral keys alone.
   */
  sharedSecret(object: TokenObject, point: Uint8Array): Promise<Uint8Array> {
    return this.#use(`agreeing with the key in slot ${object.place}`, "agree", async (element) => {
      if (!element.sharedSecret) throw refuse("mechanism-invalid", "the chip agrees with ephemeral keys alone");
      // Asked for its sake: it looks whether the slot still holds this key.
      await this.#signer(element, object);
      return element.sharedSecret(object.place, point).catch((error: unknown) => this.#whyNot(error, element, object));
    });
  }

  /** A handle for an object that a program keeps for itself; no object of the token will ever have it. */
  newHandle(): bigint {
    return this.#nextHandle++;
  }

  /** Whether a DER signature belongs to a digest and an uncompressed point. */
  verifyDigest(point: Uint8Array, digest: Uint8Array, signature: Uint8Array): Promise<boolean> {
    return this.#use("verifying", "read", (element) => element.verifier.verifyDigest(point, digest, signature));
  }

  random(length: number): Promise<Uint8Array> {
    return this.#use("getting random bytes", "read", (element) => element.random.random(length));
  }

  /** Has the element make a key pair in its lowest free slot. Throws `device-memory` where none is, and `curve-not-supported`. */
  generateKeyPair({ curve, name }: NewKeyPair): Promise<readonly [TokenObject, TokenObject]> {
    return this.#change("generating a key pair", "make", async (element) => {
      if (!element.keyCurves.includes(curve)) {
        throw refuse("curve-not-supported", `the chip makes keys on ${element.keyCurves.join(", ")}, not on ${curve}`);
      }
      const slot = (await element.keySlots()).find(({ publicKey }) => publicKey === undefined)?.slot;
      if (slot === undefined) throw new TokenFailure("device-memory", "every key slot of the chip is taken");
      const key = keyPairName(this.hash, await element.generateKeyPair(slot, curve));
      this.#madeHere.add(key);
      this.#keepName(key, name);
      return async () => {
        const { objects } = await this.contents();
        const find = (kind: TokenObject["kind"]) => objects.find((each) => each.kind === kind && each.key === key);
        const [secret, open] = [find("private-key"), find("public-key")];
        if (!secret || !open) throw new TokenFailure("device-error", `the new key is not in slot ${slot} any more`);
        return [secret, open] as const;
      };
    });
  }

  /** Stores a certificate under the lowest free index. */
  addCertificate(certificate: Certificate, name: ObjectName): Promise<TokenObject> {
    return this.#add("certificate", name, {
      taken: (element) => element.listCertificates(),
      write: (element, index) => element.writeCertificate(index, certificate.der),
      key: async () => certificate.id,
    });
  }

  /** Stores bytes under the lowest free index. Throws `template-inconsistent` where the element keeps certificates alone. */
  addData(bytes: Uint8Array, name: ObjectName): Promise<TokenObject> {
    return this.#add("data", name, {
      taken: (element) => dataOf(element).list(),
      write: (element, index) => dataOf(element).write(index, bytes),
      key: async (element, index) => dataName(this.hash, await element.identify(), index),
    });
  }

  /** The bytes of a data object, read now. */
  readData({ place }: TokenObject): Promise<Uint8Array> {
    return this.#use(`reading data ${place}`, "read", (element) => dataOf(element).read(place));
  }

  /** Erases a key pair, a certificate or a data object. */
  destroy(object: TokenObject): Promise<void> {
    return this.#change(`erasing ${object.kind} ${object.place}`, "erase", async (element) => {
      if (object.kind === "certificate") await element.eraseCertificate(object.place);
      else if (object.kind === "data") await dataOf(element).erase(object.place);
      else await element.eraseKeyPair(object.place);
      this.#told(() => this.#names.forget(object.key));
      return async () => undefined;
    });
  }

  /** Gives an object, and the other half of its pair, other names. Throws `names-not-kept`: there was nothing else to do. */
  rename(object: TokenObject, name: Partial<ObjectName>): void {
    const known = this.#names.nameOf(object.key);
    try {
      this.#names.rename(object.key, { label: known?.label, id: known?.id, ...known, ...name });
    } catch (cause) {
      throw new TokenFailure("names-not-kept", `names of objects cannot be kept: ${reasonOf(cause)}`, { cause });
    }
    this.forgetContents();
  }

  /** Lets go of the element. */
  async close(): Promise<void> {
    await this.#link.close();
  }

  #use<T>(doing: string, purpose: Purpose, run: Work<T>["run"]): Promise<T> {
    return this.#link.use({ doing, purpose, run });
  }

  /** One change at a time: which slot or index is free must still hold when it is written to. */
  #change<T>(doing: string, purpose: Purpose, run: (element: SecureElement) => Promise<() => Promise<T>>): Promise<T> {
    const change = this.#lastChange.then(async () => {
      const result = await this.#link.use({ doing, purpose, run }).finally(() => this.forgetContents());
      return result();
    });
    this.#lastChange = change.catch(() => undefined);
    return change;
  }

  #keepName(key: string, name: ObjectName): void {
    if (Object.values(name).every((each) => each === undefined)) return;
    this.#told(() => this.#names.rename(key, name));
  }

  /** The chip has done what it was to do: that names cannot be kept is told, and no reason to say otherwise. */
  #told(keep: () => void): void {
    try {
      keep();
    } catch (error) {
      const detail = `names of objects cannot be kept: ${reasonOf(error)}`;
      this.#trace.emit("host", { kind: "process", what: "warning", detail });
    }
  }

  /** Puts something into storage under the lowest free index. */
  #add(
    kind: "certificate" | "data",
    name: ObjectName,
    storage: {
      readonly taken: (element: SecureElement) => Promise<readonly { readonly index: number }[]>;
      readonly write: (element: SecureElement, index: number) => Promise<void>;
      readonly key: (element: SecureElement, index: number) => Promise<string>;
    },
  ): Promise<TokenObject> {
    return this.#change(`storing a ${kind} object`, "make", async (element) => {
      const taken = new Set((await storage.taken(element)).map(({ index }) => index));
      const index = Array.from({ length: STORAGE_INDEXES }, (_, i) => i).find((each) => !taken.has(each));
      if (index === undefined) throw new TokenFailure("device-memory", `every ${kind} index is taken`);
      await storage.write(element, index);
      const key = await storage.key(element, index);
      // Data are named by their place, which may have had others that somebody else erased.
      if (kind === "data") this.#told(() => this.#names.forget(key));
      this.#keepName(key, name);
      return async () => {
        const { objects } = await this.contents();
        const found = objects.find((each) => each.kind === kind && each.place === index);
        if (!found) throw new TokenFailure("device-error", `the new ${kind} is not under index ${index} any more`);
        return found;
      };
    });
  }

  /** A chip that does not let a key be used is asked whether the key still is there: others may have erased it. */
  async #whyNot(error: unknown, element: SecureElement, object: TokenObject): Promise<never> {
    if (error instanceof Refused) {
      this.#signers.delete(element);
      await this.#signer(element, object);
    }
    throw error;
  }

  /** The signer of the key that an object stands for, if it still is in its slot. */
  async #signer(element: SecureElement, object: TokenObject): Promise<DigestSigner> {
    const signer = await element.digestSigner(object.place).catch((error: unknown) => {
      if (!(error instanceof Refused)) throw error;
      this.forgetContents();
      throw refuse("key-handle-invalid", `slot ${object.place} gives no key any more: ${error.message}`);
    });
    if (!equal(signer.publicKey, object.publicKey)) {
      this.forgetContents();
      throw refuse("key-handle-invalid", `slot ${object.place} holds another key by now`);
    }
    const signers = this.#signers.get(element) ?? new Map<bigint, DigestSigner>();
    this.#signers.set(element, signers.set(object.handle, signer));
    return signer;
  }

  #read(): Promise<Contents> {
    return this.#use("reading the chip's contents", "read", async (element) => {
      const { identity, facts } = await readElement(element, {
        hash: this.hash,
        names: this.#names,
        trace: this.#trace,
        arePrivate: this.pin !== undefined,
        madeHere: this.#madeHere,
      });
      return { identity, objects: facts.map((each) => this.#objectOf(each)) };
    });
  }

  #objectOf(facts: ObjectFacts): TokenObject {
    const name = `${facts.kind} ${facts.place} ${facts.key}`;
    const handle = this.#handles.get(name) ?? this.#nextHandle++;
    this.#handles.set(name, handle);
    const uniqueId = utf8Bytes(toHex(this.hash.digest("sha256", utf8Bytes(name))).slice(0, UNIQUE_ID_LENGTH));
    return { ...facts, handle, attributes: new Map(facts.attributes).set(CKA.UNIQUE_ID, uniqueId) };
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : "unknown reason";
}

/** Throws `template-inconsistent`. */
function dataOf({ data }: SecureElement): DataStorage {
  if (data) return data;
  throw refuse("template-inconsistent", "the chip has storage for certificates alone");
}

/** The label as programs compare it: what fits its field of 32 bytes. */
export function tokenLabelFits(label: string): boolean {
  const { length } = utf8Bytes(label);
  return length > 0 && length <= 32;
}
