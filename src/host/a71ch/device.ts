import {
  A71CH_AID,
  A71CH_VARIANTS,
  type A71chCommandName,
  type A71chRequest,
  type A71chResponse,
  type A71chVariant,
  RANDOM_CHUNK,
  SECURE_CHANNEL,
  VERIFY_RESULT,
} from "../../apdu/a71ch/index.ts";
import { ProtocolError, toHex, UsageError } from "../../codec/index.ts";
import {
  type CurveName,
  derElementLength,
  type DigestSigner,
  type DigestVerifier,
  ecPublicKeyInfo,
  type EphemeralKey,
  type Hash,
  type Clock,
  type DataStorage,
  type KeyAgreement,
  type KeySlot,
  type PlainKeyPair,
  type Random,
  type SecureElement,
  type SecureElementIdentity,
  type Signer,
  type StoredCertificate,
} from "../../crypto/index.ts";
import { silentTrace, type Trace } from "../../trace/index.ts";
import type { HostErrorCode } from "../errors.ts";
import { chipRandom } from "../chip-random.ts";
import { notInChip } from "../kept-master.ts";
import { Queue } from "../queue.ts";
import { SlotChanges } from "../slot-changes.ts";
import type { Transport } from "../transport.ts";
import { eraseCertificate, listCertificates, readCertificate, writeCertificate } from "./certificates.ts";
import { a71chData } from "./data-storage.ts";
import { readRestrictedKeyPair, type RestrictedKeyPair, signRestricted } from "./restricted-key-pair.ts";
import { openSecureChannel, type SecureChannel } from "./secure-channel.ts";
import { A71chSession, isRefusal } from "./session.ts";

export type A71chOptions = {
  readonly hash: Hash;
  readonly clock: Clock;
  readonly trace?: Trace;
  /** Opened before anything else is asked; a chip that wants a secure channel answers nothing without. */
  readonly channel?: SecureChannel;
};

type Facts = { readonly identity: SecureElementIdentity; readonly variant: A71chVariant };

/**
 * An A71CH secure element as a device's host sees it, over any transport.
 *
 * Callers may be many: commands are queued, and what takes several commands runs without others in between.
 */
export class A71ch implements SecureElement {
  readonly identity: SecureElementIdentity;
  readonly variant: A71chVariant;
  readonly random: Random;
  readonly verifier: DigestVerifier;
  readonly data: DataStorage;
  readonly keyCurves: readonly CurveName[] = ["P-256"];
  readonly #session: A71chSession;
  readonly #transport: Transport;
  readonly #hash: Hash;
  readonly #queue = new Queue();
  /** How often each slot was given a new key through this object. */
  readonly #slotChanges = new SlotChanges();
  /** Where each ephemeral key is, and which of its slot's keys it is. */
  readonly #ephemerals = new WeakMap<EphemeralKey, { readonly slot: number; readonly change: number }>();

  private constructor(session: A71chSession, transport: Transport, hash: Hash, { identity, variant }: Facts) {
    this.#session = session;
    this.#transport = transport;
    this.#hash = hash;
    this.identity = identity;
    this.variant = variant;
    this.random = chipRandom(RANDOM_CHUNK, async (length) => (await this.send("random", { length })).bytes);
    this.verifier = {
      performer: "chip",
      verifyDigest: (publicKey, digest, signature) => this.#verifyDigest(publicKey, digest, signature),
    };
    this.data = a71chData((work) => this.exclusive(work), variant);
  }

  /**
   * Selects the application, asks the chip who it is, and takes the transport over. Throws `Refused` where there is
   * no such application or the chip wants a secure channel and none is given, and `ProtocolError` `unknown-chip` for a capacity that no A71CH has.
   */
  static async open(transport: Transport, options: A71chOptions): Promise<A71ch> {
    const { hash, clock, trace = silentTrace, channel } = options;
    const session = new A71chSession(transport, clock, trace);
    await session.send("selectCardManager", {});
    const { appletVersion } = await session.send("select", { aid: A71CH_AID });
    if (channel) await openSecureChannel(session, channel);
    const uniqueId = toHex((await session.send("readUniqueId", {})).uniqueId);
    session.identified(uniqueId);
    const { storageBytes, secureChannel } = await session.send("readModuleInfo", {});
    // Such a chip still says who it is; what it refuses is said now, and not at some later command.
    if (secureChannel === SECURE_CHANNEL.mandatory && !channel) await session.send("readCredentialMap", {});
    const variant = (["A", "B"] as const).find((each) => A71CH_VARIANTS[each].storageBytes === storageBytes);
    if (!variant) {
      throw new ProtocolError<HostErrorCode>(
        "unknown-chip",
        `no A71CH has ${storageBytes} bytes of storage`,
        undefined,
      );
    }
    const firmware = `${appletVersion >> 8}.${(appletVersion & 0xff).toString(16)}`;
    return new A71ch(session, transport, hash, { identity: { model: "A71CH", uniqueId, firmware }, variant });
  }

