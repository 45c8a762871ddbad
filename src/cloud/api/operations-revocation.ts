import { body, OK, operation, payload, required, uri } from "./operation.ts";
import { blob, string } from "./shape.ts";

/** A certificate on the deny-list, as the control plane describes it. */
export type DeniedDescription = { readonly certificateId: string; readonly reason: string; readonly since: number };

/** A CRL in force, as the control plane describes it; times in milliseconds since 1970. */
export type ListDescription = {
  readonly caCertificateId: string;
  readonly number?: string | undefined;
  readonly thisUpdate: number;
  readonly nextUpdate?: number | undefined;
  readonly revoked: number;
};

const CERTIFICATE_ID = uri(string({ min: 64, max: 66, pattern: /(0x)?[a-fA-F0-9]+/ }));

/** Our own operations that withdraw certificates: CRLs of registered CAs, and a deny-list. */
export const REVOCATION_OPERATIONS = {
  /** The body is the list, DER or PEM; it must be signed by the CA, current, and not older than the one in force. */
  PutCertificateRevocationList: operation<ListDescription>()({
    service: "hawser",
    method: "PUT",
    path: "/hawser/v1/ca-certificates/{caCertificateId}/crl",
    input: { caCertificateId: CERTIFICATE_ID, crl: required(payload(blob)) },
    output: OK,
    errors: ["ResourceNotFoundException", "CertificateValidationException"],
  }),
  ListCertificateRevocationLists: operation<{ readonly lists: readonly ListDescription[] }>()({
    service: "hawser",
    method: "GET",
    path: "/hawser/v1/crls",
    input: {},
    output: OK,
    errors: [],
  }),
  DeleteCertificateRevocationList: operation<void>()({
    service: "hawser",
    method: "DELETE",
    path: "/hawser/v1/ca-certificates/{caCertificateId}/crl",
    input: { caCertificateId: CERTIFICATE_ID },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  DenyCertificate: operation<DeniedDescription>()({
    service: "hawser",
    method: "PUT",
    path: "/hawser/v1/denied-certificates/{certificateId}",
    input: { certificateId: CERTIFICATE_ID, reason: required(body(string({ min: 1, max: 256 }))) },
    output: OK,
    errors: [],
  }),
  ListDeniedCertificates: operation<{ readonly denied: readonly DeniedDescription[] }>()({
    service: "hawser",
    method: "GET",
    path: "/hawser/v1/denied-certificates",
    input: {},
    output: OK,
    errors: [],
  }),
  AllowCertificate: operation<void>()({
    service: "hawser",
    method: "DELETE",
    path: "/hawser/v1/denied-certificates/{certificateId}",
    input: { certificateId: CERTIFICATE_ID },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
} as const;
