export type { StoredCertificate } from "./certificates.ts";
export { A71ch, type A71chOptions } from "./device.ts";
export type { A71chSession } from "./session.ts";
