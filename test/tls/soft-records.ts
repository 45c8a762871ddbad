/** A keeper of traffic keys for tests, in software: it holds little at once and notes what it was given. */
import { concat } from "../../src/codec/index.ts";
import type { RecordKeeper } from "../../src/crypto/index.ts";
import { nodeAead } from "../../src/crypto/node.ts";

export class SoftRecords implements RecordKeeper {
  readonly performer = "chip";
  readonly ciphers = ["aes-128-gcm", "aes-256-gcm"] as const;
  readonly maxPlaintext: number;
  /** The lengths of what it sealed and opened, plaintext or ciphertext and tag. */
  readonly lengths: number[] = [];
  isReleased = false;

  constructor(maxPlaintext: number) {
    this.maxPlaintext = maxPlaintext;
  }

  async keyOf(...[cipher, given]: Parameters<RecordKeeper["keyOf"]>) {
    const [key, iv] = [given.key.slice(), given.iv.slice()];
    const nonceOf = (nonce: Uint8Array) =>
      iv.length < 12 ? new Uint8Array([...iv, ...nonce]) : iv.map((byte, i) => byte ^ (nonce[i - 4] ?? 0));
    const note = async (content: Uint8Array) => {
      this.lengths.push(content.length);
      await new Promise((resolve) => setImmediate(resolve));
    };
    return {
      performer: "chip",
      seal: async ({ nonce, content, associated }) => {
        await note(content);
        return concat(...nodeAead.seal(cipher, key, nonceOf(nonce), content, associated));
      },
      open: async ({ nonce, content, associated }) => {
        await note(content);
        return nodeAead.open(cipher, key, nonceOf(nonce), content, associated);
      },
      release: async () => undefined,
    } satisfies Awaited<ReturnType<RecordKeeper["keyOf"]>>;
  }

  async release(): Promise<void> {
    this.isReleased = true;
  }
}