  async identify(): Promise<SecureElementIdentity> {
    return this.identity;
  }

  /** Sends one command of the table. Throws `Refused` `status-word` where the chip says no. */
  send<Key extends A71chCommandName>(key: Key, request: A71chRequest<Key>): Promise<A71chResponse<Key>> {
    return this.exclusive((session) => session.send(key, request));
  }

  /** Sends command bytes as they are. */
  transmit(command: Uint8Array): Promise<Uint8Array> {
    return this.exclusive((session) => session.transmit(command));
  }

  /** Runs several commands with nobody else's in between. */
  exclusive<T>(work: (session: A71chSession) => Promise<T>): Promise<T> {
    return this.#queue.run(() => work(this.#session));
  }

  /** Opens a secure channel for all commands from now on; see `openSecureChannel`. */
  async openSecureChannel(channel: SecureChannel): Promise<void> {
    await this.exclusive((session) => openSecureChannel(session, channel));
  }

  async keySlots(): Promise<readonly KeySlot[]> {
    const slots = Array.from({ length: A71CH_VARIANTS[this.variant].keyPairs }, (_, slot) => slot);
    return this.exclusive(async (session) => {
      const found: KeySlot[] = [];
      for (const slot of slots) found.push({ slot, publicKey: await publicKeyIn(session, slot) });
      return found;
    });
  }

