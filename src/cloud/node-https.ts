import { nodeHash } from "../crypto/node.ts";
import {
  dataHandlers,
  deviceJobHandlers,
  shadowHandlers,
  type ControlPlane,
  type MessagePublisher,
} from "./api/index.ts";
import { namesAuthorizer, type CustomGate } from "./authorizers/index.ts";
import type { Broker, Gatekeeper } from "./broker/index.ts";
import { DomainGate, type Domains } from "./domains/index.ts";
import type { Listening, ServerTls } from "./broker/node.ts";
import { bearerOf, DevicePlane, type DeviceOperations } from "./gateway/index.ts";
import { listenGateway } from "./gateway/node.ts";
import type { JwtGate } from "./jwt/index.ts";
import type { OnboardingGatekeeper } from "./onboarding/index.ts";
import type { Registry } from "./registry/index.ts";
import { DeviceJobs, type Jobs } from "./jobs/index.ts";
import type { Shadows } from "./shadows/index.ts";

export type HttpsOptions = {
  readonly registry: Registry;
  readonly broker: Broker;
  readonly gatekeeper: OnboardingGatekeeper;
  readonly tokens: JwtGate;
  readonly custom: CustomGate;
  readonly plane: ControlPlane;
  readonly domains: Domains;
  readonly shadows: Shadows;
  readonly jobs: Jobs;
  readonly host: string;
  readonly tls: ServerTls;
};

/** Listens on each of the ports for what AWS puts on 443 and 8443. Rejects where one is taken, with none left open. */
export async function listenHttps(options: HttpsOptions, ports: readonly number[]): Promise<readonly Listening[]> {
  const { registry, broker, gatekeeper, tokens, custom, domains, plane, shadows, jobs, host, tls } = options;
  const { clock, entropy, trace, accessKeys, account } = registry;
  const byServerName = new DomainGate({ domains, trace, next: custom });
  const devicePlane = new DevicePlane({
    async authorize(peer, head) {
      const refused = byServerName.refusalOf(peer, "");
      if (refused) return refused;
      if (namesAuthorizer(head)) return custom.authorize(peer, head);
      const bearer = bearerOf(head);
      if (bearer !== undefined) return tokens.authorize(peer, bearer);
      const isForDefault = peer.certificates.length === 0 && (await custom.hasDefault(peer));
      return isForDefault ? custom.authorize(peer, head) : gatekeeper.authorize(peer);
    },
    operations: { ...publishing(registry, broker), ...shadowOperations(shadows), ...jobOperations(jobs, registry) },
    bodyLimit: broker.settings.limits.payloadBytes,
    clock,
    entropy,
    trace,
  });
  const authentication = { accessKeys, clock, hash: nodeHash, region: account.region };
  const guarded = (next: Gatekeeper) => new DomainGate({ domains, trace, next });
  const common = {
    controlPlane: plane,
    devicePlane,
    custom,
    guarded,
    authentication,
    broker,
    host,
    clock,
    trace,
    ...tls,
  };
  const open: Listening[] = [];
  try {
    for (const port of ports) open.push(await listenGateway({ ...common, port }));
    return open;
  } catch (error) {
    for (const each of open) await each.close();
    throw error;
  }
}

/** The broker as the operations of the data plane know it. */
export function messagesOf(broker: Broker): Pick<MessagePublisher, "retainedMessage" | "retainedTopics"> {
  return {
    retainedMessage: (topic) => broker.retainedMessage(topic),
    retainedTopics: () => broker.retainedTopics(),
  };
}

/** What a device may ask with its certificate: the same operation as an operator's, under the device's own policies. */
function publishing(registry: Registry, broker: Broker): DeviceOperations {
  const { limits } = broker.settings;
  return {
    Publish: {
      needs: ({ topic, retain }) => [
        ["iot:Publish", topic],
        ...(retain === true ? ([["iot:RetainPublish", topic]] as const) : []),
      ],
      run(input, { principalId }) {
        const publish = (message: Parameters<Broker["publish"]>[0]) =>
          broker.publish(message, "https", { principalId });
        return dataHandlers({ registry, messages: { ...messagesOf(broker), limits, publish } }).Publish(input);
      },
    },
  };
}

type ShadowInput = { readonly thingName: string; readonly shadowName?: string };

/** The same for shadows. AWS IoT Core, "AWS IoT Core policy action resources" */
function shadowOperations(shadows: Shadows): DeviceOperations {
  const handlers = shadowHandlers(shadows);
  const thing = ({ thingName, shadowName }: ShadowInput) =>
    shadowName === undefined ? thingName : `${thingName}/${shadowName}`;
  return {
    GetThingShadow: {
      needs: (input) => [["iot:GetThingShadow", thing(input)]],
      run: (input) => handlers.GetThingShadow(input),
    },
    UpdateThingShadow: {
      needs: (input) => [["iot:UpdateThingShadow", thing(input)]],
      run: (input) => handlers.UpdateThingShadow(input),
    },
    DeleteThingShadow: {
      needs: (input) => [["iot:DeleteThingShadow", thing(input)]],
      run: (input) => handlers.DeleteThingShadow(input),
    },
    ListNamedShadowsForThing: {
      needs: ({ thingName }) => [["iot:ListNamedShadowsForThing", thingName]],
      run: (input) => handlers.ListNamedShadowsForThing(input),
    },
  };
}

/** The same for jobs. AWS IoT Core, "Authorizing devices to use AWS IoT Jobs" */
function jobOperations(jobs: Jobs, { clock }: Registry): DeviceOperations {
  const handlers = deviceJobHandlers(new DeviceJobs(jobs), clock);
  return {
    GetPendingJobExecutions: {
      needs: ({ thingName }) => [["iot:GetPendingJobExecutions", thingName]],
      run: (input) => handlers.GetPendingJobExecutions(input),
    },
    StartNextPendingJobExecution: {
      needs: ({ thingName }) => [["iot:StartNextPendingJobExecution", thingName]],
      run: (input) => handlers.StartNextPendingJobExecution(input),
    },
    DescribeDeviceJobExecution: {
      needs: ({ thingName }) => [["iot:DescribeJobExecution", thingName]],
      run: (input) => handlers.DescribeDeviceJobExecution(input),
    },
    UpdateJobExecution: {
      needs: ({ thingName }) => [["iot:UpdateJobExecution", thingName]],
      run: (input) => handlers.UpdateJobExecution(input),
    },
  };
}
