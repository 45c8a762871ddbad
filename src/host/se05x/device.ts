import {
  SE05X_AID,
  SE05X_CURVE,
  SE05X_OBJECT,
  SE05X_PART,
  SE05X_RESULT,
  SE05X_TYPE,
  type Se05xCommandName,
  type Se05xRequest,
  type Se05xResponse,
} from "../../apdu/se05x/index.ts";
import { Refused, toHex, UsageError } from "../../codec/index.ts";
import {
  type Clock,
  type CurveName,
  type DataStorage,
  type DigestSigner,
  type DigestVerifier,
  ecPublicKeyInfo,
  type Hash,
  type KeyAgreement,
  type KeySlot,
  type PlainKeyPair,
  type Random,
  type SecureElement,
  type SecureElementIdentity,
  type Signer,
  type SignatureVerifier,
  type StoredCertificate,
} from "../../crypto/index.ts";
import { silentTrace, type Trace } from "../../trace/index.ts";
import type { HostErrorCode } from "../errors.ts";
import { chipRandom } from "../chip-random.ts";
import { notInChip } from "../kept-master.ts";
import { Queue } from "../queue.ts";
import { SlotChanges } from "../slot-changes.ts";
import type { Transport } from "../transport.ts";
import {
  type ChannelPorts,
  openPlatform,
  openSession,
  type PlatformAccess,
  proofRefused,
  type SessionProof,
} from "./access.ts";
import { channelBroken } from "./channel-broken.ts";
import { Se05xCommandFamilies } from "./command-families.ts";
import { se05xData } from "./data-storage.ts";
import { eraseFile, readCertificateFile, writeFile } from "./files.ts";
import { agreementGroups, asInRfc, curveOfGroup } from "./agreement-groups.ts";
import {
  certificateIndexOf,
  certificateObject,
  isReserved,
  isRsaBirth,
  keyObject,
  meansAnother,
  slotOf,
} from "./object-ids.ts";
import { curveOfPoint, isKeyCurve, KEY_CURVES, keyCurvesOf } from "./key-curves.ts";
import { Se05xSession } from "./session.ts";
import { se05xSignatureVerifier, verifyDigestIn } from "./signature-verifier.ts";
import { digestSignerOf, signerOf } from "./signers.ts";

/** What a chip is opened with beyond an open door: its platform's channel, a session, or a session in the channel. */
export type Se05xAccess = Omit<ChannelPorts, "hash"> & {
  readonly platform?: PlatformAccess;
  readonly session?: SessionProof;
};

export type Se05xOptions = {
  readonly hash: Hash;
  readonly clock: Clock;
  readonly trace?: Trace;
  /** In the clear and as nobody where absent. */
  readonly access?: Se05xAccess;
};

/** What a device is made over. */
type Wiring = { readonly transport: Transport; readonly hash: Hash };

/** The most random bytes that are asked for at once. */
const RANDOM_CHUNK = 0x200;
/** Slots that are always listed, empty or not. */
const LISTED_SLOTS = 4;
/**
 * An A5000 or SE05x secure element as a device's host sees it, over any transport.
 *
 * A slot below 256 stands for an object of Hawser's own; any other slot is an object identifier itself, so that the
 * keys that a part was born with are used like all others. Callers may be many: commands are queued.
 */
export class Se05x extends Se05xCommandFamilies implements SecureElement {
  readonly identity: SecureElementIdentity;
  readonly random: Random;
  readonly verifier: DigestVerifier;
  /** Checks whole messages, by Ed25519 too. */
  readonly signatureVerifier: SignatureVerifier;
  readonly data: DataStorage;
  readonly keyCurves: readonly CurveName[];
  /** What the chip said that it can, bit by bit. SE05x command table, section 4.3 */
  readonly features: number;
  readonly #session: Se05xSession;
  readonly #transport: Transport;
  readonly #hash: Hash;
  readonly #queue = new Queue();
  /** How often each slot was given a new key through this object. */
  readonly #slotChanges = new SlotChanges();

  private constructor(
    session: Se05xSession,
    { transport, hash, identity, features }: Pick<Se05x, "identity" | "features"> & Wiring,
  ) {
    super(session.pool);
    this.#session = session;
    this.#transport = transport;
    this.#hash = hash;
    this.identity = identity;
    this.features = features;
    this.keyCurves = keyCurvesOf(features);
    this.random = chipRandom(RANDOM_CHUNK, async (length) => (await this.send("random", { length })).bytes);
    this.verifier = {
      performer: "chip",
      verifyDigest: (point, digest, signature) => verifyDigestIn(this, point, { digest, signature }),
    };
    this.signatureVerifier = se05xSignatureVerifier(this, hash);
    this.data = se05xData((work) => this.exclusive(work));
  }

