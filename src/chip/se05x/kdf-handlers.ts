import { type Right, SE05X_MAC } from "../../apdu/se05x/index.ts";
import { concat } from "../../codec/index.ts";
import { demandOutput } from "./access.ts";
import type { DigestName, Se05xArithmetic } from "./arithmetic.ts";
import { hashOfMac } from "./codes.ts";
import type { Content } from "./contents.ts";
import { digestNamed } from "./digest-handlers.ts";
import { FEATURE } from "./features.ts";
import type { Se05xHandlers, Se05xInside } from "./handler.ts";
import type { SecureObject } from "./objects.ts";
import { refuse } from "./refuse.ts";
import type { Secret } from "./secrets.ts";
import { replaceSecret } from "./writing.ts";

/** Longer answers fit no host's buffer. SE05x coding rules */
const MAX_DERIVED = 0x200;
/** HKDF gives at most 255 blocks, PBKDF2 here no more. RFC 5869, section 2.3 */
const MAX_BLOCKS = 255;

type SourceObject = SecureObject & { readonly content: Extract<Content, { kind: "hmac" }> };

/** Derivation of keys. SE05x command table, tier b */
export function kdfHandlers(inside: Se05xInside): Pick<Se05xHandlers, "hkdf" | "hkdfInto" | "hkdfExpand" | "pbkdf2"> {
  const { arithmetic } = inside;
  return {
    hkdf(request) {
      const object = sourceOf(inside, request, "derive");
      demandOutput(object, inside.caller);
      return { derived: extractedAndExpanded(inside, object.content.secret, request) };
    },
    hkdfInto(request) {
      const { content } = sourceOf(inside, request, "derive");
      return replaceSecret(inside, request.targetId, extractedAndExpanded(inside, content.secret, request));
    },
    hkdfExpand(request) {
      const { algorithm, info = new Uint8Array(0), length } = request;
      const object = sourceOf(inside, request, "derive");
      const name = digestNamed(algorithm);
      const derived = object.content.secret.use((key) => expand(arithmetic, name, { key, info, length }));
      return given(inside, object, request.targetId, derived);
    },
    pbkdf2(request) {
      inside.demandFeature(FEATURE.pbkdf);
      const { salt, saltId, iterations, length, algorithm = SE05X_MAC.hmacSha1 } = request;
      const object = sourceOf(inside, request, inside.model.policiesNameUses ? "pbkdf" : "derive");
      const name = hashOfMac(algorithm);
      if (!name || iterations === 0) throw refuse(0x6a80, `PBKDF2 with ${algorithm} and ${iterations} iterations`);
      const derived = withSalt(inside, { salt, saltId }, (bytes) =>
        object.content.secret.use((password) => arithmetic.pbkdf2(name, password, { salt: bytes, iterations, length })),
      );
      return given(inside, object, request.targetId, derived);
    },
  };
}

/** Refuses with 6A80 a derived length that is too long for an answer or shorter than the key allows. */
export function demandDerivable(length: number, minOutputLength: number): void {
  if (length < 1 || length > MAX_DERIVED || length < minOutputLength) throw refuse(0x6a80, `${length} derived bytes`);
}

/** The key that is derived from. Refused with 6985 where the object is none. */
function sourceOf(
  inside: Se05xInside,
  { objectId, length }: { readonly objectId: number; readonly length: number },
  right: Right,
): SourceObject {
  const object = inside.demand(objectId, right);
  const { content } = object;
  if (content.kind !== "hmac") throw refuse(0x6985, "keys are derived from HMAC keys");
  demandDerivable(length, content.minOutputLength);
  return { ...object, content };
}

/** What was derived goes to the host, where the policy lets it, or into an object. */
function given(inside: Se05xInside, object: SourceObject, targetId: number | undefined, derived: Uint8Array) {
  if (targetId !== undefined) return replaceSecret(inside, targetId, derived);
  demandOutput(object, inside.caller);
  return { derived };
}

/** RFC 5869, section 2 */
function extractedAndExpanded(
  inside: Se05xInside,
  secret: Secret,
  request: {
    readonly algorithm: number;
    readonly salt?: Uint8Array | undefined;
    readonly saltId?: number | undefined;
    readonly info?: Uint8Array | undefined;
    readonly length: number;
  },
): Uint8Array {
  const { arithmetic } = inside;
  const { algorithm, salt, saltId, info = new Uint8Array(0), length } = request;
  const name = digestNamed(algorithm);
  const key = withSalt(inside, { salt, saltId }, (bytes) =>
    // Without a salt it is a block of zeros, which HMAC makes of no key at all.
    secret.use((material) => hmac(arithmetic, name, bytes, material)),
  );
  return expand(arithmetic, name, { key, info, length });
}

/** A salt that the host gives, or that an HMAC key is. */
function withSalt<T>(
  inside: Se05xInside,
  { salt, saltId }: { readonly salt: Uint8Array | undefined; readonly saltId: number | undefined },
  work: (salt: Uint8Array) => T,
): T {
  if (!saltId) return work(salt ?? new Uint8Array(0));
  if (salt) throw refuse(0x6a80, "one salt, given or named");
  const { content } = inside.demand(saltId, "derive");
  if (content.kind !== "hmac") throw refuse(0x6985, "a salt in the chip is an HMAC key");
  return content.secret.use(work);
}

function hmac(arithmetic: Se05xArithmetic, name: DigestName, key: Uint8Array, ...parts: readonly Uint8Array[]) {
  const mac = arithmetic.startMac(name, key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

/** RFC 5869, section 2.3 */
function expand(
  arithmetic: Se05xArithmetic,
  name: DigestName,
  { key, info, length }: { readonly key: Uint8Array; readonly info: Uint8Array; readonly length: number },
): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (let made = 0; made < length && blocks.length < MAX_BLOCKS;) {
    const block = hmac(
      arithmetic,
      name,
      key,
      blocks.at(-1) ?? new Uint8Array(0),
      info,
      Uint8Array.of(blocks.length + 1),
    );
    blocks.push(block);
    made += block.length;
  }
  return concat(...blocks).slice(0, length);
}
