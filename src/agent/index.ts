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
