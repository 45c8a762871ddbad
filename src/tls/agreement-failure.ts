import { UsageError } from "../codec/index.ts";
import { TlsError } from "./errors.ts";

/** The error for an agreement that the peer's key made impossible; undefined where it failed for another reason. */
export function agreementFailure(cause: unknown, group: string): TlsError | undefined {
  if (!(cause instanceof UsageError) || cause.code !== "bad-peer-key") return undefined;
  return new TlsError("bad-key-share", `${group}: ${cause.message}`, { cause });
}
