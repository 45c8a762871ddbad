export { functionArn, iotArn, type Account } from "./account.ts";
export type { CertificateChange, PolicyChange } from "./changes.ts";
export type * from "./entries.ts";
