export {
  bearerOf,
  DevicePlane,
  type DeviceOperation,
  type DeviceOperations,
  type DevicePlaneOptions,
} from "./device-plane.ts";
export { credentialProvider, type CredentialProvider } from "./credential-provider.ts";
export { operatorGate, type OperatorGateOptions } from "./operator-gate.ts";
