export { type AlertName, ALERTS, alertName } from "./alerts.ts";
export { serverEndPoint } from "./channel-binding.ts";
export { clientConfig, type ClientConfig, type ClientConfigOptions, type ClientIdentity } from "./client-config.ts";
export { Connection, type Phase } from "./connection.ts";
export type { Answer, ConnectionFacts, Effect, Input, Output, RecordAnswer } from "./effects.ts";
export { alertFor, AlertReceived, LocalFailure, TLS_ERRORS, TlsError, type TlsErrorCode } from "./errors.ts";
export type { ExternalPsk, Session, Session12, Session13 } from "./sessions.ts";
export type { SignatureScheme } from "./signature-schemes.ts";
export { opensslSuiteName, type SuiteName, SUITES, type TlsVersion } from "./suites.ts";
