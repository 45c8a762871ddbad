import { DecodeError, type ErrorDetails, HawserError, ProtocolError, Refused, UsageError } from "../codec/index.ts";
import { alertName, type AlertName } from "./alerts.ts";
import { TLS_ERRORS, type TlsErrorCode, type TlsErrorEntry } from "./error-codes.ts";

export { TLS_ERRORS, type TlsErrorCode };

/** The peer broke a rule; `alert` is what it is told, undefined where nobody is left to tell. */
export class TlsError extends ProtocolError<TlsErrorCode, AlertName | undefined> {
  constructor(code: TlsErrorCode, message: string, details: ErrorDetails & { alert?: AlertName } = {}) {
    const entry: TlsErrorEntry = TLS_ERRORS[code];
    super(code, message, details.alert ?? entry.alert, details);
  }

  get alert(): AlertName | undefined {
    return this.reply;
  }
}

/** The peer ended the connection with a fatal alert, `wire` by number and `alert` by name. */
export class AlertReceived extends Refused<TlsErrorCode> {
  readonly alert: string;

  constructor(description: number, during: string, peer: "client" | "server" = "server") {
    super("alert-received", `the ${peer} sent the alert ${alertName(description)} during ${during}`, description);
    this.alert = alertName(description);
  }
}

/** The transport or an operation on our side failed, or our side gave up: nothing is wrong with what the peer said. */
export class LocalFailure extends HawserError<TlsErrorCode> {
  get alert(): AlertName | undefined {
    const entry: TlsErrorEntry = TLS_ERRORS[this.code];
    return entry.alert;
  }
}

/** Our caller is at fault. */
export function misuse(code: TlsErrorCode, message: string): UsageError<TlsErrorCode> {
  return new UsageError(code, message);
}

/** Any error as one of this room: what is wrong with bytes becomes `malformed-message`, `where` says in which. */
export function asTlsError(error: unknown, where: string): HawserError {
  if (error instanceof DecodeError) {
    return new TlsError("malformed-message", `${where}: ${error.message}`, { cause: error });
  }
  if (error instanceof HawserError) return error;
  return new LocalFailure("operation-failed", `${where}: unexpected failure`, { cause: error });
}

/** The alert that an error demands; what is not the peer's fault is an internal error of ours. RFC 8446, section 6.2 */
export function alertFor(error: unknown): AlertName | undefined {
  if (error instanceof TlsError || error instanceof LocalFailure) return error.alert;
  if (error instanceof AlertReceived) return undefined;
  if (error instanceof DecodeError) return "decode_error";
  return "internal_error";
}
