import type { Pointers } from "../../pki/index.ts";
import { ocspFailure, ocspRequestInPath } from "../../pki/ocsp/index.ts";
import { type ApiResponse, type PageHandlers, bytesPage, jsonPage } from "../operations/index.ts";
import type { IssuedStatus } from "./issued-status.ts";
import type { Revocations } from "./revocations.ts";

/** Where the pages are, as certificates point to them, under the control plane's address. */
export function pointersUnder(base: string, caCertificateId: string): Pointers {
  return {
    crl: `${base}/hawser/v1/crl/${caCertificateId}.crl`,
    ocsp: `${base}/hawser/v1/ocsp`,
    issuer: `${base}/hawser/v1/issuer.crt`,
  };
}

/** The pages that tell relying parties what was revoked; asked without a signature, for what they say is signed. */
export function revocationPages(
  issued: IssuedStatus,
  revocations: Pick<Revocations, "listDer">,
): Pick<PageHandlers, "Ocsp" | "OcspByPath" | "RevocationList" | "IssuerCertificate"> {
  return {
    Ocsp: async ({ body }) => ocspPage(await issued.ocsp(body), "no-store"),
    async OcspByPath({ label }) {
      const request = ocspRequestInPath(label);
      if (!request) return ocspPage(ocspFailure("malformedRequest"), "no-store");
      // Caches may keep an answer for a moment. RFC 5019, section 6.2
      return ocspPage(await issued.ocsp(request), "max-age=60, public, no-transform, must-revalidate");
    },
    async RevocationList({ label }) {
      const id = /^([0-9a-f]{64})\.crl$/.exec(label)?.[1] ?? "";
      const der = id === issued.certificate.id ? await issued.crl() : revocations.listDer(id);
      if (der) return bytesPage("application/pkix-crl", der, "max-age=60");
      const cure = "ask for CERTIFICATE_ID.crl of the cloud's own CA, or of a registered CA whose list was uploaded";
      return jsonPage(404, { error: `no revocation list is called ${label.slice(0, 80)}`, cure });
    },
    IssuerCertificate: async () => bytesPage("application/pkix-cert", issued.certificate.der, "max-age=3600"),
  };
}

function ocspPage(body: Uint8Array, caching: string): ApiResponse {
  return bytesPage("application/ocsp-response", body, caching);
}
