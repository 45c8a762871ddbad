import { SE05X_DIGEST, SE05X_MAC } from "../../../apdu/se05x/index.ts";
import { concat, ProtocolError } from "../../../codec/index.ts";
import type { HostErrorCode } from "../../errors.ts";
import type { Se05xHash } from "./digests.ts";
import type { Se05xMac } from "./macs.ts";
import type { Se05xSender } from "./sender.ts";

/** The salt of a derivation: bytes, or an HMAC key of the chip's. */
export type Salt = Uint8Array | { readonly objectId: number };

export type HkdfRequest = {
  /** An HMAC key of the chip. */
  readonly objectId: number;
  readonly hash: Se05xHash;
  readonly salt?: Salt;
  readonly info?: Uint8Array;
  /** In bytes. */
  readonly length: number;
};

export type Pbkdf2Request = {
  /** An HMAC key of the chip: the password. */
  readonly objectId: number;
  /** HMAC with SHA-1 where absent, which is all that applets before 7 have. */
  readonly mac?: Exclude<Se05xMac, "cmac" | "desCmac">;
  readonly salt: Salt;
  readonly iterations: number;
  /** In bytes. */
  readonly length: number;
};

export type TlsPrfRequest = {
  /** An HMAC key of the chip: the secret. */
  readonly objectId: number;
  readonly hash: Se05xHash;
  readonly label: Uint8Array;
  /** Of 32 bytes each: for a master secret the client's first, for a key expansion the server's. */
  readonly randoms: readonly [Uint8Array, Uint8Array];
  /** In bytes. */
  readonly length: number;
};

/** Keys derived from keys of the chip, for the host or, with a target, for the chip alone. SE05x command table, tier b */
export class Se05xDerivations {
  readonly #sender: Se05xSender;

  constructor(sender: Se05xSender) {
    this.#sender = sender;
  }

  /** HKDF's output. Throws `Refused` where the key's policy keeps it in the chip. RFC 5869, section 2 */
  async hkdf(request: HkdfRequest): Promise<Uint8Array> {
    return (await this.#sender.send("hkdf", hkdfFields(request))).derived;
  }

  /** The same into an HMAC or AES key that is there already; from applet 7 on. */
  async hkdfInto(targetId: number, request: HkdfRequest): Promise<void> {
    await this.#sender.send("hkdfInto", { ...hkdfFields(request), targetId });
  }

  /** The second half alone: the object holds a pseudo-random key; from applet 7 on. RFC 5869, section 2.3 */
  async hkdfExpand(request: Omit<HkdfRequest, "salt">): Promise<Uint8Array> {
    return demand((await this.#sender.send("hkdfExpand", hkdfFields(request))).derived);
  }

  async hkdfExpandInto(targetId: number, request: Omit<HkdfRequest, "salt">): Promise<void> {
    await this.#sender.send("hkdfExpand", { ...hkdfFields(request), targetId });
  }

  /** PBKDF2's output. RFC 8018, section 5.2 */
  async pbkdf2(request: Pbkdf2Request): Promise<Uint8Array> {
    return demand((await this.#sender.send("pbkdf2", pbkdf2Fields(request))).derived);
  }

  /** The same into an HMAC or AES key that is there already. */
  async pbkdf2Into(targetId: number, request: Pbkdf2Request): Promise<void> {
    await this.#sender.send("pbkdf2", { ...pbkdf2Fields(request), targetId });
  }

  /** Output of the PRF of TLS 1.2 over both randoms, in the order of the derivation. RFC 5246, section 5 */
  async tlsPrf({ objectId, hash, label, randoms, length }: TlsPrfRequest): Promise<Uint8Array> {
    const random = concat(...randoms);
    const request = { objectId, algorithm: SE05X_DIGEST[hash], label, random, length };
    return (await this.#sender.send("tlsPrf", { ...request, phase: BOTH_RANDOMS })).output;
  }
}

const BOTH_RANDOMS = 0x5a;

function hkdfFields({ objectId, hash, salt, info, length }: HkdfRequest) {
  const fields = { objectId, algorithm: SE05X_DIGEST[hash], length, ...(info ? { info } : {}) };
  return { ...fields, ...saltFields(salt) };
}

function pbkdf2Fields({ objectId, mac, salt, iterations, length }: Pbkdf2Request) {
  return { objectId, iterations, length, ...(mac ? { algorithm: SE05X_MAC[mac] } : {}), ...saltFields(salt) };
}

function saltFields(salt: Salt | undefined): { readonly salt?: Uint8Array; readonly saltId?: number } {
  if (!salt) return {};
  return "objectId" in salt ? { saltId: salt.objectId } : { salt };
}

function demand(derived: Uint8Array | undefined): Uint8Array {
  if (derived) return derived;
  throw new ProtocolError<HostErrorCode>("malformed-answer", "nothing was derived", undefined);
}
