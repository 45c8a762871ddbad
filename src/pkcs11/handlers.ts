import type { Handlers } from "./application-state.ts";
import { deriveHandlers } from "./derive-calls.ts";
import { digestHandlers } from "./digest-calls.ts";
import { generalHandlers } from "./general-calls.ts";
import { keyHandlers } from "./key-calls.ts";
import { objectHandlers } from "./object-calls.ts";
import { sessionHandlers } from "./session-calls.ts";

/** Every call that is carried out. */
export const HANDLERS: Handlers = {
  ...generalHandlers,
  ...sessionHandlers,
  ...objectHandlers,
  ...digestHandlers,
  ...keyHandlers,
  ...deriveHandlers,
};
