export type { IndexingConfiguration } from "./configuration.ts";
export type { Connectivity, IndexedThing } from "./documents.ts";
export { parseQuery } from "./query.ts";
export { FleetIndex, INDICES, refuseUnindexed } from "./service.ts";
export { shadowText } from "./shadow-fields.ts";
