/** What tests of functions and rules share: an API for functions over a registry. */
import {
  attachPolicy,
  attachThingPrincipal,
  createPolicy,
  createThing,
  describeCertificate,
  iotArn,
  updateCertificate,
  type Registry,
} from "../registry/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { newIssuing } from "../registry/fixtures.test.ts";
import { carryOut, parseTemplate, planOf } from "../templates/index.ts";
import type { ApiCaller } from "./index.ts";

type Calls = Readonly<Record<string, (input: Readonly<Record<string, string>>) => Promise<unknown>>>;

/** RegisterThing, straight onto the registry. */
export async function registerThing(registry: Registry, input: unknown): Promise<unknown> {
  const { templateBody, parameters } = input as { templateBody: string; parameters: Record<string, string> };
  const shop = { registry, issuing: await newIssuing(), hash: nodeHash };
  return carryOut(shop, planOf(parseTemplate(templateBody), parameters));
}

/** The operations that activation needs, straight onto the registry. */
function callsOf(registry: Registry): Calls {
  return {
    async DescribeCertificate({ certificateId = "" }) {
      const { id, pem, status } = await describeCertificate(registry, certificateId);
      const certificateArn = iotArn(registry.account, "cert", id);
      return { certificateDescription: { certificateArn, certificatePem: pem, status } };
    },
    CreatePolicy: ({ policyName = "", policyDocument = "" }) => createPolicy(registry, policyName, policyDocument),
    AttachPolicy: ({ policyName = "", target = "" }) => attachPolicy(registry, policyName, target),
    CreateThing: ({ thingName = "" }) => createThing(registry, thingName),
    AttachThingPrincipal: ({ thingName = "", principal = "" }) =>
      attachThingPrincipal(registry, thingName, { principal }),
    RegisterThing: (input) => registerThing(registry, input),
    UpdateCertificate: ({ certificateId = "", newStatus }) =>
      updateCertificate(registry, certificateId, newStatus as "ACTIVE"),
  };
}

/** The API as a function sees it, straight onto the registry. */
export function registryApi(registry: Registry): ApiCaller {
  const calls = callsOf(registry);
  return async (operation, input) => calls[operation]?.(input as Record<string, string>);
}
