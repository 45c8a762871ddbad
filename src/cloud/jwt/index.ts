export { CHALLENGE_METHOD, jwtChallenge } from "./challenge.ts";
export { DeviceRegistries, type DeviceRegistry, type DeviceRegistryOrder } from "./device-registries.ts";
export { JwtGate, type JwtGateOptions } from "./jwt-gate.ts";
export type { TokenBearer } from "./token.ts";
export { TOKEN_TIMES } from "./token.ts";
export { looksLikeToken } from "./token.ts";
