/** AWS's SDK for JavaScript 3, unmodified, through every operation: what it parses, and its classes of errors. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test, type TestContext } from "node:test";

import { zipSync } from "fflate";

import { OPERATIONS, type Operation } from "../../src/cloud/operations/index.ts";
import { newCa, newLeaf, newSigner } from "../../src/cloud/registry/fixtures.test.ts";
import { certificateToPem, createCsr, csrToPem, nameFromAttributes } from "../../src/pki/index.ts";
import {
  ASKING_STEPS,
  AUTHORIZER_STEPS,
  DATA_STEPS,
  JOB_STEPS,
  LAMBDA_STEPS,
  LAST_STEPS,
  PROVISIONING_STEPS,
  RULE_STEPS,
  SETTING_STEPS,
} from "./sdk-steps-account.ts";
import { FLEET_STEPS, INDEX_STEPS } from "./sdk-steps-fleet.ts";
import { CERTIFICATE_STEPS, POLICY, POLICY_STEPS, THING_STEPS } from "./sdk-steps-registry.ts";
import type { Given, SdkStep } from "./sdk-steps.ts";
import { MODULES, sdkWorld, SERVICES, type Send, type Sent } from "./sdk-world.ts";

/** What the steps begin with: certificates of two CAs, a CSR, a zip, somebody who hears of destinations. */
async function fixtures(t: TestContext, send: Send): Promise<Given> {
  const { registrationCode } = await send("iot", "GetRegistrationCode", {});
  const issuer = await newCa();
  const other = await newCa("Other");
  const proof = await newLeaf({ issuer, name: String(registrationCode), profile: "verification" });
  const wrongProof = await newLeaf({ issuer: other, name: "no code", profile: "verification" });
  const csr = await createCsr({ subject: nameFromAttributes([["CN", "chip"]]), signer: newSigner() });
  const handler = new TextEncoder().encode(HANDLER);
  const given: Given = {
    account: "123456789012",
    ca: certificateToPem(issuer.certificate),
    proof: certificateToPem(proof),
    otherCa: certificateToPem(other.certificate),
    otherProof: certificateToPem(wrongProof),
    leaf: certificateToPem(await newLeaf({ issuer })),
    orphan: certificateToPem((await newCa("Somebody else")).certificate),
    csr: csrToPem(csr),
    zip: Buffer.from(zipSync({ "index.js": handler })).toString("base64"),
  };
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const asked = JSON.parse(Buffer.concat(parts).toString()) as { confirmationToken?: string };
      given["token"] = asked.confirmationToken ?? "";
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => new Promise((resolve) => server.close(resolve)));
  const { port } = server.address() as { readonly port: number };
  given["hook"] = `http://127.0.0.1:${port}/hook`;
  return given;
}

const HANDLER = `exports.handler = async (event) => event.token !== "yes" ? event : {
  isAuthenticated: true, principalId: "p", policyDocuments: ['${POLICY}'],
  disconnectAfterInSeconds: 300, refreshAfterInSeconds: 300,
};`;

const STEPS: readonly SdkStep[] = [
  ...CERTIFICATE_STEPS,
  ...THING_STEPS,
  ...POLICY_STEPS,
  ...FLEET_STEPS,
  ...INDEX_STEPS,
  ...PROVISIONING_STEPS,
  ...AUTHORIZER_STEPS,
  ...SETTING_STEPS,
  ...RULE_STEPS,
  ...JOB_STEPS,
  ...DATA_STEPS,
  ...LAMBDA_STEPS,
  ...ASKING_STEPS,
  ...LAST_STEPS,
];