  /** Selects the application, asks the chip who it is, and takes the transport over. Throws `Refused` where it has none. */
  static async open(transport: Transport, options: Se05xOptions): Promise<Se05x> {
    const { hash, clock, trace = silentTrace, access } = options;
    const session = new Se05xSession(transport, clock, trace);
    const { appletVersion, features } = await session.send("select", { aid: SE05X_AID });
    if (access?.platform) {
      await openPlatform(session, { ...access, hash }, { ...access.platform, appletVersion });
    }
    if (access?.session) await openSession(session, { ...access, hash }, { ...access.session, appletVersion });
    const uniqueId = toHex(await readUniqueId(session, access?.platform !== undefined));
    session.identified(uniqueId);
    const firmware = [appletVersion >> 16, (appletVersion >> 8) & 0xff, appletVersion & 0xff].join(".");
    return new Se05x(session, { transport, hash, features, identity: { model: "SE05x", uniqueId, firmware } });
  }

  async identify(): Promise<SecureElementIdentity> {
    return this.identity;
  }

  /** Sends one command of the table. Throws `Refused` `status-word` where the chip says no. */
  send<Key extends Se05xCommandName>(key: Key, request: Se05xRequest<Key>): Promise<Se05xResponse<Key>> {
    return this.exclusive((session) => session.send(key, request));
  }

  /** Sends command bytes as they are. */
  transmit(command: Uint8Array): Promise<Uint8Array> {
    return this.exclusive((session) => session.transmit(command));
  }

  /** Runs several commands with nobody else's in between. */
  exclusive<T>(work: (session: Se05xSession) => Promise<T>): Promise<T> {
    return this.#queue.run(() => work(this.#session));
  }

  /** Runs commands in a session that a user identifier authenticates; it is closed behind them. */
  asUser<T>(userObjectId: number, value: Uint8Array, work: (session: Se05xSession) => Promise<T>): Promise<T> {
    return this.exclusive(async (session) => {
      if (session.isWithin) throw badArgument("this device works in a session already, and sessions do not nest");
      const { sessionId } = await session.send("createSession", { objectId: userObjectId });
      session.within(sessionId);
      try {
        await session.send("verifySessionUserId", { value }).catch((error: unknown) => {
          throw proofRefused(error, userObjectId);
        });
        return await work(session);
      } finally {
        // Deleting all has ended it already.
        if (session.isWithin) await session.send("closeSession", {}).finally(() => session.within(undefined));
      }
    });
  }

  async keySlots(): Promise<readonly KeySlot[]> {
    return this.exclusive(async (session) => {
      const slots = new Map<number, Uint8Array | undefined>();
      for (let slot = 0; slot < LISTED_SLOTS; slot++) slots.set(slot, undefined);
      for (const objectId of await session.objects.list(SE05X_TYPE.ecPair)) {
        if (isReserved(objectId) || meansAnother(objectId)) continue;
        const { curve } = await session.send("curveOfKey", { objectId });
        // Keys on other curves sign and agree by commands of their own; nothing above knows what to do with them.
        if (!isKeyCurve(curve)) continue;
        slots.set(slotOf(objectId), await publicKeyIn(session, objectId));
      }
      return [...slots].map(([slot, publicKey]) => ({ slot, publicKey })).toSorted((a, b) => a.slot - b.slot);
    });
  }

