import { Conflict, UsageError, type ErrorTable } from "../codec/index.ts";

/** The codes of the OEM cloud's registry, store and control plane. */
export const CLOUD_ERRORS = {
  "invalid-request": {
    cause: "A request lacks a required field, or a field breaks its type, length or pattern.",
    cure: "The message names the field, what it must be and what it was; correct the call.",
  },
  "not-implemented": {
    cause: "The request asks for an operation, or a field of one, that this version does not offer.",
    cure: "Leave the field away or use another operation; README.md lists what the control plane offers.",
  },
  "schema-too-new": {
    cause: "The data directory was written by a newer version.",
    cure: "Start the newer version again, or restore a copy of the directory made before the upgrade.",
  },
  "data-directory-open": {
    cause: "Other users of this machine may read the data directory, which holds secret access keys.",
    cure: "chmod 700 the directory, or give one that does not exist yet.",
  },
  "data-directory-in-use": {
    cause: "Another process has this data directory open.",
    cure: "Stop the other hawser, or give this one its own --data directory.",
  },
  "store-closed": {
    cause: "Something was to be written after the store was closed.",
    cure: "Stop the servers before the store; what was not acknowledged was not written.",
  },
} as const satisfies ErrorTable;

export type CloudErrorCode = keyof typeof CLOUD_ERRORS;

/** The request has a field that is missing or wrong; `message` names the field, the rule and the value. */
export function invalidRequest(
  message: string,
  details: { readonly cause?: unknown } = {},
): UsageError<CloudErrorCode> {
  return new UsageError("invalid-request", message, details);
}

/** The request asks for what is not built: refused loudly, never ignored. */
export function notImplemented(what: string): Conflict<CloudErrorCode> {
  return new Conflict("not-implemented", `${what} is not available in this version`);
}