test("AWS's SDK 3 carries out every operation, parses every answer whole and throws its own class for each refusal", async (t) => {
  const { send } = await sdkWorld(t);
  const given = await fixtures(t, send);
  const wrong: string[] = [];
  const provoked = new Set<string>();
  const done = new Set<string>();
  for (const step of STEPS) {
    const problem = await problemOf(step, given, send);
    if (problem !== undefined) wrong.push(`${step.name}: ${problem}`);
    (step.refused === undefined ? done : provoked).add(`${SERVICES[step.client]} ${step.name} ${step.refused ?? ""}`);
  }
  assert.deepEqual(wrong, []);
  const rows = Object.entries<Operation>(OPERATIONS).map(([key, row]) => ({ ...row, name: row.name ?? key }));
  const walked = rows.filter(({ service }) => Object.values(SERVICES).includes(service));
  const missing = walked.filter(({ service, name }) => !done.has(`${service} ${name} `)).map(({ name }) => name);
  assert.deepEqual(missing, Object.keys(NOT_CARRIED_OUT));
  const errors = walked.flatMap(({ service, name, errors: named }) =>
    named.map((each) => `${service} ${name} ${each}`),
  );
  const left = errors.filter((each) => !provoked.has(each));
  const reasons = Object.values(NOT_PROVOKED);
  assert.deepEqual(
    left.filter((each) => !reasons.some((reason) => reason.test(each))),
    [],
  );
  assert.deepEqual(
    reasons.filter((reason) => !left.some((each) => reason.test(each))),
    [],
  );
});

/** Operations that nothing here can carry to success, and why. */
const NOT_CARRIED_OUT: Readonly<Record<string, string>> = {
  DeleteThingType: "a type must have been deprecated for five minutes",
  StopThingRegistrationTask: "a list of one line is done before anybody can stop it",
  DeleteConnection: "nobody is connected here: delete-connection.test.ts",
};

/** Errors of the model that nothing here can provoke, by the reason. */
const NOT_PROVOKED: Readonly<Record<string, RegExp>> = {
  "writes follow each other: none conflicts": / ConflictingResourceUpdateException$/,
  "nothing here limits it": /^iot (?!Register|Attach|TagResource)\w+ LimitExceededException$/,
  "eleven CAs of one subject, two CAs of one key: tests of the registry":
    /^iot (RegisterCACertificate Limit|RegisterCertificate CertificateConflict)/,
  "what is not there is as good as deleted, and an empty list is one":
    /^iot (DeleteThing|ListBillingGroups|ListJobs) ResourceNotFoundException$/,
  "every field can be counted": /^iot Get(Cardinality|BucketsAggregation) InvalidAggregationException$/,
  "another default takes the first one's place": /^iot SetDefaultAuthorizer ResourceAlreadyExistsException$/,
  "nothing holds on to it": /^iot Delete(RoleAlias|CertificateProvider) DeleteConflictException$/,
  "server certificates are the cloud's own": /^iot (Create|Update)DomainConfiguration CertificateValidationException$/,
  "there is no document to read": /^iot-data (Get|Delete)ThingShadow UnsupportedDocumentEncodingException$/,
  "ten requests at once for one thing: tests of shadows": /^iot-data \w+ ThrottlingException$/,
  "an operator's key may end any connection": /^iot-data DeleteConnection ForbiddenException$/,
  "a thing without shadows has none": /^iot-data ListNamedShadowsForThing ResourceNotFoundException$/,
  "megabytes, or running functions: tests of functions":
    /^lambda \w+ (CodeStorageExceeded|PolicyLengthExceeded|TooManyRequests|ResourceConflict)Exception$/,
};

async function problemOf(step: SdkStep, given: Given, send: Send) {
  const { client, name, input, gives = [], keep = {}, refused } = step;
  try {
    const output = await send(client, name, typeof input === "function" ? input(given) : input);
    if (refused !== undefined) return `was not refused with ${refused}`;
    const members = Object.keys(output).filter((each) => each !== "$metadata" && output[each] !== undefined);
    for (const [as, path] of Object.entries(keep)) given[as] = String(at(output, path));
    return same(members, gives) ? undefined : `gave ${members.join(" ")}, not ${gives.join(" ")}`;
  } catch (error) {
    if (refused === undefined) return String(error);
    const Expected = MODULES[client][refused] as (new () => object) | undefined;
    const { attempts } = (error as Sent).$metadata ?? {};
    const wanted = TRIED_AGAIN.includes(refused) ? 3 : 1;
    if (Expected && error instanceof Expected && attempts === wanted) return undefined;
    return `${String(error)} after ${attempts} attempts, not ${refused}`;
  }
}

/** What the SDK takes for throttling by its name, whatever its status. */
const TRIED_AGAIN: readonly string[] = ["LimitExceededException"];

function at(value: unknown, path: string): unknown {
  return path.split(".").reduce((each, part) => (each as Record<string, unknown>)[part], value);
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each) => b.includes(each));
}
