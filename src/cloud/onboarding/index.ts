export { POLICY_ACTIONS } from "./actions.ts";
export { causeOfStatus } from "./authority.ts";
export { accessTo } from "./broker-access.ts";
export {
  decideOnboarding,
  ONBOARDING_FACTS,
  type OnboardingCause,
  type OnboardingDecision,
  type OnboardingFacts,
} from "./decision.ts";
export { OnboardingGatekeeper, type GatekeeperOptions } from "./gatekeeper.ts";
export { gatekeeperOf } from "./registry-gatekeeper.ts";
export type { BrokerAccess, CertificateDirectory, ProvisionDevice, RegisterDevice, SessionOwner } from "./ports.ts";
