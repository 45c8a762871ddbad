import { nodeHash } from "../crypto/node.ts";
import {
  dataHandlers,
  deviceJobHandlers,
  shadowHandlers,
  type CertificateCalls,
  type MessagePublisher,
} from "./api/index.ts";
import { namesAuthorizer, type CustomGate } from "./authorizers/index.ts";
import type { Broker } from "./broker/index.ts";
import { DomainGate, type Domains } from "./domains/index.ts";
import { bearerOf, credentialProvider, DevicePlane, type DeviceOperations } from "./gateway/index.ts";
import { DeviceJobs, type Jobs } from "./jobs/index.ts";
import type { JwtGate } from "./jwt/index.ts";
import type { OnboardingGatekeeper } from "./onboarding/index.ts";
import { iotArn, type Registry } from "./registry/index.ts";
import type { Shadows } from "./shadows/index.ts";
import { openSeal, TemporaryKeys } from "./temporary-keys/index.ts";

export type DevicePlaneParts = {
  readonly registry: Registry;
  readonly broker: Broker;
  readonly gatekeeper: OnboardingGatekeeper;
  readonly tokens: JwtGate;
  readonly custom: CustomGate;
  readonly domains: Domains;
  readonly shadows: Shadows;
  readonly jobs: Jobs;
};

/** The data plane of devices, and the credentials with which its operations may be asked by signature. */
export type OpenDevicePlane = {
  readonly devicePlane: DevicePlane;
  readonly temporary: TemporaryKeys;
  /** What those credentials reach. */
  readonly certificateCalls: CertificateCalls;
};

export async function openDevicePlane(parts: DevicePlaneParts): Promise<OpenDevicePlane> {
  const { registry, broker, gatekeeper, tokens, custom, domains, shadows, jobs } = parts;
  const { clock, entropy, trace, account } = registry;
  const byServerName = new DomainGate({ domains, trace, next: custom });
  const seal = await openSeal(registry, nodeHash);
  const temporary = new TemporaryKeys({ registry, seal, next: gatekeeper });
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
    credentials: credentialProvider(
      registry,
      seal,
      async (peer) => byServerName.refusalOf(peer, "") ?? gatekeeper.authorize(peer),
    ),
    bodyLimit: broker.settings.limits.payloadBytes,
    clock,
    entropy,
    trace,
  });
  const certificateCalls: CertificateCalls = {
    owns: (accessKeyId) => seal.owns(accessKeyId),
    open: (accessKeyId, token) => seal.open(accessKeyId, token),
    offers: (name) => devicePlane.has(name),
    authorize: async (key, peer) => byServerName.refusalOf(peer, "") ?? temporary.authorize(key, peer),
    answer: ({ body, key, ...call }) =>
      devicePlane.answer(call, body, () => certificateCalls.authorize(key, call.peer)),
    arnOf: (certificateId) => ({ arn: iotArn(account, "cert", certificateId), account: account.id }),
  };
  return { devicePlane, temporary, certificateCalls };
}

/** The broker as the operations of the data plane know it. */
export function messagesOf(
  broker: Broker,
): Pick<MessagePublisher, "retainedMessage" | "retainedTopics" | "disconnect"> {
  return {
    retainedMessage: (topic) => broker.retainedMessage(topic),
    retainedTopics: () => broker.retainedTopics(),
    disconnect: (clientId, how) => broker.disconnect(clientId, how),
  };
}

/** What a device may ask with its certificate: the same operation as an operator's, under the device's own policies. */
function publishing(registry: Registry, broker: Broker): DeviceOperations {
  const { limits } = broker.settings;
  const messages = (publish: MessagePublisher["publish"]) => ({ ...messagesOf(broker), limits, publish });
  const reading = dataHandlers({ registry, messages: messages(() => undefined) });
  return {
    Publish: {
      needs: ({ topic, retain }) => [
        ["iot:Publish", topic],
        ...(retain === true ? ([["iot:RetainPublish", topic]] as const) : []),
      ],
      run(input, { principalId }) {
        const publish = (message: Parameters<Broker["publish"]>[0]) =>
          broker.publish(message, "https", { principalId });
        return dataHandlers({ registry, messages: messages(publish) }).Publish(input);
      },
    },
    GetRetainedMessage: {
      needs: ({ topic }) => [["iot:GetRetainedMessage", topic]],
      run: (input) => reading.GetRetainedMessage(input),
    },
    // Whoever lists sees every topic: nothing less than all of them is asked for.
    ListRetainedMessages: {
      needs: () => [["iot:ListRetainedMessages", "*"]],
      run: (input) => reading.ListRetainedMessages(input),
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
      run: (input, _authority, asker) => handlers.GetThingShadow(input, asker),
    },
    UpdateThingShadow: {
      needs: (input) => [["iot:UpdateThingShadow", thing(input)]],
      run: (input, _authority, asker) => handlers.UpdateThingShadow(input, asker),
    },
    DeleteThingShadow: {
      needs: (input) => [["iot:DeleteThingShadow", thing(input)]],
      run: (input, _authority, asker) => handlers.DeleteThingShadow(input, asker),
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
