import {
  type CipherGCMTypes,
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hash,
  pbkdf2Sync,
} from "node:crypto";

import { concat } from "../codec/index.ts";
import type { AeadRequest, CipherRequest, RunningAead, RunningDigest, Se05xArithmetic } from "./se05x/index.ts";

/** Hashes, ciphers and codes of node:crypto for chips of the SE05x family. */
export const nodeSe05xArithmetic: Se05xArithmetic = {
  digest: (name, input) => plain(hash(name, input, "buffer")),
  startDigest: (name) => running(createHash(name)),
  startMac: (name, key) => running(createHmac(name, key)),
  startCipher(request) {
    const { encrypts, iv } = request;
    const make = encrypts ? createCipheriv : createDecipheriv;
    const cipher = make(cipherName(request), cipherKey(request), iv.length === 0 ? null : iv).setAutoPadding(false);
    return { update: (input) => plain(cipher.update(input)) };
  },
  startGcm({ encrypts, associated, ...request }) {
    return encrypts ? sealingGcm(request, associated) : openingGcm(request, associated);
  },
  seal(request, input, associated) {
    const { iv, key, tagLength: authTagLength } = request;
    const cipher = createCipheriv(aeadName(request), key, iv, { authTagLength });
    // CCM has to know the length beforehand; GCM ignores it.
    cipher.setAAD(associated, { plaintextLength: input.length });
    const output = plain(cipher.update(input));
    cipher.final();
    return [output, plain(cipher.getAuthTag())];
  },
  open(request, input, associated, tag) {
    const { iv, key, tagLength: authTagLength } = request;
    const decipher = createDecipheriv(aeadName(request), key, iv, { authTagLength });
    decipher.setAuthTag(tag);
    decipher.setAAD(associated, { plaintextLength: input.length });
    try {
      // CCM verifies in update, GCM in final.
      const output = plain(decipher.update(input));
      decipher.final();
      return output;
    } catch {
      return undefined;
    }
  },
  pbkdf2: (name, password, { salt, iterations, length }) => plain(pbkdf2Sync(password, salt, iterations, length, name)),
};

function running(begun: { update(data: Uint8Array): unknown; digest(): Uint8Array }): RunningDigest {
  return { update: (input) => void begun.update(input), digest: () => plain(begun.digest()) };
}

function cipherName({ family, mode, key }: CipherRequest): string {
  return family === "aes" ? `aes-${key.length * 8}-${mode}` : mode === "cbc" ? "des-ede3-cbc" : "des-ede3-ecb";
}

/** OpenSSL 3 has no single DES without its legacy provider; with one key three times, triple DES is single DES. */
function cipherKey({ family, key }: CipherRequest): Uint8Array {
  if (family === "aes" || key.length === 24) return key;
  return key.length === 8 ? concat(key, key, key) : concat(key, key.subarray(0, 8));
}

/** Node types its modes apart; GCM stands for both. */
function aeadName({ mode, key }: AeadRequest): CipherGCMTypes {
  return `aes-${key.length * 8}-${mode}` as CipherGCMTypes;
}

type GcmRequest = Omit<AeadRequest, "mode">;

function sealingGcm({ key, iv, tagLength }: GcmRequest, associated: Uint8Array): RunningAead {
  const name = aeadName({ mode: "gcm", key, iv, tagLength });
  const cipher = createCipheriv(name, key, iv, { authTagLength: tagLength }).setAAD(associated);
  return {
    update: (input) => plain(cipher.update(input)),
    tag() {
      cipher.final();
      return plain(cipher.getAuthTag());
    },
  };
}

/** node:crypto wants the length of the tag to check beforehand, which a chip learns last: so the tag is made anew. */
function openingGcm(request: GcmRequest, associated: Uint8Array): RunningAead {
  const { key, iv } = request;
  const decipher = createDecipheriv(aeadName({ mode: "gcm", ...request }), key, iv, { authTagLength: 16 });
  const sealing = sealingGcm(request, associated);
  return {
    update(input) {
      const output = plain(decipher.update(input));
      sealing.update(output);
      return output;
    },
    tag: () => sealing.tag(),
  };
}

/** node:crypto gives Buffers, each over memory of its own, whose `slice` and JSON differ from those of Uint8Array. */
function plain(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
