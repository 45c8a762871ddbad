import {
  Conflict,
  DecodeError,
  Denied,
  HawserError,
  NotFound,
  UsageError,
  type ErrorTable,
} from "../../codec/index.ts";
import { CLOUD_ERRORS, ResourceExists, type CloudErrorCode } from "../errors.ts";
import { FUNCTION_ERRORS, type FunctionErrorCode } from "../functions/errors.ts";
import { POLICY_ERRORS, type PolicyErrorCode } from "../policy/index.ts";
import { RULE_ERRORS, type RuleErrorCode } from "../rules/errors.ts";
import type { ServiceName } from "./operation.ts";

/** An error as it leaves the API. */
export type HttpError = {
  readonly status: number;
  /** AWS's name of the error: what SDKs turn into a class. */
  readonly type: string;
  readonly message: string;
  /** What to do about it, where the code's table says so. */
  readonly cure: string | undefined;
  /** More members of the body. */
  readonly members: Readonly<Record<string, string>>;
  /** True where nobody foresaw this error: it must reach the log. */
  readonly unforeseen: boolean;
};

/** Cures by code, of every table whose errors can reach this edge. */
const CURES: ReadonlyMap<string, string> = new Map(
  [CLOUD_ERRORS, POLICY_ERRORS, RULE_ERRORS, FUNCTION_ERRORS].flatMap((table: ErrorTable) =>
    Object.entries(table).map(([code, { cure }]) => [code, cure] as const),
  ),
);

type Row = readonly [status: number, type: string];

const THROTTLED: Row = [429, "ThrottlingException"];

/** The same in services that spell it otherwise; SDKs try again by the name. Service models of botocore 1.43.11. */
const THROTTLED_BY: Readonly<Partial<Record<ServiceName, Row>>> = {
  iot: [400, "ThrottlingException"],
  lambda: [429, "TooManyRequestsException"],
};

/** How AWS spells each code: status and name. Codes that are not listed go by their class. */
const ROWS: Readonly<Partial<Record<string, Row>>> = {
  "missing-authentication": [403, "MissingAuthenticationTokenException"],
  "incomplete-signature": [403, "IncompleteSignatureException"],
  "unknown-access-key": [403, "UnrecognizedClientException"],
  "session-token": [403, "UnrecognizedClientException"],
  "session-expired": [403, "ExpiredTokenException"],
  "wrong-scope": [403, "InvalidSignatureException"],
  "clock-skew": [403, "InvalidSignatureException"],
  "body-hash-mismatch": [403, "InvalidSignatureException"],
  "signature-mismatch": [403, "InvalidSignatureException"],
  "body-too-large": [413, "RequestEntityTooLargeException"],
  "not-implemented": [501, "NotImplementedException"],
  "method-not-allowed": [405, "MethodNotAllowedException"],
  "resource-exists": [409, "ResourceAlreadyExistsException"],
  "certificate-validation": [400, "CertificateValidationException"],
  "registration-code-mismatch": [400, "RegistrationCodeValidationException"],
  "certificate-state": [406, "CertificateStateException"],
  "certificate-conflict": [409, "CertificateConflictException"],
  "delete-conflict": [409, "DeleteConflictException"],
  "registration-failure": [400, "ResourceRegistrationFailureException"],
  "authorizer-response": [400, "InvalidResponseException"],
  "transfer-conflict": [409, "TransferConflictException"],
  "transfer-completed": [410, "TransferAlreadyCompletedException"],
  "invalid-query": [400, "InvalidQueryException"],
  "invalid-aggregation": [400, "InvalidAggregationException"],
  "not-configured": [404, "NotConfiguredException"],
  "index-not-ready": [400, "IndexNotReadyException"],
  "conflicting-resource": [409, "ConflictingResourceUpdateException"],
  "job-state": [409, "InvalidStateTransitionException"],
  "job-ended": [410, "TerminalStateException"],
  "shadow-encoding": [415, "UnsupportedDocumentEncodingException"],
  "shadow-busy": THROTTLED,
  throttled: THROTTLED,
  "version-conflict": [409, "VersionConflictException"],
  "versions-limit": [409, "VersionsLimitExceededException"],
  "limit-exceeded": [410, "LimitExceededException"],
  "malformed-policy": [400, "MalformedPolicyException"],
  "sql-parse": [400, "SqlParseException"],
  // Not 404: tools that know AWS wait for this one.
  "rule-access-denied": [401, "UnauthorizedException"],
  "function-refused": [400, "InvalidResponseException"],
  "policy-too-long": [400, "PolicyLengthExceededException"],
  "code-storage": [400, "CodeStorageExceededException"],
  "function-revision": [412, "PreconditionFailedException"],
  "request-content": [400, "InvalidRequestContentException"],
  "request-too-large": [413, "RequestTooLargeException"],
  "too-many-requests": [429, "TooManyRequestsException"],
  // Not 503: SDKs would try again for ten seconds what no trying again can change.
  "functions-unavailable": [501, "NotImplementedException"],
  "runtime-closed": [503, "ServiceException"],
  "disk-failed": [503, "ServiceUnavailableException"],
  "disk-full": [503, "ServiceUnavailableException"],
} satisfies Partial<Record<CloudErrorCode | PolicyErrorCode | RuleErrorCode | FunctionErrorCode, Row>>;

/** The names that depend on the service, for codes that stand in no row. */
const BY_CLASS = {
  usage: { lambda: "InvalidParameterValueException", other: "InvalidRequestException" },
  conflict: { lambda: "ResourceConflictException", other: "ConflictException" },
} as const;

const NOT_FOUND: Row = [404, "ResourceNotFoundException"];
const DENIED: Row = [403, "AccessDeniedException"];
const UNFORESEEN: Row = [500, "InternalFailureException"];

/** The HTTP status of each of AWS's error names. */
export const STATUS_OF_TYPE: ReadonlyMap<string, number> = new Map(
  [
    ...Object.values(ROWS as Readonly<Record<string, Row>>),
    NOT_FOUND,
    DENIED,
    UNFORESEEN,
    ...Object.values(BY_CLASS.usage).map((type): Row => [400, type]),
    ...Object.values(BY_CLASS.conflict).map((type): Row => [409, type]),
  ].map(([status, type]) => [type, status]),
);

/** What an error becomes at the API's edge: total, and silent about what nobody foresaw. */
export function httpFor(error: unknown, service: ServiceName): HttpError {
  const row = rowFor(error, service);
  if (!row || !(error instanceof HawserError)) {
    const message = "An internal failure; the server's log has it under this request id";
    const cure = undefined;
    const [status, type] = UNFORESEEN;
    return { status, type, message, cure, members: {}, unforeseen: true };
  }
  const members = error instanceof ResourceExists ? error.resource : {};
  const [status, type] = row;
  return { status, type, message: error.message, cure: CURES.get(error.code), members, unforeseen: false };
}

function rowFor(error: unknown, service: ServiceName): Row | undefined {
  if (!(error instanceof HawserError)) return undefined;
  const row = ROWS[error.code];
  if (row === ROWS["body-too-large"] && service === "lambda") return ROWS["request-too-large"];
  if (row === THROTTLED) return THROTTLED_BY[service] ?? row;
  if (row) return row;
  const side = service === "lambda" ? "lambda" : "other";
  if (error instanceof UsageError || error instanceof DecodeError) return [400, BY_CLASS.usage[side]];
  if (error instanceof NotFound) return NOT_FOUND;
  if (error instanceof Conflict) return [409, BY_CLASS.conflict[side]];
  if (error instanceof Denied) return DENIED;
  return undefined;
}
