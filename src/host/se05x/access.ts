import { type BlockCipher, type Scp03Keys, Scp03Session, SECURITY_LEVEL } from "../../apdu/index.ts";
import { SE05X_AID, SE05X_OBJECT, SE05X_SIGNATURE, sessionOffer } from "../../apdu/se05x/index.ts";
import { concat, encode, fromHex, Refused, sameBytes, UsageError } from "../../codec/index.ts";
import {
  ecPublicKeyInfo,
  type Entropy,
  type Hash,
  type KeyAgreement,
  type SignatureVerifier,
  type Signer,
} from "../../crypto/index.ts";
import type { HostErrorCode } from "../errors.ts";
import { attestationContent } from "./attestation.ts";
import { channelBroken } from "./channel-broken.ts";
import type { Se05xSession } from "./session.ts";

/** Keys of the platform's secure channel: those that the part was born with are published, so it is given others. */
export type PlatformAccess = {
  readonly keys: Pick<Scp03Keys, "enc" | "mac">;
  /** 0B where absent. */
  readonly keyVersion?: number;
};

/** What opens a session: the authentication object in the chip, and the proof that goes with it. */
export type SessionProof =
  | { readonly kind: "userId"; readonly objectId: number; readonly value: Uint8Array }
  | { readonly kind: "aes"; readonly objectId: number; readonly key: Uint8Array }
  | {
      readonly kind: "ec";
      readonly objectId: number;
      /** The host's identity: the chip holds its public half. */
      readonly signer: Signer;
      readonly agreement: KeyAgreement;
      readonly verifier: SignatureVerifier;
      /** DER of the chip's attestation key; asked of the chip itself where absent, which then vouches for itself. */
      readonly attestationKey?: Uint8Array;
    };

/** What secure channels are made with. */
export type ChannelPorts = { readonly aes: BlockCipher; readonly hash: Hash; readonly entropy: Entropy };

/** The version of the applet from which on something holds. SE05x command table, tier e */
const COUNTS_EMPTY_COMMANDS = 0x040300;
const AGREES_WITH_COUNTER = 0x030500;
const FIRST_KEY_VERSION = 0x0b;
/** SCP with configuration 01 and full protection, for AES keys of sixteen bytes. SE05x command table, tier e */
const OFFERED = { aid: SE05X_AID, scp: fromHex("ab0133"), keyType: 0x88, keyLength: 0x10 } as const;
const OFFERED_PARAMETERS = fromHex("01338810");

/** Opens the platform's channel; every command then goes through it. Throws `ProtocolError` `secure-channel`. GPC SCP03, section 7 */
export async function openPlatform(
  session: Se05xSession,
  ports: ChannelPorts,
  { keys, keyVersion = FIRST_KEY_VERSION, appletVersion }: PlatformAccess & { readonly appletVersion: number },
): Promise<void> {
  const countsEmptyCommands = appletVersion >= COUNTS_EMPTY_COMMANDS;
  session.inPlatform(await openChannel(session, ports, { keys, keyVersion, countsEmptyCommands }));
}

/**
 * Opens a session, proves whom it is for, and leaves every command in it from then on. Throws `Refused` where the chip
 * does not take the proof, `ProtocolError` `secure-channel` where the chip cannot prove itself.
 */
export async function openSession(
  session: Se05xSession,
  ports: ChannelPorts,
  proof: SessionProof & { readonly appletVersion: number },
): Promise<void> {
  demandForm(proof);
  const chipPoint = proof.kind === "ec" ? await attestedSessionKey(session, ports, proof) : undefined;
  const { sessionId } = await session.send("createSession", { objectId: proof.objectId });
  session.within(sessionId);
  try {
    switch (proof.kind) {
      case "userId":
        await session.send("verifySessionUserId", { value: proof.value });
        return;
      case "aes":
        session.within(
          sessionId,
          await openChannel(session, ports, { keys: { enc: proof.key, mac: proof.key }, keyVersion: 0 }),
        );
        return;
      case "ec":
        session.within(sessionId, await agree(session, ports, { ...proof, chipPoint: chipPoint ?? new Uint8Array(0) }));
    }
  } catch (error) {
    // The chip has room for a few sessions only. What it says to this matters no more.
    await session.send("closeSession", {}).catch(() => undefined);
    session.within(undefined);
    throw proofRefused(error, proof.objectId);
  }
}

