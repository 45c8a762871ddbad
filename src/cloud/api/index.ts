export {
  authorizationOf,
  checkHead,
  checkSignature,
  type AuthenticationPorts,
  type Claim,
  type TemporaryAccessKeys,
} from "./authenticate.ts";
export { callOperation, OperationRefused, type ClientOptions, type HttpSend } from "./client.ts";
export { ControlPlane, type ControlPlaneOptions } from "./control-plane.ts";
export type { CertificateCalls, DataPlaneCall, Via } from "./certificate-calls.ts";
export { dataHandlers, type MessagePublisher } from "./data-handlers.ts";
export { deviceJobHandlers } from "./jobs/device-handlers.ts";
export { shadowHandlers } from "./shadow-handlers.ts";
export { createHandlers, type ControlPlaneServices } from "./handlers.ts";
export { refusalCauseOf } from "./refusal-cause.ts";
export type { LedgerReader } from "./hawser-handlers.ts";
export { credentialSeconds } from "./role-aliases/handlers.ts";
