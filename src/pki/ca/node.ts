export { DirectoryCaStore } from "./node-directory-store.ts";
export { generateIssuingKey, keyToPem, signerFromPem, type IssuingCurve } from "./node-keys.ts";
