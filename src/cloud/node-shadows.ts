import type { Broker } from "./broker/index.ts";
import type { Closing } from "./node-closing.ts";
import type { Registry } from "./registry/index.ts";
import { SHADOW_ORIGIN, Shadows, ShadowTopics } from "./shadows/index.ts";

/** Device shadows over a registry's store, joined to the broker's topics. */
export function openShadows({ store, clock, trace, limits }: Registry, broker: Broker, closing: Closing): Shadows {
  const publish = (topic: string, payload: Uint8Array): void => {
    if (!broker.isStopped) broker.publish({ topic, payload, qos: 1 }, SHADOW_ORIGIN);
  };
  const shadows = new Shadows({ store, clock, publish, limits });
  const topics = new ShadowTopics(shadows, { publish, clock, trace });
  closing.add(broker.onPublish((message) => topics.handle(message)));
  return shadows;
}
