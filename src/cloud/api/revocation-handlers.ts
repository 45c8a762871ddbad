import type { Revocations } from "../revocation/index.ts";
import { updateCertificate, type Registry } from "../registry/index.ts";
import type { HandlersOf, REVOCATION_OPERATIONS } from "../operations/index.ts";

/** The operations that withdraw certificates. */
export function revocationHandlers(
  registry: Registry,
  revocations: Revocations,
): HandlersOf<keyof typeof REVOCATION_OPERATIONS> {
  return {
    PutCertificateRevocationList: ({ caCertificateId, crl }) => revocations.putList(caCertificateId, crl),
    ListCertificateRevocationLists: async () => ({ lists: revocations.lists() }),
    DeleteCertificateRevocationList: ({ caCertificateId }) => revocations.deleteList(caCertificateId),
    RevokeCertificate: ({ certificateId, reason }) => updateCertificate(registry, certificateId, "REVOKED", reason),
    DenyCertificate: ({ certificateId, reason }) => revocations.deny(certificateId, reason),
    ListDeniedCertificates: async () => ({ denied: revocations.denied() }),
    AllowCertificate: ({ certificateId }) => revocations.allow(certificateId),
  };
}
