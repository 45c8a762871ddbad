import { Denied } from "../../codec/index.ts";
import type { RefusalCause } from "../../trace/index.ts";
import type { CloudErrorCode } from "../errors.ts";

/** The codes of the front door: who you are, not what you ask for. Each with what it is called in the ledger. */
const UNAUTHORIZED: Readonly<Record<string, RefusalCause>> = {
  __proto__: null as never,
  "missing-authentication": "api-unsigned",
  "incomplete-signature": "api-unauthorized",
  "unknown-access-key": "api-unknown-key",
  "session-token": "session-token",
  "session-expired": "session-expired",
  "session-not-allowed": "session-not-allowed",
  "wrong-scope": "api-unauthorized",
  "clock-skew": "api-clock-skew",
  "body-hash-mismatch": "api-signature",
  "signature-mismatch": "api-signature",
} satisfies Partial<Record<CloudErrorCode | "__proto__", RefusalCause>>;

/** The refusal that an error of the front door is, or undefined for errors of every other kind. */
export function refusalCauseOf(error: unknown): RefusalCause | undefined {
  return error instanceof Denied ? UNAUTHORIZED[error.code] : undefined;
}
