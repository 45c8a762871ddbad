export { isoSecond, TemporaryKeySeal, type TemporaryCredentials, type TemporaryKey } from "./seal.ts";
export { openSeal, TemporaryKeys, type CertificateGate } from "./temporary-keys.ts";
