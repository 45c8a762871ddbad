import {
  keyCheckValue,
  type Scp03KeyField,
  Scp03Session,
  SECURE_CLASS,
  SECURITY_LEVEL,
  SECURITY_LEVELS,
} from "../../apdu/index.ts";
import { agreementKey, SE05X_OBJECT } from "../../apdu/se05x/index.ts";
import { concat, encode, fromHex, sameBytes } from "../../codec/index.ts";
import { readOffer } from "./agreement.ts";
import type { Se05xHandlers, Se05xInside } from "./handler.ts";
import { refuse } from "./refuse.ts";
import { Secret } from "./secrets.ts";
import type { PlatformChannel } from "./sessions.ts";
import { awaitingProof, proofObject, settleProof } from "./session-handlers.ts";
import { holdsSignature } from "./signatures.ts";

type ChannelCommand = "initializeUpdate" | "externalAuthenticate" | "internalAuthenticate" | "agreementKey" | "putKeys";
type InitializeUpdate = Parameters<Se05xHandlers["initializeUpdate"]>[0];

/** Protocol 03 with challenges from true randomness, so no counter follows. GPC SCP03, section 7.1.1 */
const PROTOCOL = fromHex("0300");
const MAX_KEY_SETS = 4;
/** The security level of a session whose commands go on in the clear, once its key is proven: Nitrokey's host library asks for it. */
const PROOF_ALONE = 0x00;

/** Setting up secure channels: the platform's, and those of sessions. SE05x command table, tier e; GPC SCP03, section 7 */
export function channelHandlers(inside: Se05xInside): Pick<Se05xHandlers, ChannelCommand> {
  const { sessions, platform } = inside;
  return {
    initializeUpdate: (request) =>
      sessions.current ? proposeSession(inside, request) : proposePlatform(inside, request),
    externalAuthenticate(request) {
      const { level, hostCryptogram, mac } = request;
      const session = sessions.current && awaitingProof(inside, "aes");
      const scp = session ? session.proposed : platform.proposed?.scp;
      if (!scp) throw refuse(0x6985, "no secure channel was proposed");
      const channel = platform.proposed;
      // One try for each proposal: the next needs new challenges.
      if (session) session.proposed = undefined;
      else platform.proposed = undefined;
      const isOffered = SECURITY_LEVELS.includes(level) || (session && level === PROOF_ALONE);
      if (!isOffered) throw refuse(0x6a86, `security level ${level} is not offered`);
      const isMacRight = sameBytes(scp.authenticationMac(hostCryptogram, level), mac);
      const isRight = isMacRight && sameBytes(scp.hostCryptogram, hostCryptogram);
      if (session) settleProof(inside, session, isRight);
      else if (!isRight) throw refuse(0x6982, "the host's proof is wrong");
      scp.useLevel(level);
      if (session) session.channel = level === PROOF_ALONE ? undefined : scp;
      else platform.channel = channel;
      return {};
    },
    internalAuthenticate: (request) => agreeOnSession(inside, request),
    agreementKey: ({ template }) => tellAgreementKey(inside, template.key),
    putKeys: (request) => putKeys(inside, request),
  };
}

function proposePlatform(inside: Se05xInside, { keyVersion, hostChallenge }: InitializeUpdate) {
  const { platform, store, model } = inside;
  platform.proposed = platform.channel = undefined;
  const { keySets } = store.settings;
  // Version 0 asks for whichever set there is. GPC SCP03, section 7.1.1
  const version = keyVersion === 0 ? [...keySets.keys()][0] : keyVersion;
  const keys = version === undefined ? undefined : keySets.get(version);
  if (version === undefined || !keys) throw refuse(0x6a88, `there is no key set ${keyVersion}`);
  const options = { extendedLengths: true, countsEmptyCommands: model.countsEmptyCommands };
  const { scp, answer } = propose(inside, keys, { hostChallenge, version, options });
  platform.proposed = { scp, dek: keys.dek };
  return answer;
}

/**
 * The platform's channel as it would be open for a command that comes in the clear and is answered inside it alone:
 * under the chip's own first key set, for copies that a rehearsal throws away. Undefined for any other command.
 */
export function assumedChannel({ store, aes }: Se05xInside, command: Uint8Array): PlatformChannel | undefined {
  const { platformScpRequired, keySets } = store.settings;
  const [cla, ins] = command;
  const [keys] = keySets.values();
  if (!keys || cla === SECURE_CLASS || (!platformScpRequired && ins !== PUT_KEY)) return undefined;
  const nobody = { host: new Uint8Array(8), card: new Uint8Array(8) };
  const scp = keys.enc.use((enc) => keys.mac.use((mac) => new Scp03Session(aes, { enc, mac }, nobody)));
  scp.useLevel(SECURITY_LEVEL);
  return { scp, dek: keys.dek };
}

const PUT_KEY = 0xd8;
const OF_IMPORTS = 0x02;

