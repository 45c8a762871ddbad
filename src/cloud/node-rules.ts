import { join } from "node:path";

import { nodeHash } from "../crypto/node.ts";
import type { Broker } from "./broker/index.ts";
import type { Functions } from "./functions/index.ts";
import type { Closing } from "./node-closing.ts";
import type { HttpActionOptions } from "./node-options.ts";
import type { OnboardingGatekeeper } from "./onboarding/index.ts";
import type { Registry } from "./registry/index.ts";
import { Destinations, Recordings, RuleEngine, ruleLookUps, Rules } from "./rules/index.ts";
import { httpSender, httpSigner, urlProblem } from "./rules/node.ts";
import type { Shadows } from "./shadows/index.ts";
import { fileObjectStore } from "./templates/node-object-store.ts";

/**
 * Rules that hear what the broker accepts, with their destinations. `call` asks the control plane, `controlPlane` gives
 * its URL once it listens. Objects of S3 actions lie in the data directory's `objects/BUCKET/KEY`.
 */
export async function openRules(
  parts: {
    readonly directory: string;
    readonly registry: Registry;
    readonly broker: Broker;
    readonly functions: Functions;
    readonly shadows: Shadows;
    readonly httpActions: HttpActionOptions | undefined;
    readonly call: (operation: string, input: unknown) => Promise<unknown>;
    readonly controlPlane: () => string;
    readonly gatekeeper: OnboardingGatekeeper;
  },
  closing: Closing,
): Promise<{ readonly rules: Rules; readonly destinations: Destinations; readonly recordings: Recordings }> {
  const { directory, registry, broker, functions, shadows, call, controlPlane } = parts;
  const { allowPrivate = false, signingKey } = parts.httpActions ?? {};
  const { account, clock, entropy, trace, store, limits } = registry;
  const { httpActionMs: timeoutMs } = limits;
  const common = { account, clock, entropy, hash: nodeHash, trace, store };
  const sender = httpSender({ allowPrivate });
  const problemWith = (url: string) => urlProblem(url, { allowPrivate });
  const destinations = await Destinations.open({ ...common, sender, problemWith, controlPlane, timeoutMs });
  const engine = new RuleEngine({
    ...common,
    ...broker.settings,
    functions,
    lookUps: ruleLookUps({ functions, shadows, call }),
    publish(message, origin) {
      if (!broker.isStopped) broker.publish(message, origin);
    },
    http: {
      sender,
      timeoutMs,
      isEnabled: (url) => destinations.isEnabled(url),
      ...(signingKey && { sign: httpSigner(signingKey, common) }),
    },
    objects: fileObjectStore(join(directory, "objects")),
  });
  parts.gatekeeper.listenWith((topic) => engine.unheard(topic));
  const http = { canSign: signingKey !== undefined, destinations };
  const rules = await Rules.open({ account, clock, store, engine, http, limits });
  closing.add(async () => {
    await engine.whenIdle();
    await destinations.whenIdle();
  });
  closing.add(broker.onPublish((message) => engine.handle(message)));
  const { settings } = broker;
  const recordings = new Recordings({ clock, entropy, settings, listen: (listener) => broker.onPublish(listener) });
  closing.add(async () => recordings.close());
  return { rules, destinations, recordings };
}
