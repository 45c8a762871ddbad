import type { Authority, Gatekeeper } from "./ports.ts";

/**
 * Admits every client, by its user name or as "anonymous", and lets it do everything. For a listener that only this
 * machine reaches, where there are no certificates.
 */
export const openGatekeeper: Gatekeeper = {
  admit: async ({ username }) => ({ admit: true, authority: authorityOf(username ?? "anonymous") }),
};

/** What the suite of Eclipse Paho, for which such listeners are, asks a broker to refuse. */
export const SUITE_REFUSED_FILTERS: readonly string[] = ["test/nosubscribe"];

const ALLOWED = { allowed: true } as const;

function authorityOf(principalId: string): Authority {
  return { principalId, may: () => ALLOWED };
}
