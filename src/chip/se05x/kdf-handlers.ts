import { concat } from "../../codec/index.ts";
import { HASH_LENGTH, type Hash, type HashName } from "../../crypto/index.ts";
import { hashNamed } from "./digest-handlers.ts";
import type { Se05xHandlers, Se05xInside } from "./handlers.ts";
import { refuse } from "./refuse.ts";

/** Longer answers fit no host's buffer. SE05x coding rules */
const MAX_DERIVED = 0x200;

/** Derivation of keys. SE05x command table, tier b */
export function kdfHandlers(inside: Se05xInside): Pick<Se05xHandlers, "hkdf"> {
  return {
    hkdf({ objectId, algorithm, salt = new Uint8Array(0), info = new Uint8Array(0), length }) {
      const { content } = inside.demand(objectId, "derive");
      if (content.kind !== "hmac") throw refuse(0x6985, "keys are derived from HMAC keys");
      demandDerivable(length, content.minOutputLength);
      const name = hashNamed(algorithm);
      return { derived: content.secret.use((key) => hkdf(inside.hash, name, { key, salt, info, length })) };
    },
  };
}

/** Refuses with 6A80 a derived length that is too long for an answer or shorter than the key allows. */
export function demandDerivable(length: number, minOutputLength: number): void {
  if (length < 1 || length > MAX_DERIVED || length < minOutputLength) throw refuse(0x6a80, `${length} derived bytes`);
}

/** Extract and expand. RFC 5869, section 2 */
function hkdf(
  hash: Hash,
  name: HashName,
  request: {
    readonly key: Uint8Array;
    readonly salt: Uint8Array;
    readonly info: Uint8Array;
    readonly length: number;
  },
): Uint8Array {
  const { key, salt, info, length } = request;
  const pseudoRandomKey = hash.hmac(name, salt.length === 0 ? new Uint8Array(HASH_LENGTH[name]) : salt, key);
  const blocks: Uint8Array[] = [];
  for (let i = 1; (i - 1) * HASH_LENGTH[name] < length; i++) {
    blocks.push(hash.hmac(name, pseudoRandomKey, blocks.at(-1) ?? new Uint8Array(0), info, Uint8Array.of(i)));
  }
  return concat(...blocks).slice(0, length);
}
