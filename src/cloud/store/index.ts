export type { Queries, Store } from "./port.ts";
export type * from "./tables.ts";
