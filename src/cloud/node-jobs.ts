import { join } from "node:path";

import type { Broker } from "./broker/index.ts";
import { DeviceJobs, Jobs, JobTopics } from "./jobs/index.ts";
import type { Closing } from "./node-closing.ts";
import type { EventSwitches } from "./registry-events/index.ts";
import type { Registry } from "./registry/index.ts";
import { fileObjectStore } from "./templates/node-object-store.ts";

/** The name under which jobs publish. */
const ORIGIN = "jobs";

/** Jobs over a registry's store, joined to the broker's topics; documents lie in the data directory's `objects`. */
export async function openJobs(
  parts: {
    readonly directory: string;
    readonly registry: Registry;
    readonly broker: Broker;
    readonly switches: EventSwitches;
  },
  closing: Closing,
): Promise<Jobs> {
  const { directory, registry, broker, switches } = parts;
  const { clock, trace } = registry;
  const objects = fileObjectStore(join(directory, "objects"));
  const jobs = await Jobs.open({
    registry,
    publish(topic, payload) {
      if (!broker.isStopped) broker.publish({ topic, payload, qos: 1 }, ORIGIN);
    },
    isOn: (event) => switches.isOn(event),
    readObject: (bucket, key) => objects.read(bucket, key),
  });
  closing.add(() => jobs.close());
  const topics = new JobTopics(new DeviceJobs(jobs), {
    clock,
    trace,
    answer(clientId, message) {
      if (!broker.isStopped) broker.answer(clientId, message);
    },
  });
  closing.add(broker.onPublish((message) => topics.handle(message)));
  return jobs;
}
