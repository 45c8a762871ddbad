export type { ChannelPorts, PlatformAccess, SessionProof } from "./access.ts";
export { attestationContent } from "./attestation.ts";
export { Se05x, type Se05xAccess, type Se05xOptions } from "./device.ts";
export { readCertificates } from "./files.ts";
export { certificateObject, keyObject, secretObject } from "./object-ids.ts";
export { encodeSe05xReferenceKey, se05xReferenceInPem } from "./reference-key.ts";
export { Se05xSession } from "./session.ts";
export { Se05xTls, type Se05xDerivation, type Se05xTlsOptions } from "./tls-secrets.ts";
export { Se05xCertificateVerifier } from "./certificate-verifier.ts";
