export { AGENT_ERRORS, type AgentErrorCode } from "./errors.ts";
export {
  DEFAULT_RECONNECT,
  FIRST_ATTEMPT,
  reconnectStep,
  type ReconnectInput,
  type ReconnectOutput,
  type ReconnectPolicy,
  type ReconnectState,
} from "./reconnect.ts";
export {
  CERTIFICATE_INDEX,
  deviceIdentity,
  prepareKey,
  requestCertificate,
  storeCertificates,
  type DeviceIdentity,
  type KeyOrigin,
} from "./provision.ts";
export { deviceToken, type TokenOrder } from "./token.ts";
