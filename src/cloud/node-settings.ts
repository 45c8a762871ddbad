import type { Settings } from "./api/settings/handlers.ts";
import type { Broker } from "./broker/index.ts";
import type { Domains } from "./domains/index.ts";
import { LoggingOptions } from "./logging/index.ts";
import type { Closing } from "./node-closing.ts";
import type { CloudOptions } from "./node-options.ts";
import { CertificateProviders } from "./providers/index.ts";
import { publishRegistryEvents, type EventSwitches } from "./registry-events/index.ts";
import type { Registry } from "./registry/index.ts";
import type { AskFunction } from "./templates/index.ts";

/** The name that registry events carry in the broker. */
const ORIGIN = "registry";

/** What an account has set, joined to what it is about: the broker for registry events, the log for its level. */
export async function openSettings(
  {
    options,
    registry,
    domains,
    broker,
    switches,
    ask,
  }: {
    readonly options: CloudOptions;
    readonly registry: Registry;
    readonly domains: Domains;
    readonly broker: Broker;
    readonly switches: EventSwitches;
    readonly ask: AskFunction;
  },
  closing: Closing,
): Promise<Settings> {
  const events = publishRegistryEvents(registry, switches, (message) => {
    if (!broker.isStopped) broker.publish(message, ORIGIN);
  });
  closing.add(() => {
    events.end();
    return events.settled();
  });
  const logging = await LoggingOptions.open(registry, (level) => options.onLogLevel?.(level));
  return { domains, providers: new CertificateProviders(registry, ask), switches, logging };
}
