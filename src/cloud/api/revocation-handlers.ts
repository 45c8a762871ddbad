import type { Revocations } from "../revocation/index.ts";
import type { HandlersOf } from "./handlers.ts";
import type { REVOCATION_OPERATIONS } from "./operations-revocation.ts";

/** The operations that withdraw certificates. */
export function revocationHandlers(revocations: Revocations): HandlersOf<keyof typeof REVOCATION_OPERATIONS> {
  return {
    PutCertificateRevocationList: ({ caCertificateId, crl }) => revocations.putList(caCertificateId, crl),
    ListCertificateRevocationLists: async () => ({ lists: revocations.lists() }),
    DeleteCertificateRevocationList: ({ caCertificateId }) => revocations.deleteList(caCertificateId),
    DenyCertificate: ({ certificateId, reason }) => revocations.deny(certificateId, reason),
    ListDeniedCertificates: async () => ({ denied: revocations.denied() }),
    AllowCertificate: ({ certificateId }) => revocations.allow(certificateId),
  };
}
