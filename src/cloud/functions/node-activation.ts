import { zipSync } from "fflate";

import { utf8Bytes } from "../../codec/index.ts";

/** A function that is ready to be created. */
export type ReadyFunction = {
  readonly handler: string;
  readonly zip: Uint8Array;
  readonly environment: Readonly<Record<string, string>>;
};

/** What every device gets when it is activated. */
export type ActivationOptions = {
  readonly policyName: string;
  /** JSON; made once, under `policyName`, and left as it is where that exists already. */
  readonly policyDocument: string;
};

/**
 * The activation function of just-in-time registration: for a certificate that was registered at its first connection
 * it makes a thing and a policy, attaches both, and activates the certificate last, so that a device which is let in
 * finds everything in place. Running it again changes nothing.
 */
export function activationFunction({ policyName, policyDocument }: ActivationOptions): ReadyFunction {
  const mtime = "1980-01-01T00:00:00";
  return {
    handler: "index.handler",
    zip: zipSync({ "index.js": [utf8Bytes(SOURCE), { mtime }] }),
    environment: { POLICY_NAME: policyName, POLICY_DOCUMENT: policyDocument },
  };
}

/** CommonJS, for Node 26. */
const SOURCE = `"use strict";
const { X509Certificate } = require("node:crypto");

/** event: { certificateId, caCertificateId, timestamp, certificateStatus, awsAccountId, ... } */
exports.handler = async ({ certificateId, certificateStatus }) => {
  if (certificateStatus !== "PENDING_ACTIVATION") return { certificateId, skipped: certificateStatus };
  const { certificateDescription } = await hawser.call("DescribeCertificate", { certificateId });
  const { certificateArn, certificatePem, status } = certificateDescription;
  // An event may be delivered again after an operator has decided otherwise.
  if (status !== "PENDING_ACTIVATION") return { certificateId, skipped: status };
  const thingName = thingNameOf(certificatePem, certificateId);
  const policyName = process.env.POLICY_NAME;
  await existing(hawser.call("CreatePolicy", { policyName, policyDocument: process.env.POLICY_DOCUMENT }));
  await hawser.call("AttachPolicy", { policyName, target: certificateArn });
  await existing(hawser.call("CreateThing", { thingName }));
  await hawser.call("AttachThingPrincipal", { thingName, principal: certificateArn });
  await hawser.call("UpdateCertificate", { certificateId, newStatus: "ACTIVE" });
  console.log("activated", certificateId, "as thing", thingName);
  return { certificateId, thingName, policyName };
};

/** The subject's common name where it can be the name of a thing, else the certificate id. */
function thingNameOf(pem, certificateId) {
  const name = /^CN=(.+)$/m.exec(new X509Certificate(pem).subject)?.[1] ?? "";
  return /^[a-zA-Z0-9:_-]{1,128}$/.test(name) ? name : certificateId;
}

function existing(call) {
  return call.catch((error) => {
    if (error.name !== "ResourceAlreadyExistsException") throw error;
  });
}
`;
