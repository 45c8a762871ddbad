import type { Scp03Session } from "../../apdu/index.ts";
import type { RunningHash } from "../../crypto/index.ts";

/** What a chip forgets when it is reset or its application is selected. */
export type SessionState = {
  /** Challenges that wait for their code, by kind. */
  readonly challenges: Map<number, Uint8Array>;
  /** The client random that the command before this one made, and the one that this command makes. */
  clientRandom: Uint8Array | undefined;
  nextClientRandom: Uint8Array | undefined;
  runningDigest: RunningHash | undefined;
  /** `of` names the secrets that it was started with. */
  runningHmac: { readonly inner: RunningHash; readonly outer: RunningHash; readonly of: string } | undefined;
  /** A secure channel that waits for the host's proof, and one that is open. */
  proposedChannel: Scp03Session | undefined;
  channel: Scp03Session | undefined;
};

/** The state of a chip that was just reset. */
export function freshSession(): SessionState {
  return {
    challenges: new Map(),
    clientRandom: undefined,
    nextClientRandom: undefined,
    runningDigest: undefined,
    runningHmac: undefined,
    proposedChannel: undefined,
    channel: undefined,
  };
}
