export {
  attestedContent,
  isBornForAttestation,
  readEvidence,
  verifyAttestation,
  type AttestationDemands,
  type AttestationEvidence,
  type AttestationFinding,
  type AttestedObject,
  type MakerDemands,
} from "./attestation.ts";
export { readSelfTest, verifySelfTest, type SelfTestDemands, type SelfTestEvidence } from "./self-test-attestation.ts";
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
export { CERTIFICATE_INDEX, prepareKey, requestCertificate, storeCertificates, type KeyOrigin } from "./provision.ts";
export { admitted, deviceIdentity, readiness, type DeviceIdentity, type Lack, type Readiness } from "./identity.ts";
export { deviceToken, type TokenOrder } from "./token.ts";
