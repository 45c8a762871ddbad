import type { BlockCipher } from "../../apdu/index.ts";
import type { Se05xCommandName, Se05xRequest, Se05xResponse } from "../../apdu/se05x/index.ts";
import type { Clock, Entropy, Hash } from "../../crypto/index.ts";
import { cryptoHandlers } from "./crypto-handlers.ts";
import type { CurveTable } from "./image.ts";
import { moduleHandlers } from "./module-handlers.ts";
import { readHandlers } from "./read-handlers.ts";
import { sessionHandlers, type Sessions } from "./session-handlers.ts";
import type { ObjectStore } from "./store.ts";
import { tlsHandlers } from "./tls-handlers.ts";
import type { Se05xModel } from "./variants.ts";
import { writeHandlers } from "./write-handlers.ts";

/** Commands that the chip itself takes apart: selection, and what carries another command. */
export type CarrierCommand = "select" | "selectCardManager" | "processSession";

/** What a chip does for each command of the table. Handlers change the store and throw refusals; they answer fields. */
export type Se05xHandlers = {
  readonly [Key in Exclude<Se05xCommandName, CarrierCommand>]: (request: Se05xRequest<Key>) => Se05xResponse<Key>;
};

/** What handlers work on. */
export type Se05xInside = {
  readonly model: Se05xModel;
  readonly store: ObjectStore;
  readonly sessions: Sessions;
  readonly curves: CurveTable;
  readonly hash: Hash;
  readonly aes: BlockCipher;
  readonly entropy: Entropy;
  readonly clock: Clock;
  /** The clock's time when the chip was powered, in milliseconds. */
  poweredAt: number;
  /** Whom the session of the command under way is authenticated with; 0 for nobody. */
  user: number;
  /** The client random of the TLS handshake under way. */
  tlsRandom: Uint8Array | undefined;
  /** Stores what the command has changed so far, also where it is then refused. */
  keep(): void;
};

/** The handlers of all commands. */
export function se05xHandlers(inside: Se05xInside): Se05xHandlers {
  return {
    ...sessionHandlers(inside),
    ...writeHandlers(inside),
    ...readHandlers(inside),
    ...cryptoHandlers(inside),
    ...tlsHandlers(inside),
    ...moduleHandlers(inside),
  };
}
