import { RateAccount } from "../broker/index.ts";
import { findThing, registerPending, type Registry } from "../registry/index.ts";
import { OnboardingGatekeeper, type GatekeeperOptions } from "./gatekeeper.ts";
import type { BrokerAccess, FetchThing, RegisterDevice } from "./ports.ts";

/** The gatekeeper of a registry, within its account's limits. */
export function gatekeeperOf(
  registry: Registry,
  broker: BrokerAccess,
  more: Pick<GatekeeperOptions, "provision" | "revocations" | "isOurName" | "expiredCasRegister"> = {},
): OnboardingGatekeeper {
  const register: RegisterDevice = (certificate, ca) => registerPending(registry, certificate, ca);
  // What cannot be read is not known, and what is not known allows nothing.
  const fetchThing: FetchThing = (name) => findThing(registry.store.read, name).catch(() => undefined);
  const registrations = RateAccount.of(registry.limits.registrationsPerSecond, registry.clock);
  return new OnboardingGatekeeper({ ...registry, register, broker, fetchThing, registrations, ...more });
}
