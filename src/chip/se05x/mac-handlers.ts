import { type Right, SE05X_RESULT } from "../../apdu/se05x/index.ts";
import { sameBytes } from "../../codec/index.ts";
import { startCode } from "./codes.ts";
import type { Se05xHandlers, Se05xInside } from "./handler.ts";

/** Hosts leave out what is empty. SE05x command table, section 4.5 */
const NOTHING = new Uint8Array(0);

/** Message authentication codes. SE05x command table, tier b */
export function macHandlers(inside: Se05xInside): Pick<Se05xHandlers, "mac" | "verifyMac"> {
  const computed = (objectId: number, right: Right, algorithm: number, input: Uint8Array): Uint8Array => {
    const code = startCode(inside.arithmetic, inside.demand(objectId, right).content, algorithm);
    code.update(input);
    return code.digest();
  };
  return {
    mac: ({ objectId, algorithm, input = NOTHING }) => ({ mac: computed(objectId, "sign", algorithm, input) }),
    verifyMac({ objectId, algorithm, input = NOTHING, mac = NOTHING }) {
      const right = sameBytes(computed(objectId, "verify", algorithm, input), mac);
      return { result: right ? SE05X_RESULT.yes : SE05X_RESULT.no };
    },
  };
}
