import { concat, ProtocolError } from "../codec/index.ts";
import type { Random } from "../crypto/index.ts";
import type { HostErrorCode } from "./errors.ts";

/** Random bytes of a chip that gives at most `most` for one command. Throws `ProtocolError` `malformed-answer` where it gives fewer. */
export function chipRandom(most: number, ask: (length: number) => Promise<Uint8Array>): Random {
  return {
    performer: "chip",
    async random(length) {
      const parts: Uint8Array[] = [];
      for (let left = length; left > 0; left -= most) {
        const asked = Math.min(left, most);
        const bytes = await ask(asked);
        if (bytes.length !== asked) {
          const message = `${bytes.length} random bytes where ${asked} were asked for`;
          throw new ProtocolError<HostErrorCode>("malformed-answer", message, undefined);
        }
        parts.push(bytes);
      }
      return concat(...parts);
    },
  };
}
