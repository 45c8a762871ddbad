import { type Right, SE05X_ORIGIN, type Se05xRequest } from "../../apdu/se05x/index.ts";
import { concat, equal, Writer } from "../../codec/index.ts";
import type { Hash, HashName } from "../../crypto/index.ts";
import { demandOutput } from "./access.ts";
import { hashNamed } from "./digest-handlers.ts";
import { type Content, kindOfContent } from "./contents.ts";
import { FEATURE } from "./features.ts";
import type { Se05xHandlers, Se05xInside } from "./handler.ts";
import { demandDerivable } from "./kdf-handlers.ts";
import type { SecureObject } from "./objects.ts";
import { refuse } from "./refuse.ts";
import { rsaPrivateOperation } from "./rsa-handlers.ts";
import type { RsaKey } from "./rsa-key.ts";
import { fromPkcs1EncryptionBlock } from "./rsa-padding.ts";
import { Secret } from "./secrets.ts";
import { demandDerivedInput } from "./writing.ts";

const RANDOM_LENGTH = 32;
/** Both randoms may come from the host, since the chip forgets its own with the first derivation. */
const BOTH_GIVEN = 0x5a;
/** Which random the host gives, and what is derived: 4B and 4C name hellos, 4D and 4E the randoms of a key expansion. */
const GIVEN_FIRST: ReadonlySet<number> = new Set([0x4b, 0x4e]);

/** What TLS 1.2 leaves to the chip: client random, premaster and master secret. SE05x command table, tier c */
export function tlsHandlers(inside: Se05xInside): Pick<Se05xHandlers, "tlsRandom" | "tlsPremaster" | "tlsPrf"> {
  const { store, hash, entropy } = inside;
  return {
    tlsRandom() {
      inside.demandFeature(FEATURE.tls);
      inside.tlsRandom = entropy.bytes(32);
      return { random: inside.tlsRandom };
    },
    tlsPremaster(request) {
      inside.demandFeature(FEATURE.tls);
      const target = demandDerivedInput(inside, request.targetId);
      const { content } = target;
      if (kindOfContent(content) !== "hmac") throw refuse(0x6985, "the premaster secret goes into an HMAC key");
      const changed: Content = { minOutputLength: 0, ...content, kind: "hmac", secret: premaster(inside, request) };
      store.put({ ...target, origin: SE05X_ORIGIN.internal, content: changed });
      return {};
    },
    tlsPrf({ objectId, phase, algorithm, label, random, length }) {
      inside.demandFeature(FEATURE.tls);
      const object = inside.demand(objectId, named(inside, "tlsKdf", "derive"));
      const { content } = object;
      if (content.kind !== "hmac") throw refuse(0x6985, "secrets are derived from HMAC keys");
      demandOutput(object, inside.caller);
      if (isWithoutOwn(phase, random)) demandExternalRandom(inside, object);
      const seed = concat(label, randomsOf(inside, phase, random));
      demandDerivable(length, content.minOutputLength);
      const name = hashNamed(algorithm);
      // One derivation for each random.
      inside.tlsRandom = undefined;
      return { output: content.secret.use((key) => prf(hash, name, { key, seed, length })) };
    },
  };
}

/** Both randoms in the order of the derivation: one of the chip's own among them, or both of the host's. */
function randomsOf({ tlsRandom: own }: Se05xInside, phase: number, given: Uint8Array): Uint8Array {
  if (isWithoutOwn(phase, given)) return given;
  if (given.length !== RANDOM_LENGTH) throw refuse(0x6a80, `randoms of ${given.length} bytes`);
  if (!own) throw refuse(0x6985, "no random of this chip's own was made");
  return GIVEN_FIRST.has(phase) ? concat(given, own) : concat(own, given);
}

/** Whether a derivation has nothing of the chip's own: whoever asks for it can have it again. */
function isWithoutOwn(phase: number, given: Uint8Array): boolean {
  return phase === BOTH_GIVEN && given.length === 2 * RANDOM_LENGTH;
}

