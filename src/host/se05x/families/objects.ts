import {
  type ObjectAttributes,
  objectAttributes,
  SE05X_OBJECT,
  SE05X_RESULT,
  SE05X_SIGNATURE,
} from "../../../apdu/se05x/index.ts";
import { decode, ProtocolError, Reader, Refused } from "../../../codec/index.ts";
import type { HostErrorCode } from "../../errors.ts";
import type { Se05xSender } from "./sender.ts";

const ANY_TYPE = 0xff;
const PERSISTENT = 0x01;
const NO_COMMAND = 0x6d00;

/** Objects of any kind. SE05x command table, tiers a and b */
export class Se05xObjects {
  readonly #sender: Se05xSender;

  constructor(sender: Se05xSender) {
    this.#sender = sender;
  }

  /** The identifiers of all objects, or of those of one type. Throws `ProtocolError` `malformed-answer`. */
  async list(type: number = ANY_TYPE): Promise<number[]> {
    const found: number[] = [];
    for (;;) {
      const { more, ids } = await this.#sender.send("readIdList", { offset: found.length, filter: type });
      const reader = new Reader(ids);
      while (reader.remaining > 0) found.push(reader.u32());
      if (more !== SE05X_RESULT.no) return found;
      if (ids.length === 0) {
        const message = "a list that goes on without anything in it";
        throw new ProtocolError<HostErrorCode>("malformed-answer", message, undefined);
      }
    }
  }

  async exists(objectId: number): Promise<boolean> {
    return (await this.#sender.send("exists", { objectId })).result === SE05X_RESULT.yes;
  }

  /** The type as the chip tells it, which from applet 7 on names the curves of EC keys. */
  async type(objectId: number): Promise<{ readonly type: number; readonly isTransient: boolean }> {
    const { type, memory } = await this.#sender.send("readType", { objectId });
    return { type, isTransient: memory !== PERSISTENT };
  }

  /** In bytes, or undefined where the chip does not tell. */
  async size(objectId: number): Promise<number | undefined> {
    try {
      return (await this.#sender.send("readSize", { objectId })).size;
    } catch (error) {
      if (error instanceof Refused) return undefined;
      throw error;
    }
  }

  /**
   * Type, origin, policy and attempts, whatever the policy is. Applets before 7 tell them in attested answers only; what
   * those sign is not checked here.
   */
  async attributes(objectId: number): Promise<ObjectAttributes> {
    try {
      return decode(objectAttributes, (await this.#sender.send("readAttributes", { objectId })).attributes);
    } catch (error) {
      if (!(error instanceof Refused) || error.wire !== NO_COMMAND) throw error;
    }
    const { attributes } = await this.#sender.send("readAttributesAttested", {
      objectId,
      attestationId: SE05X_OBJECT.attestationKey,
      algorithm: SE05X_SIGNATURE.sha256,
      freshness: new Uint8Array(16),
    });
    return decode(objectAttributes, attributes);
  }

  /** Deletes it; it does not come back. Throws `Refused` where its policy does not let it go. */
  async delete(objectId: number): Promise<void> {
    await this.#sender.send("deleteObject", { objectId });
  }
}
