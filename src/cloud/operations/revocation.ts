import { REVOCATION_REASONS, type RevocationReason } from "../../pki/index.ts";
import { answering, body, OK, operation, payload, required, uri, type ResultOf } from "./operation.ts";
import { about, blob, integer, list, number, oneOf, record, string } from "./shape.ts";

const TIME = about("Milliseconds since 1970.", number());

const DENIED = record(
  {
    certificateId: string(),
    reason: about("What whoever is refused for it is told.", string()),
    since: TIME,
  },
  ["certificateId", "reason", "since"],
);

const LIST = record(
  {
    caCertificateId: string(),
    number: about("The list's own number, in hex.", string()),
    thisUpdate: TIME,
    nextUpdate: TIME,
    revoked: about("How many certificates are on it.", integer({ min: 0 })),
  },
  ["caCertificateId", "thisUpdate", "revoked"],
);

const CERTIFICATE_ID = uri(string({ min: 64, max: 66, pattern: /(0x)?[a-fA-F0-9]+/ }));

const REASONS = Object.keys(REVOCATION_REASONS) as RevocationReason[];

/** Our own operations that withdraw certificates: CRLs of registered CAs, and a deny-list. */
export const REVOCATION_OPERATIONS = {
  PutCertificateRevocationList: answering(LIST)({
    service: "hawser",
    summary:
      "Puts a registered CA's CRL in force, DER or PEM: it must be signed by the CA, current, and not older than the one in force.",
    method: "PUT",
    path: "/hawser/v1/ca-certificates/{caCertificateId}/crl",
    input: { caCertificateId: CERTIFICATE_ID, crl: required(payload(blob)) },
    errors: ["ResourceNotFoundException", "CertificateValidationException"],
  }),
  ListCertificateRevocationLists: answering(record({ lists: list(LIST) }, ["lists"]))({
    service: "hawser",
    summary: "The CRLs in force.",
    method: "GET",
    path: "/hawser/v1/crls",
    input: {},
    errors: [],
  }),
  DeleteCertificateRevocationList: operation<void>()({
    service: "hawser",
    summary: "Takes a CA's CRL out of force.",
    method: "DELETE",
    path: "/hawser/v1/ca-certificates/{caCertificateId}/crl",
    input: { caCertificateId: CERTIFICATE_ID },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  RevokeCertificate: operation<void>()({
    service: "hawser",
    summary:
      "Makes a certificate REVOKED, as UpdateCertificate does, with a reason for those who ask the cloud's own CA about it.",
    method: "PUT",
    path: "/hawser/v1/certificates/{certificateId}/revocation",
    input: { certificateId: CERTIFICATE_ID, reason: required(body(oneOf(...REASONS))) },
    output: OK,
    errors: ["ResourceNotFoundException", "CertificateStateException"],
  }),
  DenyCertificate: answering(DENIED)({
    service: "hawser",
    summary: "Refuses a certificate from now on, registered or not; open connections end at once.",
    method: "PUT",
    path: "/hawser/v1/denied-certificates/{certificateId}",
    input: { certificateId: CERTIFICATE_ID, reason: required(body(string({ min: 1, max: 256 }))) },
    errors: [],
  }),
  ListDeniedCertificates: answering(record({ denied: list(DENIED) }, ["denied"]))({
    service: "hawser",
    summary: "The deny-list.",
    method: "GET",
    path: "/hawser/v1/denied-certificates",
    input: {},
    errors: [],
  }),
  AllowCertificate: operation<void>()({
    service: "hawser",
    summary: "Takes a certificate off the deny-list.",
    method: "DELETE",
    path: "/hawser/v1/denied-certificates/{certificateId}",
    input: { certificateId: CERTIFICATE_ID },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
} as const;

/** A certificate on the deny-list, as the control plane describes it. */
export type DeniedDescription = ResultOf<(typeof REVOCATION_OPERATIONS)["DenyCertificate"]>;

/** A CRL in force, as the control plane describes it; times in milliseconds since 1970. */
export type ListDescription = ResultOf<(typeof REVOCATION_OPERATIONS)["PutCertificateRevocationList"]>;
