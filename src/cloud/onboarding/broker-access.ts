import type { Broker } from "../broker/index.ts";
import type { BrokerAccess } from "./ports.ts";

/** The name that the gatekeeper's own messages carry in the broker. */
const ORIGIN = "onboarding";

/**
 * A broker as the gatekeeper uses it. The broker is asked for at each use, since it is made with the gatekeeper and
 * therefore after it.
 */
export function accessTo(broker: () => Pick<Broker, "publish" | "sessions" | "closeSessions">): BrokerAccess {
  return {
    publish: (message) => broker().publish(message, ORIGIN),
    liveSessions: () =>
      broker()
        .sessions()
        .filter(({ connected }) => connected),
    closeSessions: (matches, closing) => void broker().closeSessions(matches, closing),
  };
}