function proposeSession(inside: Se05xInside, { keyVersion, hostChallenge }: InitializeUpdate) {
  const session = awaitingProof(inside, "aes");
  if (keyVersion !== 0) throw refuse(0x6a88, "a session has one key, version 0");
  const { content } = proofObject(inside, session);
  if (content.kind !== "aes") throw refuse(0x6985, "no AES key to prove");
  const keys = { enc: content.secret, mac: content.secret };
  const { scp, answer } = propose(inside, keys, { hostChallenge, version: 0, options: { extendedLengths: true } });
  session.proposed = scp;
  return answer;
}

function propose(
  { aes, entropy }: Se05xInside,
  { enc, mac }: { readonly enc: Secret; readonly mac: Secret },
  with_: {
    readonly hostChallenge: Uint8Array;
    readonly version: number;
    readonly options: { readonly extendedLengths: boolean; readonly countsEmptyCommands?: boolean };
  },
) {
  const { hostChallenge, version, options } = with_;
  const challenges = { host: hostChallenge, card: entropy.bytes(8) };
  const scp = enc.use((e) => mac.use((m) => new Scp03Session(aes, { enc: e, mac: m }, challenges, options)));
  const answer = {
    diversification: new Uint8Array(10),
    keyInformation: concat(Uint8Array.of(version), PROTOCOL),
    cardChallenge: challenges.card,
    cardCryptogram: scp.cardCryptogram,
  };
  return { scp, answer };
}

/** Both ends' keys go into the session's; the host signs with the key that the session is for. SE05x command table, tier e */
function agreeOnSession(
  inside: Se05xInside,
  { offer, signature }: Parameters<Se05xHandlers["internalAuthenticate"]>[0],
) {
  const session = awaitingProof(inside, "ec");
  const { content } = proofObject(inside, session);
  if (content.kind !== "ecPublic") throw refuse(0x6985, "no key of the host's to check with");
  const agreement = readOffer(inside, offer, SE05X_OBJECT.sessionKey);
  const digest = inside.hash.digest("sha256", offer);
  settleProof(inside, session, holdsSignature(inside, content, digest, signature));
  const random = inside.entropy.bytes(16);
  session.channel = agreement.agree(random);
  return { random, receipt: session.channel.receiptOver(offer, random) };
}

/**
 * The key that imports are agreed with for 02, and for any other identifier the one of sessions, signed with the key for
 * attestations: hosts do not check whose signature it is. Refused with 6A88 in another version. NXP plug-and-trust
 * 03.03.00, host library; AN12413, section 4.5.4
 */
function tellAgreementKey(inside: Se05xInside, [identifier, version]: Uint8Array) {
  if (version !== 0) throw refuse(0x6a88, "keys for agreements have version 00");
  const { importKey, sessionKey } = SE05X_OBJECT;
  const own = inside.store.find(identifier === OF_IMPORTS ? importKey : sessionKey)?.content;
  const signer = inside.store.find(SE05X_OBJECT.attestationKey)?.content;
  if (own?.kind !== "ecPair" || signer?.kind !== "ecPair") throw refuse(0x6985, "no key to agree with");
  const { point } = own.key;
  const digest = inside.hash.digest("sha256", encode(agreementKey, point));
  return { point, signature: signer.key.sign(inside, digest) };
}

/** New keys come under the key encryption key of the channel that carries them. GPC SCP03, section 7.2 */
function putKeys(inside: Se05xInside, request: Parameters<Se05xHandlers["putKeys"]>[0]) {
  const { store, platform, aes } = inside;
  const { replaced, version, enc, mac, dek } = request;
  const { channel } = platform;
  if (!channel?.scp.isFull || !inside.caller.secured)
    throw refuse(0x6982, "keys are put in the platform's channel only");
  const { keySets } = store.settings;
  if (version < 1 || version > 0x7f) throw refuse(0x6a80, `a key set cannot have version ${version}`);
  if (replaced !== 0 && !keySets.has(replaced)) throw refuse(0x6a88, `there is no key set ${replaced}`);
  if (version !== replaced && keySets.has(version)) throw refuse(0x6985, `there is a key set ${version} already`);
  if (replaced === 0 && keySets.size >= MAX_KEY_SETS) throw refuse(0x6a84, "no room for another key set");
  const received = ({ key, checkValue }: Scp03KeyField): Secret => {
    const plain = channel.dek.use((bytes) => aes.decrypt(bytes, key));
    if (!sameBytes(keyCheckValue(aes, plain), checkValue)) throw refuse(0x6a80, "a key's check value is wrong");
    return new Secret(plain);
  };
  const keys = { enc: received(enc), mac: received(mac), dek: received(dek) };
  const others = [...keySets].filter(([each]) => each !== replaced);
  store.configure({ keySets: new Map([...others, [version, keys]]) });
  return { version, checkValues: concat(enc.checkValue, mac.checkValue, dek.checkValue) };
}
