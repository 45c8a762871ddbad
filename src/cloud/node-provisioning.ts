import { join } from "node:path";

import type { Broker } from "./broker/index.ts";
import type { Functions } from "./functions/index.ts";
import type { CertificateProviders } from "./providers/index.ts";
import type { Closing } from "./node-closing.ts";
import { FleetProvisioning, RegistrationTasks, type Workshop } from "./templates/index.ts";
import { fileObjectStore } from "./templates/node-object-store.ts";

/** The name that answers to devices carry in the broker. */
const ORIGIN = "provisioning";

/**
 * Lets devices provision themselves over MQTT, and lists of them be registered in the background, their files in the
 * data directory's `objects/BUCKET/KEY`. Gives the tasks.
 */
export async function openProvisioning(
  parts: {
    readonly directory: string;
    readonly shop: Workshop;
    readonly broker: Broker;
    readonly functions: Functions;
    readonly providers: CertificateProviders;
  },
  closing: Closing,
): Promise<RegistrationTasks> {
  const { directory, shop, broker, functions, providers } = parts;
  const fleet = new FleetProvisioning({
    ...shop,
    signElsewhere: (csr, sender) => providers.certificateFor(csr, sender),
    ask: (caller, name, question) => functions.askFor(caller, name, question),
    answer(clientId, message) {
      if (!broker.isStopped) broker.publish(message, ORIGIN, { onlyTo: clientId });
    },
  });
  closing.add(broker.onPublish((message) => void fleet.handle(message)));
  const tasks = await RegistrationTasks.open(shop, fileObjectStore(join(directory, "objects")));
  closing.add(() => tasks.close());
  return tasks;
}
