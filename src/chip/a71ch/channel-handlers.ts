import type { A71chRequest } from "../../apdu/a71ch/index.ts";
import { keyCheckValue, type Scp03KeyField, Scp03Session } from "../../apdu/index.ts";
import { fromHex, sameBytes } from "../../codec/index.ts";
import { SecretKey } from "../secret-key.ts";
import type { A71chHandlers, A71chInside } from "./handler.ts";
import { refuse } from "./objects.ts";

type ChannelCommand = "putKeys" | "replaceKeys" | "initializeUpdate" | "externalAuthenticate";

/** The only key set of the secure channel. A71CH APDU table */
const KEY_VERSION = 0x21;

/** Key version, protocol 03, pseudo-random challenges and protected answers. GPC SCP03, section 7.1.1 */
const KEY_INFORMATION = fromHex("010370");

/** Setting up the secure channel; `chip.ts` then takes messages out of it. A71CH APDU table, instructions 50, 82, D8 */
export function channelHandlers(inside: A71chInside): Pick<A71chHandlers, ChannelCommand> {
  const { aes } = inside.crypto;
  const received = ({ key, checkValue }: Scp03KeyField): SecretKey => {
    const dek = inside.objects.channelKeys?.dek;
    // The first keys come in the clear: there is nothing yet to encrypt them with.
    const plain = dek ? SecretKey.use([dek], (bytes) => aes.decrypt(bytes, key)) : key;
    if (!sameBytes(keyCheckValue(aes, plain), checkValue)) throw refuse(0x6a80, "a key's check value is wrong");
    return new SecretKey(plain);
  };
  // The version is not looked at: NXP's scripts put keys as version 01, and open the channel with 21 all the same.
  const put = ({ enc, mac, dek }: A71chRequest<"putKeys">) => {
    inside.objects.channelKeys = { enc: received(enc), mac: received(mac), dek: received(dek) };
    inside.changed("channel keys");
    return {};
  };
  return {
    putKeys: put,
    replaceKeys(request) {
      if (!inside.objects.channelKeys) throw refuse(0x6985, "no keys of a secure channel are set");
      return put(request);
    },
    initializeUpdate({ keyVersion, hostChallenge }) {
      inside.session.proposedChannel = inside.session.channel = undefined;
      const keys = inside.objects.channelKeys;
      if (!keys) throw refuse(0x6985, "no keys of a secure channel are set");
      if (keyVersion !== KEY_VERSION) throw refuse(0x6a86, `there is no key set ${keyVersion}`);
      const challenges = { host: hostChallenge, card: inside.entropy.bytes(8) };
      const session = SecretKey.use(
        [keys.enc, keys.mac],
        (bytes) => new Scp03Session(aes, { enc: bytes.slice(0, 16), mac: bytes.slice(16) }, challenges),
      );
      inside.session.proposedChannel = session;
      const { cardCryptogram } = session;
      const diversification = new Uint8Array(10);
      return { diversification, keyInformation: KEY_INFORMATION, cardChallenge: challenges.card, cardCryptogram };
    },
    externalAuthenticate({ hostCryptogram, mac }) {
      const session = inside.session.proposedChannel;
      inside.session.proposedChannel = undefined;
      if (!session) throw refuse(0x6985, "no secure channel was proposed");
      const rightMac = sameBytes(session.authenticationMac(hostCryptogram), mac);
      if (!rightMac || !sameBytes(session.hostCryptogram, hostCryptogram))
        throw refuse(0x6982, "the host's proof is wrong");
      inside.session.channel = session;
      if (!inside.objects.channelMandatory) {
        inside.objects.channelMandatory = true;
        inside.changed("life cycle");
      }
      return {};
    },
  };
}
