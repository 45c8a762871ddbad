import { cbcDecrypt, cbcEncrypt } from "../../apdu/index.ts";
import { SE05X_CIPHER, SE05X_ORIGIN } from "../../apdu/se05x/index.ts";
import { concat } from "../../codec/index.ts";
import { FEATURE } from "./features.ts";
import type { Se05xHandlers, Se05xInside } from "./handlers.ts";
import { refuse } from "./refuse.ts";
import { Secret } from "./secrets.ts";
import { createObject, isAuthentication, replaceContent } from "./writing.ts";

const BLOCK = 16;

/** Symmetric keys and ciphers. SE05x command table, tier b */
export function symmetricHandlers(inside: Se05xInside): Pick<Se05xHandlers, "writeSymmKey" | "cipher"> {
  return {
    writeSymmKey(request) {
      if (request.kekId) throw refuse(0x6a80, "no key comes wrapped here");
      const { kind, value, minOutputLength = 0 } = request;
      inside.demandFeature(kind === 0x03 ? FEATURE.aes : FEATURE.hmac);
      if (isAuthentication(request.insFlags) && (kind !== 0x03 || value.length !== 16)) {
        throw refuse(0x6a80, "sessions are opened with AES keys of 16 bytes");
      }
      if (kind === 0x03 && ![16, 24, 32].includes(value.length)) throw refuse(0x6a80, "an AES key of another length");
      const secret = new Secret(value);
      const content =
        kind === 0x03 ? ({ kind: "aes", secret } as const) : ({ kind: "hmac", secret, minOutputLength } as const);
      const former = inside.store.find(request.objectId);
      if (!former) return createObject(inside, request, content, SE05X_ORIGIN.external);
      inside.demand(former.id, "write");
      return replaceContent(inside, request, former, { content, origin: SE05X_ORIGIN.external });
    },
    cipher({ objectId, direction, mode, input, iv }) {
      const encrypts = direction === 0x37;
      const { content } = inside.demand(objectId, encrypts ? "encrypt" : "decrypt");
      if (content.kind !== "aes") throw refuse(0x6985, "no AES key in this object");
      if (input.length % BLOCK !== 0) throw refuse(0x6a80, `${input.length} bytes are not whole blocks`);
      return { output: ciphered(inside, content.secret, { encrypts, mode, input, iv }) };
    },
  };
}

function ciphered(
  { aes }: Se05xInside,
  secret: Secret,
  request: {
    readonly encrypts: boolean;
    readonly mode: number;
    readonly input: Uint8Array;
    readonly iv: Uint8Array | undefined;
  },
): Uint8Array {
  const { encrypts, mode, input, iv } = request;
  if (mode === SE05X_CIPHER.cbc) {
    if (iv?.length !== BLOCK) throw refuse(0x6a80, "this mode takes an initial block of 16 bytes");
    return secret.use((key) => (encrypts ? cbcEncrypt : cbcDecrypt)(aes, key, iv, input));
  }
  if (mode !== SE05X_CIPHER.ecb) throw refuse(0x6a80, `mode ${mode} is not in this chip`);
  if (iv && iv.length > 0) throw refuse(0x6a80, "this mode takes no initial block");
  const blocks = Array.from({ length: input.length / BLOCK }, (_, i) => input.slice(BLOCK * i, BLOCK * (i + 1)));
  return secret.use((key) =>
    concat(...blocks.map((block) => (encrypts ? aes.encrypt(key, block) : aes.decrypt(key, block)))),
  );
}
