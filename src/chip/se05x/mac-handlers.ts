import { cmac, sameBytes } from "../../apdu/index.ts";
import { type Right, SE05X_MAC, SE05X_RESULT } from "../../apdu/se05x/index.ts";
import type { HashName } from "../../crypto/index.ts";
import type { Se05xHandlers, Se05xInside } from "./handlers.ts";
import { refuse } from "./refuse.ts";

const HMACS: Readonly<Record<number, HashName>> = {
  [SE05X_MAC.hmacSha256]: "sha256",
  [SE05X_MAC.hmacSha384]: "sha384",
  [SE05X_MAC.hmacSha512]: "sha512",
};

/** Message authentication codes. SE05x command table, tier b */
export function macHandlers(inside: Se05xInside): Pick<Se05xHandlers, "mac" | "verifyMac"> {
  const computed = (objectId: number, right: Right, algorithm: number, input: Uint8Array): Uint8Array => {
    const { content } = inside.demand(objectId, right);
    const name = HMACS[algorithm];
    if (name && content.kind === "hmac") return content.secret.use((key) => inside.hash.hmac(name, key, input));
    if (algorithm === SE05X_MAC.cmac && content.kind === "aes") {
      return content.secret.use((key) => cmac(inside.aes, key, input));
    }
    throw refuse(0x6a80, `no code ${algorithm} with this key`);
  };
  return {
    mac: ({ objectId, algorithm, input }) => ({ mac: computed(objectId, "sign", algorithm, input) }),
    verifyMac({ objectId, algorithm, input, mac }) {
      const right = sameBytes(computed(objectId, "verify", algorithm, input), mac);
      return { result: right ? SE05X_RESULT.yes : SE05X_RESULT.no };
    },
  };
}
