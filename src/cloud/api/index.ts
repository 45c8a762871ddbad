export {
  authorizationOf,
  checkHead,
  checkSignature,
  type AuthenticationPorts,
  type Claim,
  type TemporaryAccessKeys,
} from "./authenticate.ts";
export { callOperation, OperationRefused, type ClientOptions, type HttpSend } from "./client.ts";
export { ControlPlane, type ControlPlaneOptions, type Exchange, type RequestHead } from "./control-plane.ts";
export type { CertificateCalls, DataPlaneCall, Via } from "./certificate-calls.ts";
export { dataHandlers, type MessagePublisher } from "./data-handlers.ts";
export { deviceJobHandlers } from "./jobs/device-handlers.ts";
export { shadowHandlers } from "./shadow-handlers.ts";
export { createHandlers, type ControlPlaneServices, type Handlers } from "./handlers.ts";
export { refusalCauseOf } from "./refusal-cause.ts";
export { httpFor, type HttpError } from "./http-for.ts";
export type { LedgerReader } from "./hawser-handlers.ts";
export type { FunctionLogPage, StatusResult, WhyAnswer } from "./operations-hawser.ts";
export { readInput } from "./input.ts";
export type { Operation } from "./operation.ts";
export { OPERATIONS, type OperationInput, type OperationName, type OperationResult } from "./operations.ts";
export { openApiDocument, openApiText } from "./openapi.ts";
export { bytesPage, jsonPage, pageExchange, PUBLIC_PAGES, textPage, type PageHandlers } from "./public-pages.ts";
export { queryOperations } from "./query-operations.ts";
export { credentialSeconds } from "./role-aliases/handlers.ts";
export { headerValue } from "./sigv4.ts";
export { errorResponseOf, responseOf, type ApiResponse } from "./output.ts";
export { findRoute } from "./router.ts";
export type * from "./results.ts";
export type * from "./services.ts";
export type { Json } from "./shape.ts";
