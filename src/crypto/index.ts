export {
  HASH_LENGTH,
  hashOf,
  isEcdsa,
  type AeadName,
  type CurveName,
  type HashedAlgorithm,
  type HashName,
  type NamedGroup,
  type Performer,
  type SignatureAlgorithm,
} from "./algorithms.ts";
export { verifierOverDigests } from "./digest-verifier.ts";
export { derElementLength, ecdsaDerToRaw, ecdsaRawToDer } from "./ecdsa-signature.ts";
export { CRYPTO_ERRORS, type CryptoErrorCode } from "./errors.ts";
export type {
  Aead,
  CertificateVerifier,
  Clock,
  DigestSigner,
  DigestVerifier,
  Entropy,
  EphemeralKey,
  Hash,
  KeyAgreement,
  MasterSecret,
  MasterSecretSource,
  PrfRequest,
  Random,
  RecordInput,
  RecordKeeper,
  RunningHash,
  SignatureCheck,
  SignatureVerifier,
  Signer,
  TlsSecrets,
  TrafficKey,
  VerificationKey,
} from "./ports.ts";
export { hkdfExpand, type HkdfExpansion, hkdfExtract } from "./hkdf.ts";
export { prf12, type PrfInput } from "./prf12.ts";
export { ecPublicKeyInfo, ecPublicPoint, ed25519PublicKey, ed25519PublicKeyInfo } from "./public-key.ts";
export { derElement, derInteger, rsaPublicKeyInfo } from "./rsa-der.ts";
export type {
  DataStorage,
  KeySlot,
  PlainKeyPair,
  SecureElement,
  SecureElementIdentity,
  StoredCertificate,
} from "./secure-element.ts";
export { SeededEntropy } from "./seeded-entropy.ts";
export { VirtualClock } from "./virtual-clock.ts";
