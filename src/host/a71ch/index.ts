export { A71ch, type A71chOptions } from "./device.ts";
export {
  encodeReferenceKey,
  keyReference,
  REFERENCE_KEY_CLASS,
  referenceInPem,
  type KeyReference,
  type ReferenceKeyClass,
} from "./reference-key.ts";
export { type RestrictedKeyPair } from "./restricted-key-pair.ts";
export { openSecureChannel, putChannelKeys, type SecureChannel } from "./secure-channel.ts";
export { A71chSession } from "./session.ts";
export { readStorage, writeStorage } from "./storage.ts";
export {
  createObject,
  eraseObject,
  listObjects,
  readObject,
  storageMap,
  updateObject,
  type ObjectAccess,
  type ObjectName,
  type StorageMap,
  type StoredObject,
} from "./stored-objects.ts";
export { A71chTlsSecrets, type A71chTlsOptions } from "./tls-secrets.ts";
export { A71chCertificateVerifier } from "./certificate-verifier.ts";
