export type * from "./services.ts";
export type { Json } from "./shape.ts";