  /** A curve that the chip lists only once it was made is made first. Throws `not-in-chip` for one that it has not. */
  async generateKeyPair(slot: number, curve: CurveName = "P-256"): Promise<Uint8Array> {
    if (!this.keyCurves.includes(curve)) throw notInChip(`this part makes keys on ${this.keyCurves.join(", ")}`);
    if (curve !== "P-256") await this.curves.ensure(KEY_CURVES[curve]);
    return ecPublicKeyInfo((await this.#generate(slot, KEY_CURVES[curve])).point);
  }

  async injectKeyPair(slot: number, { scalar, point }: PlainKeyPair): Promise<void> {
    const curve = curveOfPoint(point);
    if (curve === SE05X_CURVE.p521) await this.curves.ensure(curve);
    await this.#fill(slot, { curve, privateKey: scalar, publicKey: point });
  }

  async eraseKeyPair(slot: number): Promise<void> {
    await this.exclusive(async (session) => {
      await session.send("deleteObject", { objectId: keyObject(slot) });
      this.#slotChanges.note(slot);
    });
  }

  signer(slot: number): Promise<Signer> {
    return signerOf(this, keyObject(slot), this.#hash);
  }

  digestSigner(slot: number): Promise<DigestSigner> {
    return digestSignerOf(this, keyObject(slot));
  }

  keyAgreement(slot: number): KeyAgreement {
    return {
      performer: "chip",
      groups: agreementGroups(this.features),
      generate: async (group) => {
        const curve = curveOfGroup(group, agreementGroups(this.features));
        const { point, change } = await this.#generate(slot, curve);
        const agree = async (peer: Uint8Array) => asInRfc(group, await this.#agree(slot, change, asInRfc(group, peer)));
        return { group, publicKey: asInRfc(group, point), agree };
      },
    };
  }

  async sharedSecret(slot: number, peerPoint: Uint8Array): Promise<Uint8Array> {
    return (await this.send("agree", { objectId: keyObject(slot), peerPoint })).sharedSecret;
  }

  async writeCertificate(index: number, der: Uint8Array): Promise<void> {
    await this.exclusive((session) => writeFile(session, certificateObject(index), der));
  }

  async readCertificate(index: number): Promise<Uint8Array | undefined> {
    return this.exclusive((session) => readCertificateFile(session, certificateObject(index)));
  }

  async listCertificates(): Promise<readonly StoredCertificate[]> {
    return this.exclusive(async (session) => {
      const found: StoredCertificate[] = [];
      for (const objectId of await session.objects.list(SE05X_TYPE.binary)) {
        const index = certificateIndexOf(objectId);
        if (index === undefined || isRsaBirth(objectId)) continue;
        found.push({ index, length: (await session.send("readSize", { objectId })).size });
      }
      return found;
    });
  }

  async eraseCertificate(index: number): Promise<void> {
    await this.exclusive((session) => eraseFile(session, certificateObject(index)));
  }

  /** Ends the connection; commands that wait are rejected. */
  async close(): Promise<void> {
    // The chip has room for a few sessions only. What it says to this matters no more.
    if (this.#session.isWithin) await this.send("closeSession", {}).catch(() => undefined);
    await this.#transport.close();
  }

  #generate(slot: number, curve: number): Promise<{ point: Uint8Array; change: number }> {
    return this.#fill(slot, { curve });
  }

  /** Puts a new key into a slot, in the place of one that may be on another curve. */
  #fill(
    slot: number,
    key: { readonly curve: number; readonly privateKey?: Uint8Array; readonly publicKey?: Uint8Array },
  ): Promise<{ point: Uint8Array; change: number }> {
    return this.exclusive(async (session) => {
      const objectId = keyObject(slot);
      const { result } = await session.send("exists", { objectId });
      if (result === SE05X_RESULT.yes) await session.send("deleteObject", { objectId });
      await session.send("writeEcKey", { part: SE05X_PART.pair, objectId, ...key });
      const change = this.#slotChanges.note(slot);
      return { point: (await session.send("readObject", { objectId })).bytes, change };
    });
  }

  #agree(slot: number, change: number, peerPoint: Uint8Array): Promise<Uint8Array> {
    return this.exclusive(async (session) => {
      this.#slotChanges.demandLast(slot, change);
      return (await session.send("agree", { objectId: keyObject(slot), peerPoint })).sharedSecret;
    });
  }
}

/** Throws `ProtocolError` `secure-channel` where the chip opened a channel and then understands nothing in it: one of its keys is another. */
async function readUniqueId(session: Se05xSession, isInChannel: boolean): Promise<Uint8Array> {
  try {
    return (await session.send("readObject", { objectId: SE05X_OBJECT.uniqueId, offset: 0, length: 18 })).bytes;
  } catch (error) {
    if (!isInChannel || !(error instanceof Refused) || error.wire !== 0x6982) throw error;
    throw channelBroken("the chip took the MAC key, and does not understand what the ENC key encrypts", error);
  }
}

/** The public key of a pair, or undefined where its policy keeps even that. */
async function publicKeyIn(session: Se05xSession, objectId: number): Promise<Uint8Array | undefined> {
  try {
    return ecPublicKeyInfo((await session.send("readObject", { objectId })).bytes);
  } catch (error) {
    // A policy that keeps it; a private half alone, or a transient key whose value went with power.
    if (error instanceof Refused && (error.wire === 0x6986 || error.wire === 0x6985)) return undefined;
    throw error;
  }
}

function badArgument(message: string): UsageError<HostErrorCode> {
  return new UsageError<HostErrorCode>("bad-argument", message);
}
