import { aeadHandlers } from "./aead-handlers.ts";
import { attestationHandlers } from "./attestation-handlers.ts";
import { binaryHandlers } from "./binary-handlers.ts";
import { channelHandlers } from "./channel-handlers.ts";
import { counterHandlers } from "./counter-handlers.ts";
import { cryptoObjectHandlers } from "./crypto-object-handlers.ts";
import { digestHandlers } from "./digest-handlers.ts";
import { curveHandlers } from "./curve-handlers.ts";
import type { Se05xHandlers, Se05xInside } from "./handler.ts";
import { ecHandlers } from "./ec-handlers.ts";
import { kdfHandlers } from "./kdf-handlers.ts";
import { macHandlers } from "./mac-handlers.ts";
import { managementHandlers } from "./management-handlers.ts";
import { objectHandlers } from "./object-handlers.ts";
import { platformHandlers } from "./platform-handlers.ts";
import { registerHandlers } from "./register-handlers.ts";
import { rsaHandlers } from "./rsa-handlers.ts";
import { sessionHandlers } from "./session-handlers.ts";
import { symmetricHandlers } from "./symmetric-handlers.ts";
import { tlsHandlers } from "./tls-handlers.ts";
import { transferHandlers } from "./transfer-handlers.ts";
import { userIdHandlers } from "./user-id-handlers.ts";

/** The handlers of all commands. */
export function se05xHandlers(inside: Se05xInside): Se05xHandlers {
  return {
    ...sessionHandlers(inside),
    ...channelHandlers(inside),
    ...platformHandlers(inside),
    ...managementHandlers(inside),
    ...objectHandlers(inside),
    ...attestationHandlers(inside),
    ...ecHandlers(inside),
    ...curveHandlers(inside),
    ...rsaHandlers(inside),
    ...symmetricHandlers(inside),
    ...macHandlers(inside),
    ...digestHandlers(inside),
    ...cryptoObjectHandlers(inside),
    ...aeadHandlers(inside),
    ...kdfHandlers(inside),
    ...binaryHandlers(inside),
    ...counterHandlers(inside),
    ...registerHandlers(inside),
    ...userIdHandlers(inside),
    ...tlsHandlers(inside),
    ...transferHandlers(inside),
  };
}
