import { type PolicyEntry, SE05X_INS_FLAG } from "../../../apdu/se05x/index.ts";
import type { Se05xSender } from "./sender.ts";

/** What symmetric keys are for. */
export type Se05xSecretKind = keyof typeof KINDS;

/** @table P1 of symmetric keys. SE05x command table, tier b */
const KINDS = { aes: 0x03, des: 0x04, hmac: 0x05 } as const;

export type SecretOptions = {
  readonly policy?: readonly PolicyEntry[];
  /** Gone with the chip's power. */
  readonly isTransient?: boolean;
  /** The AES key of the chip's under which `value` comes wrapped. RFC 3394, section 2.2.1 */
  readonly wrappedBy?: number;
};

export type AuthenticationOptions = Pick<SecretOptions, "policy"> & {
  /** How many wrong proofs block it for good; without limit where absent. */
  readonly maxAttempts?: number;
};

/** Symmetric keys and passwords in the chip, which nobody reads again. SE05x command table, tier b */
export class Se05xSecrets {
  readonly #sender: Se05xSender;

  constructor(sender: Se05xSender) {
    this.#sender = sender;
  }

  /** Puts a key into the chip, or another value into one that is there. */
  async put(kind: Se05xSecretKind, objectId: number, value: Uint8Array, options: SecretOptions = {}): Promise<void> {
    const { policy, isTransient = false, wrappedBy } = options;
    await this.#sender.send("writeSymmKey", {
      kind: KINDS[kind],
      objectId,
      value,
      ...(policy ? { policy } : {}),
      ...(wrappedBy === undefined ? {} : { kekId: wrappedBy }),
      ...(isTransient ? { insFlags: SE05X_INS_FLAG.transient } : {}),
    });
  }

  /** An AES key of 16 bytes that opens sessions, and does nothing else. */
  async putSessionKey(objectId: number, value: Uint8Array, options: AuthenticationOptions = {}): Promise<void> {
    const flags = { insFlags: SE05X_INS_FLAG.authentication };
    await this.#sender.send("writeSymmKey", { kind: KINDS.aes, objectId, value, ...options, ...flags });
  }

  /** A password of 4 to 16 bytes that opens sessions. */
  async putUserId(objectId: number, value: Uint8Array, options: AuthenticationOptions = {}): Promise<void> {
    const flags = { insFlags: SE05X_INS_FLAG.authentication };
    await this.#sender.send("writeUserId", { objectId, value, ...options, ...flags });
  }
}
