export type { Queries, Store } from "./port.ts";
export { openSessionStore } from "./session-store.ts";
export type * from "./tables.ts";
