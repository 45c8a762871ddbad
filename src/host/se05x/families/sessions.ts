import { SE05X_CURVE, SE05X_INS_FLAG, SE05X_PART, type SessionPolicy } from "../../../apdu/se05x/index.ts";
import type { AuthenticationOptions } from "./secrets.ts";
import type { Se05xSender } from "./sender.ts";

/** What opens sessions by key agreement, and what bounds sessions. SE05x command table, tier e */
export class Se05xSessions {
  readonly #sender: Se05xSender;

  constructor(sender: Se05xSender) {
    this.#sender = sender;
  }

  /** A public key on P-256, as uncompressed point, whose holder may open sessions. */
  async putPublicKey(objectId: number, point: Uint8Array, options: AuthenticationOptions = {}): Promise<void> {
    const key = { part: SE05X_PART.public, objectId, curve: SE05X_CURVE.p256, publicKey: point };
    await this.#sender.send("writeEcKey", { ...key, ...options, insFlags: SE05X_INS_FLAG.authentication });
  }

  /** Bounds the session that this is said in, once and before anything else. */
  async bound(policy: SessionPolicy): Promise<void> {
    await this.#sender.send("exchangeSessionData", { policy });
  }

  /** Begins the session's bounds anew. Throws `Refused` where they do not allow it. */
  async refresh(policy?: SessionPolicy): Promise<void> {
    await this.#sender.send("refreshSession", policy ? { policy } : {});
  }
}
