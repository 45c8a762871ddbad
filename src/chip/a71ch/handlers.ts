import type { A71chHandlers, A71chInside } from "./handler.ts";
import { channelHandlers } from "./channel-handlers.ts";
import { digestHandlers } from "./digest-handlers.ts";
import { keyPairHandlers } from "./key-pair-handlers.ts";
import { lockHandlers } from "./lock-handlers.ts";
import { moduleHandlers } from "./module-handlers.ts";
import { publicKeyHandlers } from "./public-key-handlers.ts";
import { secretHandlers } from "./secret-handlers.ts";
import { storageHandlers } from "./storage-handlers.ts";
import { tlsHandlers } from "./tls-handlers.ts";

/** The handlers of all commands. */
export function a71chHandlers(inside: A71chInside): A71chHandlers {
  return {
    ...keyPairHandlers(inside),
    ...publicKeyHandlers(inside),
    ...secretHandlers(inside),
    ...tlsHandlers(inside),
    ...digestHandlers(inside),
    ...storageHandlers(inside),
    ...lockHandlers(inside),
    ...channelHandlers(inside),
    ...moduleHandlers(inside),
  };
}
