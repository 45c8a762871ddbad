/** @table Certificates on their way to another account. Paths, places, shapes and errors from AWS IoT's service model (botocore 1.43.11). */
import { body, OK, operation, query, required, uri } from "./operation.ts";
import { boolean, integer, string } from "./shape.ts";
import type { ListOutgoingCertificatesResponse, TransferCertificateResponse } from "./transfer-results.ts";

const CERTIFICATE_ID = string({ min: 64, max: 64, pattern: /(0x)?[a-fA-F0-9]+/ });
const AWS_ACCOUNT_ID = string({ min: 12, max: 12, pattern: /[0-9]+/ });
const MESSAGE = string({ max: 128 });
const PAGE_SIZE = integer({ min: 1, max: 250 });
const MARKER = string({ max: 1024, pattern: /[A-Za-z0-9+/]+={0,2}/ });

export const TRANSFER_OPERATIONS = {
  TransferCertificate: operation<TransferCertificateResponse>()({
    service: "iot",
    method: "PATCH",
    path: "/transfer-certificate/{certificateId}",
    input: {
      certificateId: uri(CERTIFICATE_ID),
      targetAwsAccount: required(query(AWS_ACCOUNT_ID)),
      transferMessage: body(MESSAGE),
    },
    output: OK,
    errors: ["ResourceNotFoundException", "CertificateStateException", "TransferConflictException"],
  }),
  AcceptCertificateTransfer: operation<void>()({
    service: "iot",
    method: "PATCH",
    path: "/accept-certificate-transfer/{certificateId}",
    input: { certificateId: uri(CERTIFICATE_ID), setAsActive: query(boolean) },
    output: OK,
    errors: ["ResourceNotFoundException", "TransferAlreadyCompletedException"],
  }),
  RejectCertificateTransfer: operation<void>()({
    service: "iot",
    method: "PATCH",
    path: "/reject-certificate-transfer/{certificateId}",
    input: { certificateId: uri(CERTIFICATE_ID), rejectReason: body(MESSAGE) },
    output: OK,
    errors: ["ResourceNotFoundException", "TransferAlreadyCompletedException"],
  }),
  CancelCertificateTransfer: operation<void>()({
    service: "iot",
    method: "PATCH",
    path: "/cancel-certificate-transfer/{certificateId}",
    input: { certificateId: uri(CERTIFICATE_ID) },
    output: OK,
    errors: ["ResourceNotFoundException", "TransferAlreadyCompletedException"],
  }),
  ListOutgoingCertificates: operation<ListOutgoingCertificatesResponse>()({
    service: "iot",
    method: "GET",
    path: "/certificates-out-going",
    input: { pageSize: query(PAGE_SIZE), marker: query(MARKER), ascendingOrder: query(boolean, "isAscendingOrder") },
    output: OK,
    errors: [],
  }),
} as const;
