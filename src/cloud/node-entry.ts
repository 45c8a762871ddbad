import { CustomGate } from "./authorizers/index.ts";
import {
  Broker,
  chosenSettings,
  SUITE_REFUSED_FILTERS,
  type ConnectRequest,
  type SessionOwner,
} from "./broker/index.ts";
import { nodeDefer } from "./broker/node.ts";
import { DomainGate, Domains } from "./domains/index.ts";
import { DeviceRegistries, jwtChallenge, JwtGate, looksLikeToken } from "./jwt/index.ts";
import type { Closing } from "./node-closing.ts";
import { PROFILES } from "./node-options.ts";
import { accessTo, gatekeeperOf, type OnboardingGatekeeper } from "./onboarding/index.ts";
import { Revocations } from "./revocation/index.ts";
import { openSessionStore } from "./store/index.ts";
import { provisionJustInTime, type AskFunction, type Workshop } from "./templates/index.ts";

export type EntryOptions = {
  readonly profile?: keyof typeof PROFILES;
  readonly mqttSettings?: readonly string[];
  readonly relaxedCertificates?: boolean;
  readonly shop: Workshop;
  readonly expiredCasRegister?: boolean;
  /** Whether the server certificate is for a name. */
  readonly isServerName: (serverName: string) => boolean;
  /** Asks a function, once there are any. */
  readonly ask: AskFunction;
};

/** The broker, and everybody who decides whom it lets in. */
export type Entry = {
  readonly broker: Broker;
  /** Decides by certificate. */
  readonly gatekeeper: OnboardingGatekeeper;
  /** Decides by JSON Web Token, and leaves the rest to the one before. */
  readonly tokens: JwtGate;
  /** Decides by a function of the operator's, and leaves the rest to the one before. */
  readonly custom: CustomGate;
  /** What is special about the server names that clients ask for. */
  readonly domains: Domains;
  readonly deviceRegistries: DeviceRegistries;
  readonly revocations: Revocations;
};

/** Opens the broker over a registry, with its gatekeepers one behind the other. */
export async function openEntry(
  {
    profile = "aws",
    mqttSettings = [],
    relaxedCertificates = false,
    expiredCasRegister = false,
    shop,
    isServerName,
    ask,
  }: EntryOptions,
  closing: Closing,
): Promise<Entry> {
  const { registry } = shop;
  const { clock, entropy, trace } = registry;
  const revocations = await Revocations.open(registry);
  const domains = await Domains.open(registry);
  const access = accessTo(() => broker);
  const gatekeeper = gatekeeperOf(registry, access, {
    provision: (certificate, caId) => provisionJustInTime(shop, certificate, caId),
    revocations,
    expiredCasRegister,
    isOurName: (serverName) => isServerName(serverName) || domains.forServerName(serverName) !== undefined,
  });
  const sessions = await openSessionStore(registry.store);
  const deviceRegistries = await DeviceRegistries.open(registry);
  const tokens = new JwtGate({
    registries: deviceRegistries,
    registry,
    next: gatekeeper,
    expired: (owner) =>
      void broker.closeSessions(sameAs(owner), { cause: "jwt-expired", evidence: { clientId: owner.clientId } }),
  });
  const custom = new CustomGate({
    registry,
    choiceFor: (serverName) => domains.forServerName(serverName)?.body.authorizer ?? undefined,
    ask,
    next: tokens,
    isForNext: (request) => deviceRegistries.all().length > 0 && hasToken(request),
    isConnected: (owner) => broker.isConnected(owner),
    end: (owner, refusal) => void broker.closeSessions(sameAs(owner), refusal),
  });
  const chosen = chosenSettings(PROFILES[profile], mqttSettings);
  const settings = relaxedCertificates ? { ...chosen, refusedFilters: SUITE_REFUSED_FILTERS } : chosen;
  const authenticators = [jwtChallenge({ entropy, bearerOf: (token, clientId) => tokens.bearerOf(token, clientId) })];
  const common = {
    clock,
    entropy,
    trace,
    gatekeeper: new DomainGate({ domains, trace, next: custom }),
    defer: nodeDefer,
    store: sessions,
  };
  const broker: Broker = new Broker({ ...common, authenticators, settings });
  closing.add(() => gatekeeper.close());
  closing.add(() => tokens.close());
  closing.add(() => custom.close());
  closing.add(() => broker.stop());
  return { broker, gatekeeper, tokens, custom, domains, deviceRegistries, revocations };
}

function sameAs({ clientId, principalId }: SessionOwner): (owner: SessionOwner) => boolean {
  return (owner) => owner.clientId === clientId && owner.principalId === principalId;
}

function hasToken({ password }: ConnectRequest): boolean {
  return password !== undefined && looksLikeToken(new TextDecoder("latin1").decode(password));
}
