import { createCipheriv, createDecipheriv } from "node:crypto";

import type { BlockCipher } from "./aes.ts";

/** AES of node:crypto, a block at a time. */
export const nodeBlockCipher: BlockCipher = {
  encrypt(key, block) {
    const cipher = createCipheriv(`aes-${key.length * 8}-ecb`, key, null).setAutoPadding(false);
    return Uint8Array.from(cipher.update(block));
  },
  decrypt(key, block) {
    const cipher = createDecipheriv(`aes-${key.length * 8}-ecb`, key, null).setAutoPadding(false);
    return Uint8Array.from(cipher.update(block));
  },
};
