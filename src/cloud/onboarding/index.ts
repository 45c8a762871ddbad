export {
  decideOnboarding,
  ONBOARDING_FACTS,
  type OnboardingCause,
  type OnboardingDecision,
  type OnboardingFacts,
} from "./decision.ts";
export { OnboardingGatekeeper, type GatekeeperOptions } from "./gatekeeper.ts";
export type {
  BrokerAccess,
  CertificateDirectory,
  KnownCa,
  KnownCertificate,
  KnownCertificateChange,
  KnownPolicy,
  RegisterDevice,
  SessionOwner,
} from "./ports.ts";
