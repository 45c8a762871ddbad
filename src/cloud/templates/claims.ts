import { attachPolicy, createPolicy, iotArn, issueWithNewKey, type DeviceKeyPair } from "../registry/index.ts";
import type { Workshop } from "./carry-out.ts";
import { describeTemplate } from "./template-store.ts";
import { endAt, sweepTemporary } from "./temporary-certificates.ts";

/** A certificate and key that are good for provisioning one device by one template, for five minutes. */
export type Claim = {
  readonly certificateId: string;
  readonly certificatePem: string;
  readonly keyPair: DeviceKeyPair;
  /** In milliseconds since 1970. */
  readonly expiration: number;
};

const CLAIM_MS = 5 * 60_000;

/**
 * Makes a claim for a trusted user to put into a device. What it may do says the policy ProvisioningClaim-TEMPLATE, which
 * is made with the first one. Throws `NotFound`. AWS IoT API, CreateProvisioningClaim
 */
export async function claimFor({ registry, issuing }: Workshop, templateName: string): Promise<Claim> {
  await describeTemplate(registry, templateName);
  await sweepTemporary(registry);
  const policy = `ProvisioningClaim-${templateName}`;
  if (!registry.directory.policy(policy))
    await createPolicy(registry, policy, claimPolicy(registry.account, templateName));
  const expiration = Math.floor(registry.clock.now() / 1000) * 1000 + CLAIM_MS;
  const { certificateId, certificatePem, keyPair } = await issueWithNewKey(registry, issuing, {
    status: "ACTIVE",
    notAfter: expiration,
  });
  await endAt(registry, certificateId, expiration);
  await attachPolicy(registry, policy, iotArn(registry.account, "cert", certificateId));
  return { certificateId, certificatePem, keyPair, expiration };
}

function claimPolicy({ region, id }: { readonly region: string; readonly id: string }, template: string): string {
  const arn = `arn:aws:iot:${region}:${id}`;
  const topics = [
    "$aws/certificates/create/*",
    "$aws/certificates/create-from-csr/*",
    `$aws/provisioning-templates/${template}/provision/*`,
  ];
  return JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      { Effect: "Allow", Action: "iot:Connect", Resource: `${arn}:client/*` },
      {
        Effect: "Allow",
        Action: ["iot:Publish", "iot:Receive"],
        Resource: topics.map((topic) => `${arn}:topic/${topic}`),
      },
      { Effect: "Allow", Action: "iot:Subscribe", Resource: topics.map((topic) => `${arn}:topicfilter/${topic}`) },
    ],
  });
}
