import { cmacSubkeys } from "../../apdu/index.ts";
import { SE05X_MAC } from "../../apdu/se05x/index.ts";
import { concat } from "../../codec/index.ts";
import type { DigestName, RunningDigest, Se05xArithmetic } from "./arithmetic.ts";
import type { Content } from "./contents.ts";
import { refuse } from "./refuse.ts";
import type { Secret } from "./secrets.ts";

const HMACS: Readonly<Record<number, DigestName>> = {
  [SE05X_MAC.hmacSha1]: "sha1",
  [SE05X_MAC.hmacSha256]: "sha256",
  [SE05X_MAC.hmacSha384]: "sha384",
  [SE05X_MAC.hmacSha512]: "sha512",
};

/** The hash of an HMAC by its identifier on the wire, where it is one. */
export function hashOfMac(algorithm: number): DigestName | undefined {
  return HMACS[algorithm];
}

/** Whether an identifier names a code that chips of the family make. */
export function isMac(algorithm: number): boolean {
  return algorithm in HMACS || algorithm === SE05X_MAC.cmac || algorithm === SE05X_MAC.desCmac;
}

/** Begins a code with the key of an object. Refused with 6A80 where the two do not fit. SE05x command table, tier b */
export function startCode(arithmetic: Se05xArithmetic, content: Content, algorithm: number): RunningDigest {
  const name = HMACS[algorithm];
  if (name && content.kind === "hmac") return content.secret.use((key) => arithmetic.startMac(name, key));
  if (algorithm === SE05X_MAC.cmac && content.kind === "aes") return new RunningCmac(arithmetic, content.secret, "aes");
  if (algorithm === SE05X_MAC.desCmac && content.kind === "des") {
    return new RunningCmac(arithmetic, content.secret, "des");
  }
  throw refuse(0x6a80, `no code ${algorithm} with this key`);
}

/** CMAC bit by bit, over AES or DES. SP 800-38B, section 6.2 */
class RunningCmac implements RunningDigest {
  readonly #chain: { update(input: Uint8Array): Uint8Array };
  readonly #subkeys: readonly [Uint8Array, Uint8Array];
  readonly #block: number;
  /** The last block, which is masked before it goes in. */
  #held: Uint8Array = new Uint8Array(0);

  constructor(arithmetic: Se05xArithmetic, secret: Secret, family: "aes" | "des") {
    this.#block = family === "aes" ? 16 : 8;
    const zeros = new Uint8Array(this.#block);
    const start = (mode: "cbc" | "ecb", iv: Uint8Array) =>
      secret.use((key) => arithmetic.startCipher({ family, mode, encrypts: true, key, iv }));
    this.#subkeys = cmacSubkeys(start("ecb", new Uint8Array(0)).update(zeros));
    this.#chain = start("cbc", zeros);
  }

  update(input: Uint8Array): void {
    const all = concat(this.#held, input);
    const ready = Math.floor(Math.max(0, all.length - 1) / this.#block) * this.#block;
    this.#chain.update(all.subarray(0, ready));
    this.#held = all.slice(ready);
  }

  digest(): Uint8Array {
    const last = new Uint8Array(this.#block);
    last.set(this.#held);
    const whole = this.#held.length === this.#block;
    if (!whole) last[this.#held.length] = 0x80;
    const mask = this.#subkeys[whole ? 0 : 1];
    return this.#chain.update(last.map((byte, i) => byte ^ (mask[i] ?? 0)));
  }
}
