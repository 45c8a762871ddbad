import { concat } from "../../codec/index.ts";
import type { RunningCipher, Se05xArithmetic } from "./arithmetic.ts";
import { blockLength, type CipherMode, paddingFor, withoutPadding } from "./modes.ts";
import { refuse } from "./refuse.ts";
import type { Secret } from "./secrets.ts";

/** A message on its way through a cipher. Padding is added and taken off at the end. SP 800-38A, section 6 */
export class Ciphering {
  readonly #mode: CipherMode;
  readonly #encrypts: boolean;
  readonly #cipher: RunningCipher;
  /** What no whole block was made of yet; while decrypting, also the last block, which may be padding. */
  #held: Uint8Array = new Uint8Array(0);
  #length = 0;

  constructor(
    arithmetic: Se05xArithmetic,
    secret: Secret,
    request: { readonly mode: CipherMode; readonly encrypts: boolean; readonly iv: Uint8Array },
  ) {
    const { mode, encrypts, iv } = request;
    const { family } = mode;
    this.#mode = mode;
    this.#encrypts = encrypts;
    this.#cipher = secret.use((key) => arithmetic.startCipher({ family, mode: mode.mode, encrypts, key, iv }));
  }

  /** As much as is sure by now. */
  update(input: Uint8Array): Uint8Array {
    const { mode, padding } = this.#mode;
    this.#length += input.length;
    if (mode === "ctr") return this.#cipher.update(input);
    const all = this.#held.length === 0 ? input : concat(this.#held, input);
    const block = blockLength(this.#mode);
    const keepsBlock = !this.#encrypts && padding !== "none";
    const ready = keepsBlock
      ? Math.floor(Math.max(0, all.length - 1) / block) * block
      : all.length - (all.length % block);
    this.#held = all.slice(ready);
    return this.#cipher.update(all.subarray(0, ready));
  }

  /** The rest. Refused with 6A80 where the message is not whole blocks and its mode does not fill them, or badly padded. */
  finish(input: Uint8Array): Uint8Array {
    const begun = this.update(input);
    const { mode, padding } = this.#mode;
    if (mode === "ctr") return begun;
    const block = blockLength(this.#mode);
    if (padding === "none" && this.#held.length === 0) return begun;
    const last = this.#encrypts ? concat(this.#held, paddingFor(padding, this.#length, block)) : this.#held;
    if (last.length % block !== 0) throw refuse(0x6a80, `${this.#length} bytes are not whole blocks`);
    const output = this.#cipher.update(last);
    return concat(begun, this.#encrypts ? output : withoutPadding(padding, output, block));
  }
}

/** Refuses with 6A80 an initial block that a mode does not take. */
export function demandIv(mode: CipherMode, iv: Uint8Array): void {
  const wanted = ivLength(mode);
  if (iv.length !== wanted) throw refuse(0x6a80, `this mode takes an initial block of ${wanted} bytes`);
}

/** How long a mode's initial block is; 0 where it takes none. */
export function ivLength({ mode, family }: CipherMode): number {
  return mode === "ecb" ? 0 : family === "aes" ? 16 : 8;
}
