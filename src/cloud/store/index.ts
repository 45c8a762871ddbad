export type { Queries, Store } from "./port.ts";
export { RowsStatement } from "./rows-statement.ts";
export { openSessionStore } from "./session-store.ts";
export { columns, Statement } from "./statement.ts";
export type * from "./tables.ts";
