import { ProtocolError } from "../../../codec/index.ts";
import type { HostErrorCode } from "../../errors.ts";
import type { Se05xSender } from "./sender.ts";

/** A signature over files in the chip, and their hash. */
export type FileSignature = { readonly signature: Uint8Array; readonly hash: Uint8Array };

/** Signatures over what the chip itself holds: the host names a key, and its policy names the list of the files. */
export class Se05xFileSignatures {
  readonly #sender: Se05xSender;

  constructor(sender: Se05xSender) {
    this.#sender = sender;
  }

  /**
   * A signature over the listed files, one behind the other; `algorithm` is a `SE05X_SIGNATURE`, or one of RSA's. Of
   * SE051 alone. Throws `Refused`. SE05x command table, section 4.5
   */
  async sign(objectId: number, algorithm: number): Promise<FileSignature> {
    const { signature, signedHash } = await this.#sender.send("sign", { objectId, algorithm });
    if (signedHash) return { signature, hash: signedHash };
    throw new ProtocolError<HostErrorCode>("malformed-answer", "a signature without its hash", undefined);
  }
}
