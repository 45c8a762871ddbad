import { unwrapKey } from "../../apdu/index.ts";
import { SE05X_ORIGIN } from "../../apdu/se05x/index.ts";
import { demandExternalIv } from "./access.ts";
import { Ciphering, demandIv, ivLength } from "./ciphering.ts";
import type { Content } from "./contents.ts";
import { FEATURE } from "./features.ts";
import type { Se05xHandlers, Se05xInside } from "./handler.ts";
import { type CipherMode, cipherMode } from "./modes.ts";
import type { SecureObject } from "./objects.ts";
import { refuse } from "./refuse.ts";
import { Secret } from "./secrets.ts";
import { createObject, isAuthentication, replaceContent } from "./writing.ts";

type WriteRequest = Parameters<Se05xHandlers["writeSymmKey"]>[0];

/** P1 of a symmetric key: what it is for, how long it may be. SE05x command table, tier b */
const KINDS: Readonly<Record<number, { readonly feature: number; readonly lengths?: readonly number[] }>> = {
  0x03: { feature: FEATURE.aes, lengths: [16, 24, 32] },
  0x04: { feature: FEATURE.des, lengths: [8, 16, 24] },
  0x05: { feature: FEATURE.hmac },
};
const MAX_SECRET = 256;

/** Symmetric keys and ciphers. SE05x command table, tier b */
export function symmetricHandlers(inside: Se05xInside): Pick<Se05xHandlers, "writeSymmKey" | "cipher"> {
  return {
    writeSymmKey(request) {
      const { kind } = request;
      const { feature, lengths } = KINDS[kind] ?? { feature: 0 };
      inside.demandFeature(feature);
      const value = plainValue(inside, request);
      if (isAuthentication(request.insFlags) && (kind !== 0x03 || value.length !== 16)) {
        throw refuse(0x6a80, "sessions are opened with AES keys of 16 bytes");
      }
      if (value.length > MAX_SECRET || (lengths && !lengths.includes(value.length))) {
        throw refuse(0x6a80, `a key of ${value.length} bytes`);
      }
      const content = symmetricContent(request, new Secret(value));
      const former = inside.store.find(request.objectId);
      if (!former) return createObject(inside, request, content, SE05X_ORIGIN.external);
      inside.demand(former.id, "write");
      return replaceContent(inside, request, former, { content, origin: SE05X_ORIGIN.external });
    },
    cipher({ objectId, direction, mode: id, input = new Uint8Array(0), iv: given }) {
      const encrypts = direction === 0x37;
      const object = inside.demand(objectId, encrypts ? "encrypt" : "decrypt");
      const mode = cipherMode(id);
      const secret = cipherKeyOf(object.content, mode);
      const iv = ivOf(inside, mode, { object, encrypts, given });
      const output = new Ciphering(inside.arithmetic, secret, { mode, encrypts, iv }).finish(input);
      return mode.internalIv && encrypts ? { output, iv } : { output };
    },
  };
}

/** The key of a content for a mode. Refused with 6985 where the content is no key of the mode's cipher. */
export function cipherKeyOf(content: Content, { family }: CipherMode): Secret {
  if (content.kind !== family) throw refuse(0x6985, `no ${family.toUpperCase()} key in this object`);
  return content.secret;
}

/** The initial block: the host's, as far as the key's policy lets it, or the chip's own where the mode has the chip make it. */
export function ivOf(
  inside: Se05xInside,
  mode: CipherMode,
  from: { readonly object: SecureObject; readonly encrypts: boolean; readonly given: Uint8Array | undefined },
): Uint8Array {
  const { object, encrypts, given = new Uint8Array(0) } = from;
  if (mode.internalIv && encrypts) return inside.entropy.bytes(16);
  // A host that gives none means zeros: NXP's nano package counts on it, tests/src/test_se05x_aes.c
  const iv = given.length === 0 && !mode.internalIv ? new Uint8Array(ivLength(mode)) : given;
  demandIv(mode, iv);
  // Zeros are as much the host's choice as any other block.
  if (encrypts && iv.length > 0) demandExternalIv(object, inside.caller);
  return iv;
}

/** The key's value, unwrapped where it came wrapped. RFC 3394, section 2.2.2 */
function plainValue(inside: Se05xInside, { kekId, value }: WriteRequest): Uint8Array {
  if (!kekId) return value;
  const { content } = inside.demand(kekId, "wrap");
  if (content.kind !== "aes") throw refuse(0x6985, "keys are wrapped with AES keys");
  if (value.length < 24 || value.length % 8 !== 0) throw refuse(0x6a80, "a wrapped key is whole blocks of 8 bytes");
  const plain = content.secret.use((kek) => unwrapKey(inside.aes, kek, value));
  if (!plain) throw refuse(0x6a80, "the wrapped key is not whole");
  return plain;
}

function symmetricContent(request: WriteRequest, secret: Secret): Content {
  const { kind, minOutputLength = 0, minTagLength = 0 } = request;
  if (kind === 0x03) return { kind: "aes", secret, minTagLength };
  if (kind === 0x04) return { kind: "des", secret };
  return { kind: "hmac", secret, minOutputLength };
}
