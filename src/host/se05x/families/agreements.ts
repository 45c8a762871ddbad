import { SE05X_MULTIPLICATION } from "../../../apdu/se05x/index.ts";
import { ProtocolError } from "../../../codec/index.ts";
import type { HostErrorCode } from "../../errors.ts";
import type { Se05xSender } from "./sender.ts";

/** The secret as agreement gives it, or with its bytes turned round, as keys of X25519 and X448 want it. */
export type SecretOrder = keyof typeof DIRECTIONS;

/** What is made of two keys in the chip: both coordinates of their product, or the generator that PACE maps to. */
export type Se05xMultiplication = keyof typeof SE05X_MULTIPLICATION;

const DIRECTIONS = { given: 0x0f, reversed: 0x59 } as const;

/** Secrets that a private key of the chip agrees on. SE05x command table, tier b */
export class Se05xAgreements {
  readonly #sender: Se05xSender;

  constructor(sender: Se05xSender) {
    this.#sender = sender;
  }

  /** The shared X coordinate, for the host. Throws `Refused` where the key's policy keeps it in the chip. */
  async agree(objectId: number, peerPoint: Uint8Array): Promise<Uint8Array> {
    return (await this.#sender.send("agree", { objectId, peerPoint })).sharedSecret;
  }

  /** The same into an HMAC or AES key that is there already; from applet 7 on. */
  async agreeInto(
    targetId: number,
    { objectId, peerPoint, order = "given" }: AgreementRequest & { readonly order?: SecretOrder },
  ): Promise<void> {
    await this.#sender.send("agreeInto", { objectId, peerPoint, targetId, direction: DIRECTIONS[order] });
  }

  /** A point, uncompressed, of a private and a public key on one curve that are both in the chip; from applet 7 on. */
  async multiply(what: Se05xMultiplication, keys: MultiplicationKeys): Promise<Uint8Array> {
    const { point } = await this.#sender.send("multiply", { ...keys, algorithm: SE05X_MULTIPLICATION[what] });
    if (point) return point;
    throw new ProtocolError<HostErrorCode>("malformed-answer", "no point was answered", undefined);
  }

  /** The same into an HMAC key that is there already. */
  async multiplyInto(targetId: number, what: Se05xMultiplication, keys: MultiplicationKeys): Promise<void> {
    await this.#sender.send("multiply", { ...keys, algorithm: SE05X_MULTIPLICATION[what], targetId });
  }
}

export type AgreementRequest = {
  /** The chip's key pair. */
  readonly objectId: number;
  /** The peer's point, uncompressed; of X25519 and X448 its bytes, the highest first. */
  readonly peerPoint: Uint8Array;
};

/** Identifiers of two keys. */
export type MultiplicationKeys = { readonly objectId: number; readonly publicKeyId: number };