/** Policies have a right for that since applet 6; who made no policy has kept nobody from anything. SE05x policy table */
function demandExternalRandom(inside: Se05xInside, { id, policy }: SecureObject): void {
  if (inside.model.policiesNameUses && policy.length > 0) inside.demand(id, "kdfExternalRandom");
}

/** RFC 4279, sections 2 and 4; RFC 5246, section 8.1; RFC 5489, section 2 */
function premaster(inside: Se05xInside, request: Se05xRequest<"tlsPremaster">): Secret {
  // Hosts name 0 for what there is none of. SE05x command table, tier c
  const { pskId, keyPairId } = request;
  const other = keyPairId ? otherSecret(inside, keyPairId, request) : undefined;
  if (!pskId) {
    if (!other) throw refuse(0x6a80, "neither a pre-shared key nor a key pair is named");
    return new Secret(other);
  }
  const { content } = inside.demand(pskId, named(inside, "tlsPremaster", "derive"));
  if (content.kind !== "hmac") throw refuse(0x6985, "a pre-shared key is an HMAC key");
  return content.secret.use((psk) => {
    const writer = new Writer();
    for (const part of [other ?? new Uint8Array(psk.length), psk]) writer.prefixed(2, (body) => body.bytes(part));
    return new Secret(writer.finish());
  });
}

/** What a key pair makes of the peer's input: a shared secret, or the one that was encrypted under it. */
function otherSecret(
  inside: Se05xInside,
  keyPairId: number,
  { input = new Uint8Array(0), clientVersion }: Se05xRequest<"tlsPremaster">,
): Uint8Array {
  const isRsa = kindOfContent(inside.store.present(keyPairId).content) === "rsa";
  const { content } = inside.demand(keyPairId, named(inside, "tlsPremaster", isRsa ? "decrypt" : "keyAgreement"));
  if (content.kind === "rsa") return decryptedPremaster(inside, content.key, input, clientVersion);
  if (content.kind !== "ecPair") throw refuse(0x6985, "no private key in this object");
  if (clientVersion) throw refuse(0x6a80, "only what is encrypted names a version");
  return content.key.agree(input);
}

/** The right that a use takes: one of its own, or before applet 7 the one that policies had for it and others. SE05x policy table */
function named({ model }: Se05xInside, own: Right, former: Right): Right {
  return model.policiesNameUses ? own : former;
}

const PREMASTER_LENGTH = 48;

/**
 * The premaster secret that a client encrypted. One that is not whole, or names another version, is a random one: whoever
 * could tell such from others could have any secret decrypted by and by. RFC 5246, section 7.4.7.1
 */
function decryptedPremaster(
  inside: Se05xInside,
  key: RsaKey,
  input: Uint8Array,
  clientVersion: Uint8Array | undefined,
): Uint8Array {
  if (!clientVersion) throw refuse(0x6a80, "what is encrypted names a version");
  const random = inside.entropy.bytes(PREMASTER_LENGTH);
  const block = rsaPrivateOperation(key, input);
  const secret = block.slice(-PREMASTER_LENGTH);
  const isWhole = fromPkcs1EncryptionBlock(block)?.length === PREMASTER_LENGTH;
  return isWhole && equal(secret.slice(0, 2), clientVersion) ? secret : random;
}

/** P_hash of TLS 1.2; `seed` begins with the label. RFC 5246, section 5 */
function prf(
  hash: Hash,
  name: HashName,
  request: { readonly key: Uint8Array; readonly seed: Uint8Array; readonly length: number },
): Uint8Array {
  const { key, seed, length } = request;
  const blocks: Uint8Array[] = [];
  let a = seed;
  for (let made = 0; made < length; made = blocks.reduce((sum, block) => sum + block.length, 0)) {
    a = hash.hmac(name, key, a);
    blocks.push(hash.hmac(name, key, a, seed));
  }
  return concat(...blocks).slice(0, length);
}