  /** Throws `not-in-chip` for another curve than P-256. */
  async generateKeyPair(slot: number, curve: CurveName = "P-256"): Promise<Uint8Array> {
    if (!this.keyCurves.includes(curve)) throw notInChip(`an A71CH makes keys on P-256, not on ${curve}`);
    return ecPublicKeyInfo((await this.#generate(slot)).point);
  }

  async injectKeyPair(slot: number, { scalar, point }: PlainKeyPair): Promise<void> {
    await this.exclusive(async (session) => {
      await session.send("setKeyPair", { slot, scalar, point });
      this.#slotChanges.note(slot);
    });
  }

  async eraseKeyPair(slot: number): Promise<void> {
    await this.exclusive(async (session) => {
      await session.send("eraseKeyPair", { slot });
      this.#slotChanges.note(slot);
    });
  }

  async signer(slot: number): Promise<Signer> {
    const digestSigner = await this.digestSigner(slot);
    const algorithms = ["ecdsa_sha256"] as const;
    return {
      performer: "chip",
      publicKey: digestSigner.publicKey,
      algorithms,
      sign: async (algorithm, content) => {
        if (algorithm !== "ecdsa_sha256") {
          throw new UsageError<HostErrorCode>("bad-argument", `an A71CH signs ecdsa_sha256, not ${algorithm}`);
        }
        return digestSigner.signDigest(this.#hash.digest("sha256", content));
      },
    };
  }

  async digestSigner(slot: number): Promise<DigestSigner> {
    const { point } = await this.send("readKeyPairPoint", { slot });
    return {
      performer: "chip",
      publicKey: ecPublicKeyInfo(point),
      signDigest: async (digest) => trimmed((await this.send("sign", { slot, digest: leftmost(digest) })).signature),
    };
  }

  /** The key pair that the part was born to sign one certificate with, or undefined where none is restricted. */
  async restrictedKeyPair(): Promise<RestrictedKeyPair | undefined> {
    return this.exclusive(readRestrictedKeyPair);
  }

  /**
   * Puts bytes into the certificate of a restricted key pair and has it signed anew, in its place in storage; gives how
   * often the pair has signed. Throws `UsageError` `bad-argument` where no pair is restricted or the bytes do not fill
   * its blocks, `Refused` where it has no use left.
   */
  async signRestricted(update: Uint8Array): Promise<number> {
    return this.exclusive((session) => signRestricted(session, update));
  }

  async sharedSecret(slot: number, peerPoint: Uint8Array): Promise<Uint8Array> {
    return (await this.send("agree", { slot, peerPoint })).sharedSecret;
  }

  keyAgreement(slot: number): KeyAgreement {
    return {
      performer: "chip",
      groups: ["secp256r1"],
      generate: async (group) => {
        if (group !== "secp256r1") {
          throw new UsageError<HostErrorCode>("bad-argument", `an A71CH agrees on secp256r1, not ${group}`);
        }
        const { point, change } = await this.#generate(slot);
        const key: EphemeralKey = {
          group: "secp256r1",
          publicKey: point,
          agree: (peerPoint) => this.#agree(slot, change, peerPoint),
        };
        this.#ephemerals.set(key, { slot, change });
        return key;
      },
    };
  }

  async writeCertificate(index: number, der: Uint8Array): Promise<void> {
    await this.exclusive((session) => writeCertificate(session, this.variant, { index, der }));
  }

  async readCertificate(index: number): Promise<Uint8Array | undefined> {
    return this.exclusive((session) => readCertificate(session, this.variant, index));
  }

  async listCertificates(): Promise<readonly StoredCertificate[]> {
    return this.exclusive((session) => listCertificates(session, this.variant));
  }

  async eraseCertificate(index: number): Promise<void> {
    await this.exclusive((session) => eraseCertificate(session, this.variant, index));
  }

  /**
   * The slot of an ephemeral key that this object made, undefined for any other key. Throws `ephemeral-key-replaced`
   * where the slot holds another key by now.
   */
  slotOf(key: EphemeralKey): number | undefined {
    const place = this.#ephemerals.get(key);
    if (place) this.#slotChanges.demandLast(place.slot, place.change);
    return place?.slot;
  }

  /** Ends the connection; commands that wait are rejected. */
  async close(): Promise<void> {
    await this.#transport.close();
  }

  #generate(slot: number): Promise<{ point: Uint8Array; change: number }> {
    return this.exclusive(async (session) => {
      await session.send("generateKeyPair", { slot });
      const change = this.#slotChanges.note(slot);
      const { point } = await session.send("readKeyPairPoint", { slot });
      return { point, change };
    });
  }

  #agree(slot: number, change: number, peerPoint: Uint8Array): Promise<Uint8Array> {
    return this.exclusive(async (session) => {
      this.#slotChanges.demandLast(slot, change);
      return (await session.send("agree", { slot, peerPoint })).sharedSecret;
    });
  }

  async #verifyDigest(point: Uint8Array, digest: Uint8Array, signature: Uint8Array): Promise<boolean> {
    // No DER signature of P-256 is longer than 72 bytes; what is longer is wrong without asking.
    if (signature.length > 72) return false;
    const { result } = await this.send("verifyWithKey", { point, digest: leftmost(digest), signature });
    if (result === VERIFY_RESULT.right) return true;
    if (result === VERIFY_RESULT.wrong) return false;
    throw malformed(`verify result 0x${result.toString(16)}`);
  }
}

async function publicKeyIn(session: A71chSession, slot: number): Promise<Uint8Array | undefined> {
  try {
    return ecPublicKeyInfo((await session.send("readKeyPairPoint", { slot })).point);
  } catch (error) {
    if (isRefusal(error, 0x6985)) return undefined;
    throw error;
  }
}

/** A signature without the bytes that the chip may have put behind it. */
function trimmed(signature: Uint8Array): Uint8Array {
  try {
    return signature.slice(0, derElementLength(signature));
  } catch (cause) {
    throw malformed("what should be a signature is not DER", cause);
  }
}

function malformed(message: string, cause?: unknown): ProtocolError<HostErrorCode> {
  return new ProtocolError<HostErrorCode>("malformed-answer", message, undefined, { cause });
}

/** The 32 bytes of a digest that P-256 looks at: the leftmost, zeros in front where there are fewer. FIPS 186-5, section 6.4.1 */
function leftmost(digest: Uint8Array): Uint8Array {
  const fitted = new Uint8Array(32);
  fitted.set(digest.subarray(0, 32), Math.max(0, 32 - digest.length));
  return fitted;
}
