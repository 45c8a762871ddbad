export { isIssuedBy, type CertId, type CertIdHash, type CertificateAndIssuer } from "./cert-id.ts";
export { checkOcspResponse, type OcspAnswer, type OcspCheck } from "./check.ts";
export { OCSP_ERRORS, OcspError, type OcspErrorCode } from "./errors.ts";
export { ocspRequest, type OcspQuestion } from "./request.ts";
export { ocspRequestInPath, parseOcspRequest, type OcspRequest } from "./request-read.ts";
export { answerOcsp, ocspFailure, type OcspResponder } from "./respond.ts";
export type { CertificateStatus } from "./response.ts";
