import { SE05X_ORIGIN } from "../../apdu/se05x/index.ts";
import { concat, Writer } from "../../codec/index.ts";
import type { Hash, HashName } from "../../crypto/index.ts";
import { hashNamed } from "./digest-handlers.ts";
import { privateKeyIn } from "./ec-handlers.ts";
import { FEATURE } from "./features.ts";
import type { Se05xHandlers, Se05xInside } from "./handlers.ts";
import { demandDerivable } from "./kdf-handlers.ts";
import { refuse } from "./refuse.ts";
import { Secret } from "./secrets.ts";

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
    tlsPremaster({ pskId, keyPairId, targetId, peerPoint }) {
      inside.demandFeature(FEATURE.tls);
      const target = inside.demand(targetId, "write");
      if (target.content.kind !== "hmac") throw refuse(0x6985, "the premaster secret goes into an HMAC key");
      // Hosts name 0 for what there is none of. SE05x command table, tier c
      const secret = premaster(inside, pskId || undefined, keyPairId || undefined, peerPoint);
      store.put({ ...target, origin: SE05X_ORIGIN.internal, content: { ...target.content, secret } });
      return {};
    },
    tlsPrf({ objectId, phase, algorithm, label, random, length }) {
      inside.demandFeature(FEATURE.tls);
      const { content } = inside.demand(objectId, "tlsKdf");
      if (content.kind !== "hmac") throw refuse(0x6985, "secrets are derived from HMAC keys");
      // Whoever could choose both randoms could have old handshakes computed again.
      const own = inside.tlsRandom;
      if (!own) throw refuse(0x6985, "no random of this chip's own was made");
      demandDerivable(length, content.minOutputLength);
      const seed = GIVEN_FIRST.has(phase) ? concat(label, random, own) : concat(label, own, random);
      const name = hashNamed(algorithm);
      // One derivation for each random.
      inside.tlsRandom = undefined;
      return { output: content.secret.use((key) => prf(hash, name, { key, seed, length })) };
    },
  };
}

/** RFC 4279, section 2; RFC 5246, section 8.1; RFC 5489, section 2 */
function premaster(
  inside: Se05xInside,
  pskId: number | undefined,
  keyPairId: number | undefined,
  peerPoint: Uint8Array | undefined,
): Secret {
  const shared =
    keyPairId === undefined
      ? undefined
      : privateKeyIn(inside, keyPairId, "tlsPremaster").agree(peerPoint ?? new Uint8Array(0));
  if (pskId === undefined) {
    if (!shared) throw refuse(0x6a80, "neither a pre-shared key nor a key pair is named");
    return new Secret(shared);
  }
  const { content } = inside.demand(pskId, "tlsPremaster");
  if (content.kind !== "hmac") throw refuse(0x6985, "a pre-shared key is an HMAC key");
  return content.secret.use((psk) => {
    const writer = new Writer();
    for (const part of [shared ?? new Uint8Array(psk.length), psk]) writer.prefixed(2, (body) => body.bytes(part));
    return new Secret(writer.finish());
  });
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
