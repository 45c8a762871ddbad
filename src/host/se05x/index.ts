export type { ChannelPorts, PlatformAccess, SessionProof } from "./access.ts";
export {
  askAttested,
  attestationContent,
  questionContent,
  type AttestedQuestion,
  type AttestedRequest,
} from "./attestation.ts";
export { se05xPolicy, type PolicyRule } from "./families/policies.ts";
export type { AeadRequest, Sealed, Se05xAeadMode } from "./families/aead.ts";
export type { ChipVersion, Se05xMemory } from "./families/chip-settings.ts";
export type { CipherRequest, Encrypted, Se05xCipherMode, StartedCipher } from "./families/ciphers.ts";
export type { Se05xCryptoContext, Se05xCryptoObject, Se05xRunning } from "./families/crypto-objects.ts";
export type { HkdfRequest, Pbkdf2Request, Salt, TlsPrfRequest } from "./families/derivations.ts";
export type { AgreementRequest, MultiplicationKeys, SecretOrder, Se05xMultiplication } from "./families/agreements.ts";
export type { FileSignature } from "./families/file-signatures.ts";
export type { Se05xHash } from "./families/digests.ts";
export type { MacCheck, Se05xMac } from "./families/macs.ts";
export type { RsaNumbers, Se05xRsaPadding } from "./families/rsa-keys.ts";
export type { AuthenticationOptions, SecretOptions, Se05xSecretKind } from "./families/secrets.ts";
export type { Se05xSender } from "./families/sender.ts";
export { Se05x, type Se05xAccess, type Se05xOptions } from "./device.ts";
export { readCertificates } from "./files.ts";
export { certificateObject, keyObject, secretObject } from "./object-ids.ts";
export { encodeSe05xReferenceKey, se05xReferenceInPem } from "./reference-key.ts";
export { encodeSe05xRsaReferenceKey } from "./rsa-reference-key.ts";
export { Se05xSession } from "./session.ts";
export { Se05xTls, type Se05xDerivation, type Se05xTlsOptions } from "./tls-secrets.ts";
export { edwardsHalves } from "./signers.ts";
export { Se05xCertificateVerifier } from "./certificate-verifier.ts";
