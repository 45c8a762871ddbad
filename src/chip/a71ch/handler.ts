import type { A71chCapacity, A71chCommandName, A71chRequest, A71chResponse } from "../../apdu/a71ch/index.ts";
import type { Entropy } from "../../crypto/index.ts";
import type { ChipCrypto } from "../ports.ts";
import type { A71chObjects } from "./objects.ts";
import type { SessionState } from "./session-state.ts";

/** What a chip does for each command of the table. Handlers change the objects and throw refusals; they answer fields. */
export type A71chHandlers = {
  readonly [Key in A71chCommandName]: (request: A71chRequest<Key>) => A71chResponse<Key>;
};

/** What handlers work on. `objects` is replaced when a change could not be stored. */
export type A71chInside = {
  objects: A71chObjects;
  session: SessionState;
  readonly capacity: A71chCapacity;
  readonly crypto: ChipCrypto;
  readonly entropy: Entropy;
  /**
   * Says that the objects changed at this place and must be stored before the answer is given. Refused with 6581 where
   * the place is worn out.
   */
  changed(place: string): void;
};
