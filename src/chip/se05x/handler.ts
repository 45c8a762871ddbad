import type { BlockCipher, CommandApdu } from "../../apdu/index.ts";
import type { Right, Se05xCommandName, Se05xRequest, Se05xResponse } from "../../apdu/se05x/index.ts";
import type { Clock, Entropy, Hash } from "../../crypto/index.ts";
import type { Caller } from "./access.ts";
import type { Se05xArithmetic } from "./arithmetic.ts";
import type { KeyPorts } from "./contents.ts";
import type { Running } from "./running.ts";
import type { SecureObject } from "./objects.ts";
import type { Platform, Sessions } from "./sessions.ts";
import type { ObjectStore } from "./store.ts";
import type { Restriction } from "./settings.ts";
import type { Timekeeping } from "./timestamp.ts";
import type { Se05xModel } from "./variants.ts";

/** Commands that the chip itself takes apart: selection, and what carries another command. */
export type CarrierCommand = "select" | "selectCardManager" | "selectPlatform" | "processSession" | "importExternal";

/** What a chip does for each command of the table. Handlers change the store and throw refusals; they answer fields. */
export type Se05xHandlers = {
  readonly [Key in Exclude<Se05xCommandName, CarrierCommand>]: (request: Se05xRequest<Key>) => Se05xResponse<Key>;
};

/** What handlers work on. */
export type Se05xInside = KeyPorts & {
  readonly model: Se05xModel;
  readonly store: ObjectStore;
  readonly sessions: Sessions;
  readonly platform: Platform;
  /** Until the next reset or selection: whether a lock is lifted, and what is forbidden. */
  readonly passing: { isUnlocked: boolean; restriction: Restriction };
  readonly hash: Hash;
  readonly aes: BlockCipher;
  readonly arithmetic: Se05xArithmetic;
  /** Streamed operations under way, by their crypto objects. */
  readonly running: Map<number, Running>;
  readonly entropy: Entropy;
  readonly clock: Clock;
  time: Timekeeping;
  /** The command under way, without what carried it. */
  command: CommandApdu;
  /** Whom the command under way comes from. */
  caller: Caller;
  /** The client random of the TLS handshake under way. */
  tlsRandom: Uint8Array | undefined;
  /** The object, where the caller has the right. Refused with 6985 where there is none, 6986 without the right. */
  demand(id: number, right: Right): SecureObject;
  /** Refuses with 6985 where a feature is turned off. */
  demandFeature(bit: number): void;
  /** Refuse with 6986 while hosts may make no objects, or change none. */
  demandMaking(): void;
  demandChanging(): void;
  /** Answers one more command, as if it had come alone: what the application passes on. */
  passOn(command: Uint8Array): Uint8Array;
  /** Stores what the command has changed so far, also where it is then refused. */
  keep(): void;
};