/** What the chip says to a wrong proof, as what it is; anything else as it was. SE05x command table, tier e */
export function proofRefused(error: unknown, objectId: number): unknown {
  if (!(error instanceof Refused) || (error.wire !== WRONG_PROOF && error.wire !== NO_ATTEMPTS)) return error;
  const message = `the proof for ${objectId.toString(16).padStart(8, "0")} was not taken`;
  return new Refused<HostErrorCode>("session-proof", message, error.wire, { cause: error });
}

const WRONG_PROOF = 0x6982;
const NO_ATTEMPTS = 0x6985;

function demandForm(proof: SessionProof): void {
  const wrong =
    proof.kind === "aes" && proof.key.length !== 16
      ? `an AES key for sessions has 16 bytes, not ${proof.key.length}`
      : proof.kind === "userId" && (proof.value.length < 4 || proof.value.length > 16)
        ? `a user identifier has 4 to 16 bytes, not ${proof.value.length}`
        : undefined;
  if (wrong !== undefined) throw new UsageError<HostErrorCode>("bad-argument", wrong);
}

async function openChannel(
  session: Se05xSession,
  { aes, entropy }: ChannelPorts,
  options: {
    readonly keys: Pick<Scp03Keys, "enc" | "mac">;
    readonly keyVersion: number;
    readonly countsEmptyCommands?: boolean;
  },
): Promise<Scp03Session> {
  const { keys, keyVersion, countsEmptyCommands = true } = options;
  const hostChallenge = entropy.bytes(8);
  const answer = await session.send("initializeUpdate", { keyVersion, hostChallenge });
  const challenges = { host: hostChallenge, card: answer.cardChallenge };
  const channel = new Scp03Session(aes, keys, challenges, { extendedLengths: true, countsEmptyCommands });
  if (!sameBytes(channel.cardCryptogram, answer.cardCryptogram)) {
    throw channelBroken("the chip does not hold the given channel keys");
  }
  const { hostCryptogram } = channel;
  const mac = channel.authenticationMac(hostCryptogram);
  await session.send("externalAuthenticate", { level: SECURITY_LEVEL, hostCryptogram, mac });
  return channel;
}

type EcProof = Extract<SessionProof, { kind: "ec" }> & { readonly appletVersion: number };

/** The key that the chip agrees on sessions with, attested. SE05x command table, tiers e and f */
async function attestedSessionKey(
  session: Se05xSession,
  { hash, entropy }: ChannelPorts,
  { verifier, attestationKey }: EcProof,
): Promise<Uint8Array> {
  const attestationId = SE05X_OBJECT.attestationKey;
  const publicKey =
    attestationKey ?? ecPublicKeyInfo((await session.send("readObject", { objectId: attestationId })).bytes);
  const freshness = entropy.bytes(16);
  const request = { objectId: SE05X_OBJECT.sessionKey, attestationId, algorithm: SE05X_SIGNATURE.sha256, freshness };
  const answer = await session.send("readAttested", request);
  const content = attestationContent(hash, "readAttested", request, answer);
  const check = { publicKey, algorithm: "ecdsa_sha256", content, signature: answer.signature } as const;
  const isFresh = answer.form === 7 || sameBytes(answer.freshness, freshness);
  if (!answer.data || !isFresh || !(await verifier.verify(check))) {
    throw channelBroken("the chip's key for sessions is not attested by its attestation key");
  }
  return answer.data;
}

/** Both ends' ephemeral halves, the host's signed; only the chip's own key gives its half. SE05x command table, tier e */
async function agree(
  session: Se05xSession,
  { aes, hash }: ChannelPorts,
  { signer, agreement, appletVersion, chipPoint }: EcProof & { readonly chipPoint: Uint8Array },
): Promise<Scp03Session> {
  const ephemeral = await agreement.generate("secp256r1");
  const offer = encode(sessionOffer, { ...OFFERED, ephemeralPoint: ephemeral.publicKey });
  const signature = await signer.sign("ecdsa_sha256", offer);
  const { random } = await session.send("internalAuthenticate", { offer, signature });
  const shared = await ephemeral.agree(chipPoint);
  const counter = appletVersion >= AGREES_WITH_COUNTER ? fromHex("00000001") : new Uint8Array(0);
  const secret = hash.digest("sha256", concat(counter, shared, random, OFFERED_PARAMETERS)).slice(0, 16);
  return Scp03Session.agreed(aes, secret, { extendedLengths: true });
}
