export { Se05x, type Se05xOptions } from "./device.ts";
export { certificateObject, keyObject } from "./object-ids.ts";
export { Se05xSession } from "./session.ts";
