import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

import { UsageError } from "../codec/index.ts";
import type { CryptoErrorCode } from "../crypto/index.ts";
import { finiteFieldKey } from "../crypto/node-finite-field.ts";
import type { Cbc } from "./cbc.ts";
import type { DhAgreement } from "./effect-performer.ts";

/** AES-128-CBC of node:crypto, over whole blocks. */
export const nodeCbc: Cbc = {
  newIv: () => plain(randomBytes(16)),
  encrypt: (key, iv, blocks) => plain(createCipheriv("aes-128-cbc", key, iv).setAutoPadding(false).update(blocks)),
  decrypt: (key, iv, blocks) => plain(createDecipheriv("aes-128-cbc", key, iv).setAutoPadding(false).update(blocks)),
};

/** Diffie-Hellman on a server's own group by node:crypto. */
export const nodeDh: DhAgreement = {
  performer: "host",
  async agree({ prime, generator, peerKey }) {
    try {
      const key = finiteFieldKey(prime, generator);
      const secret = key.agree(peerKey);
      // RFC 5246, section 8.1.2: leading zeros are stripped before the secret is used.
      const first = secret.findIndex((byte) => byte !== 0);
      return { publicKey: key.publicKey, secret: secret.slice(Math.max(first, 0)) };
    } catch (cause) {
      throw new UsageError<CryptoErrorCode>("bad-peer-key", "the Diffie-Hellman value is not acceptable", { cause });
    }
  },
};

function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
