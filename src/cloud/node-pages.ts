import type { Ledger } from "../trace/index.ts";
import type { RequestHead } from "./api/index.ts";
import type { Broker } from "./broker/index.ts";
import type { Closing } from "./node-closing.ts";
import { operatorPage } from "./observe/index.ts";
import { openMetrics } from "./observe/node.ts";
import type { Registry } from "./registry/index.ts";

/** Health, readiness and metrics; not ready any more from the moment that everything is being closed. */
export function operatorPages(ledger: Ledger, registry: Registry, broker: Broker, closing: Closing) {
  const metrics = openMetrics({
    ledger,
    sessions: () => broker.sessions(),
    retained: () => broker.retained,
    resources: () => registry.directory.counts,
    onPublish: (listener) => broker.onPublish(listener),
  });
  closing.add(() => metrics.close());
  const notReady = async () => {
    if (closing.hasBegun) return "the cloud is stopping";
    try {
      await registry.store.write(async () => undefined);
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };
  return (head: RequestHead) => operatorPage(head, { notReady, metrics });
}
