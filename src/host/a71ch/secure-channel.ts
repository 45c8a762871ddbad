import { type BlockCipher, keyCheckValue, type Scp03Keys, Scp03Session } from "../../apdu/index.ts";
import { sameBytes } from "../../codec/index.ts";
import type { Entropy } from "../../crypto/index.ts";
import { type A71chSession, channelBroken } from "./session.ts";

/** What opening a secure channel takes: the keys that the chip holds, AES, and randomness for the host's challenge. */
export type SecureChannel = {
  readonly keys: Scp03Keys;
  readonly aes: BlockCipher;
  readonly entropy: Entropy;
};

/** The only key set of the chip's secure channel. A71CH APDU table */
const KEY_VERSION = 0x21;

/**
 * Opens a secure channel: the chip proves its keys, then the host. Once that succeeded, the chip answers nobody outside
 * a channel any more, until a debug reset. Throws `ProtocolError` `secure-channel` where the chip holds other keys.
 */
export async function openSecureChannel(session: A71chSession, channelOptions: SecureChannel): Promise<void> {
  const { keys, aes, entropy } = channelOptions;
  session.beforeChannel();
  const hostChallenge = entropy.bytes(8);
  const answer = await session.send("initializeUpdate", { keyVersion: KEY_VERSION, hostChallenge });
  const channel = new Scp03Session(aes, keys, { host: hostChallenge, card: answer.cardChallenge });
  if (!sameBytes(channel.cardCryptogram, answer.cardCryptogram)) {
    throw channelBroken("the chip does not hold the given channel keys");
  }
  const { hostCryptogram } = channel;
  await session.send("externalAuthenticate", { hostCryptogram, mac: channel.authenticationMac(hostCryptogram) });
  session.secure(channel);
}

/**
 * Sets the keys of the secure channel: in the clear where the chip has none, else under its present key encryption key.
 * What is in the clear on the bus is known to whoever listens: first keys belong into a trusted place.
 */
export async function putChannelKeys(
  session: A71chSession,
  {
    keys,
    aes,
    presentDek,
    keyVersion = KEY_VERSION,
  }: Pick<SecureChannel, "keys" | "aes"> & {
    readonly presentDek?: Uint8Array;
    /** The number that the keys are given; the chip has only one key set, whatever that is. */
    readonly keyVersion?: number;
  },
): Promise<void> {
  const field = (key: Uint8Array) => ({
    key: presentDek ? aes.encrypt(presentDek, key) : key,
    checkValue: keyCheckValue(aes, key),
  });
  await session.send("putKeys", {
    version: keyVersion,
    enc: field(keys.enc),
    mac: field(keys.mac),
    dek: field(keys.dek),
  });
}
