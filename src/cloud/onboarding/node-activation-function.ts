import { zipSync } from "fflate";

import { utf8Bytes } from "../../codec/index.ts";

/**
 * What an activated device may do. `own-name` ties it to the common name of its certificate: it connects under this
 * client id and uses topics that begin with it, or with `telemetry/` before it. `any-name` lets every device do
 * everything, under any client id: for trying out, as AN12131 does with `-i anyclientID -t foo/bar`.
 */
export const DEVICE_POLICIES = {
  "own-name": policyText(
    allow(["iot:Connect"], ["client/${iot:Certificate.Subject.CommonName}"]),
    allow(
      ["iot:Publish", "iot:Receive", "iot:RetainPublish"],
      [
        "topic/${iot:Certificate.Subject.CommonName}/*",
        "topic/telemetry/${iot:Certificate.Subject.CommonName}",
        "topic/telemetry/${iot:Certificate.Subject.CommonName}/*",
      ],
    ),
    allow(["iot:Subscribe"], ["topicfilter/${iot:Certificate.Subject.CommonName}/*"]),
  ),
  "any-name": policyText(
    allow(["iot:Connect"], ["client/*"]),
    allow(["iot:Publish", "iot:Receive", "iot:RetainPublish"], ["topic/*"]),
    allow(["iot:Subscribe"], ["topicfilter/*"]),
  ),
} as const;

/** How the shipped function is to be created. */
export const ACTIVATION_FUNCTION = {
  name: "hawser-activate",
  handler: "index.handler",
  /** The operations that it calls. */
  operations: ["DescribeCertificate", "RegisterThing", "CreatePolicy"],
  /** The rule that starts it, for all CAs. */
  sql: "SELECT * FROM '$aws/events/certificates/registered/+'",
} as const;

/** The shipped function as a zip with one file: the same bytes each time. */
export function activationFunctionZip(): Uint8Array {
  return zipSync({ "index.mjs": utf8Bytes(activationFunctionSource()) }, { mtime: new Date(2026, 0, 1) });
}

/** The program of the shipped function: an ES module of the functions below, which therefore use nothing from outside. */
export function activationFunctionSource(): string {
  return [
    `// Activates a device that registered itself: makes its thing and its policy, attaches both and activates it, at once.
// Environment: POLICY_NAME (default hawser-device); POLICY_DOCUMENT, used where no policy of that name exists yet.`,
    `const DEFAULT_POLICY = ${JSON.stringify(DEFAULT_POLICY)};`,
    `const TEMPLATE = ${JSON.stringify(TEMPLATE)};`,
    ...[handler, certificateIdOf, thingNameOf, unlessThere].map(String),
    "export { handler };",
    "",
  ].join("\n\n");
}

const DEFAULT_POLICY = DEVICE_POLICIES["own-name"];

/**
 * What activation makes, in one transaction: a device never has half of it. A certificate that no longer waits when the
 * transaction comes to it, because somebody revoked it meanwhile, fails all of it. AWS IoT Core, "Provisioning templates"
 */
const TEMPLATE = JSON.stringify({
  Parameters: { Thing: { Type: "String" }, Certificate: { Type: "String" }, Policy: { Type: "String" } },
  Resources: {
    thing: { Type: "AWS::IoT::Thing", Properties: { ThingName: { Ref: "Thing" } } },
    certificate: {
      Type: "AWS::IoT::Certificate",
      Properties: { CertificateId: { Ref: "Certificate" }, Status: "ACTIVE" },
      OverrideSettings: { Status: "FAIL" },
    },
    policy: { Type: "AWS::IoT::Policy", Properties: { PolicyName: { Ref: "Policy" } } },
  },
});

declare const hawser: { call(operation: string, input: object): Promise<unknown> };
type Described = {
  readonly certificateDescription: { certificatePem: string; status: string };
};

async function handler(event: unknown): Promise<object> {
  const certificateId = certificateIdOf(event);
  const described = (await hawser.call("DescribeCertificate", { certificateId })) as Described;
  const { certificatePem, status } = described.certificateDescription;
  // The event may be old: what somebody has activated, deactivated or revoked since then stays as it is.
  if (status !== "PENDING_ACTIVATION") return { certificateId, status, changed: false };
  const { POLICY_NAME, POLICY_DOCUMENT } = process.env;
  const policyName = POLICY_NAME || "hawser-device";
  const thingName = thingNameOf(certificatePem, certificateId);
  const parameters = { Thing: thingName, Certificate: certificateId, Policy: policyName };
  // One call, which makes all or nothing and waits for the disk once.
  const register = () => hawser.call("RegisterThing", { templateBody: TEMPLATE, parameters });
  try {
    await register();
  } catch (error) {
    if ((error as { name?: string }).name !== "ResourceNotFoundException") throw error;
    // The first device of all: its policy is made, once.
    await unlessThere(hawser.call("CreatePolicy", { policyName, policyDocument: POLICY_DOCUMENT || DEFAULT_POLICY }));
    await register();
  }
  return { certificateId, status: "ACTIVE", changed: true, thingName, policyName };
}

function certificateIdOf(event: unknown): string {
  const { certificateId } = (event ?? {}) as { certificateId?: unknown };
  if (typeof certificateId === "string" && /^[0-9a-f]{64}$/.test(certificateId)) return certificateId;
  throw Object.assign(new Error("the event names no certificate"), { name: "InvalidEvent" });
}

/** The certificate's common name where a thing can be called so, else the certificate's id. */
function thingNameOf(pem: string, certificateId: string): string {
  const { X509Certificate } = process.getBuiltinModule("node:crypto");
  const { CN } = new X509Certificate(pem).toLegacyObject().subject as { CN?: string | string[] };
  const name = Array.isArray(CN) ? CN[0] : CN;
  return name !== undefined && /^[a-zA-Z0-9:_-]{1,128}$/.test(name) ? name : certificateId;
}

/** Waits for a creation; that it exists already is as good: another device came first. */
async function unlessThere(creation: Promise<unknown>): Promise<void> {
  try {
    await creation;
  } catch (error) {
    if ((error as { name?: string }).name !== "ResourceAlreadyExistsException") throw error;
  }
}

function allow(actions: readonly string[], resources: readonly string[]) {
  return { Effect: "Allow", Action: actions, Resource: resources.map((resource) => `arn:aws:iot:*:*:${resource}`) };
}

function policyText(...Statement: object[]): string {
  return JSON.stringify({ Version: "2012-10-17", Statement });
}
