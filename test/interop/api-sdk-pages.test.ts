/** AWS's SDK for JavaScript 3 pages through every list, one entry at a time. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { OPERATIONS, type Operation } from "../../src/cloud/operations/index.ts";
import { POLICY } from "./sdk-steps-registry.ts";
import type { Input } from "./sdk-steps.ts";
import { MODULES, sdkWorld, SERVICES, type Kind, type Send, type Sent } from "./sdk-world.ts";

const KINDS: readonly Kind[] = ["iot", "data", "lambda"];
const ROLE = "arn:aws:iam::123456789012:role/r";
const FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:none";
const TEMPLATE = JSON.stringify({ Resources: { p: { Type: "AWS::IoT::Policy", Properties: { PolicyName: "p1" } } } });

type Fixture = { readonly arn: string; readonly ca: string; readonly thing: string };

/** How many of everything there are. */
const NAMES = ["n1", "n2", "n3"] as const;

/** Three of everything that is listed. */
async function fill(send: Send): Promise<Fixture> {
  const text = (value: unknown) => String(value);
  const make = (name: string, input: Input) => send("iot", name, input);
  const { certificateArn } = await make("CreateKeysAndCertificate", {});
  const arn = text(certificateArn);
  let thing = "";
  for (const n of NAMES) {
    await make("CreateThingType", { thingTypeName: n });
    ({ thingArn: thing } = (await make("CreateThing", { thingName: n })) as Sent & { thingArn: string });
    await make("CreateThingGroup", { thingGroupName: n });
    await make("AddThingToThingGroup", { thingGroupName: n, thingName: "n1" });
    if (n !== "n1") await make("AddThingToThingGroup", { thingGroupName: "n1", thingName: n });
    await make("CreateBillingGroup", { billingGroupName: n });
    await make("AddThingToBillingGroup", { billingGroupName: "n1", thingName: n });
    await make("CreatePolicy", { policyName: n, policyDocument: POLICY });
    await make("AttachPolicy", { policyName: n, target: arn });
    const { certificateArn: more, certificateId } = await make("CreateKeysAndCertificate", {});
    await make("AttachPolicy", { policyName: "n1", target: more });
    await make("AttachThingPrincipal", { thingName: n, principal: arn });
    await make("AttachThingPrincipal", { thingName: "n1", principal: more });
    const leaving = await make("CreateKeysAndCertificate", {});
    await make("TransferCertificate", { certificateId: leaving["certificateId"], targetAwsAccount: "111122223333" });
    assert.ok(certificateId);
    await make("CreateProvisioningTemplate", { templateName: n, provisioningRoleArn: ROLE, templateBody: TEMPLATE });
    if (n !== "n1") await make("CreateProvisioningTemplateVersion", { templateName: "n1", templateBody: TEMPLATE });
    await make("CreateAuthorizer", { authorizerName: n, authorizerFunctionArn: FUNCTION, signingDisabled: true });
    await make("CreateRoleAlias", { roleAlias: n, roleArn: ROLE });
    await make("CreateDomainConfiguration", { domainConfigurationName: n, domainName: `${n}.example` });
    const republish = { republish: { roleArn: ROLE, topic: "c" } };
    await make("CreateTopicRule", {
      ruleName: n,
      topicRulePayload: { sql: "SELECT * FROM 'a'", actions: [republish] },
    });
    await make("CreateJob", { jobId: n, targets: [thing.replace(/n\d$/, "n1")], document: "{}" });
    await make("CreateJobTemplate", { jobTemplateId: n, document: "{}", description: "d" });
    const task = { templateBody: TEMPLATE, inputFileBucket: "bulk", inputFileKey: "list.json", roleArn: ROLE };
    await make("StartThingRegistrationTask", task);
    const payload = new TextEncoder().encode("x");
    await send("data", "Publish", { topic: n, retain: true, payload });
  }
  await make("CreateJob", { jobId: "wide", targets: NAMES.map((n) => thing.replace(/n\d$/, n)), document: "{}" });
  return { arn, ca: "0".repeat(64), thing };
}

/** What each list is asked with, where it needs something. */
const INPUTS: Readonly<Record<string, (fixture: Fixture) => Input>> = {
  ListAttachedPolicies: ({ arn }) => ({ target: arn }),
  ListCertificatesByCA: ({ ca }) => ({ caCertificateId: ca }),
  ListJobExecutionsForJob: () => ({ jobId: "wide" }),
  ListJobExecutionsForThing: () => ({ thingName: "n1" }),
  ListPolicyPrincipals: () => ({ policyName: "n1" }),
  ListPrincipalPolicies: ({ arn }) => ({ principal: arn }),
  ListPrincipalThings: ({ arn }) => ({ principal: arn }),
  ListPrincipalThingsV2: ({ arn }) => ({ principal: arn }),
  ListProvisioningTemplateVersions: () => ({ templateName: "n1" }),
  ListTargetsForPolicy: () => ({ policyName: "n1" }),
  ListThingGroupsForThing: () => ({ thingName: "n1" }),
  ListThingPrincipals: () => ({ thingName: "n1" }),
  ListThingPrincipalsV2: () => ({ thingName: "n1" }),
  ListThingRegistrationTaskReports: () => ({ taskId: "none", reportType: "RESULTS" }),
  ListThingsInBillingGroup: () => ({ billingGroupName: "n1" }),
  ListThingsInThingGroup: () => ({ thingGroupName: "n1" }),
  ListTagsForResource: ({ thing }) => ({ resourceArn: thing.replace(/thing\/.*/, "thinggroup/n1") }),
  ListAliases: () => ({ FunctionName: "none" }),
  ListVersionsByFunction: () => ({ FunctionName: "none" }),
  ListFunctionEventInvokeConfigs: () => ({ FunctionName: "none" }),
};

/** Lists that are empty or refused here: their pages are tested where they can be filled. */
const NOT_FILLED = [
  "ListCertificateProviders",
  "ListCACertificates",
  "ListCertificatesByCA",
  "ListTagsForResource",
  "ListThingRegistrationTaskReports",
  "ListTopicRuleDestinations",
  "ListAliases",
  "ListVersionsByFunction",
  "ListFunctionEventInvokeConfigs",
  "ListFunctions",
];

/** Lists whose token is the last name that was given: any other is a place in the list, too. */
const PLAIN = ["ListTopicRules", "ListFunctions"];

type Paginate = (config: object, input: Input) => AsyncIterable<Sent>;

/** The lists that are offered and that the SDK pages through. */
const LISTS = KINDS.flatMap((kind) =>
  Object.keys(MODULES[kind])
    .filter((name) => name.startsWith("paginate"))
    .map((paginator) => ({ kind, name: paginator.slice("paginate".length), paginator }))
    .filter(({ name }) =>
      Object.entries<Operation>(OPERATIONS).some(
        ([key, row]) => row.service === SERVICES[kind] && (row.name ?? key) === name,
      ),
    ),
);

test("every list that AWS's SDK pages through gives all its entries once, one at a time, and refuses a strange token", async (t) => {
  const { send, clients } = await sdkWorld(t);
  const fixture = await fill(send);
  const wrong: string[] = [];
  for (const { kind, name, paginator } of LISTS) {
    const input = INPUTS[name]?.(fixture) ?? {};
    const paginate = MODULES[kind][paginator] as Paginate;
    try {
      const entries: unknown[] = [];
      let pages = 0;
      for await (const page of paginate({ client: clients[kind], pageSize: 1 }, { ...input })) {
        const found = entriesOf(page);
        if (found.length > 1) wrong.push(`${name} gave ${found.length} on a page of 1`);
        entries.push(...found);
        if ((pages += 1) > 60) break;
      }
      const whole = entriesOf(await send(kind, name, input));
      assert.deepEqual(new Set(entries.map(keyOf)), new Set(whole.map(keyOf)), name);
      assert.equal(new Set(entries.map(keyOf)).size, entries.length, name);
      if (whole.length < 2 && !NOT_FILLED.includes(name)) wrong.push(`${name} has ${whole.length} entries`);
      if (whole.length >= 2 && pages < whole.length) wrong.push(`${name} came on ${pages} pages`);
    } catch (error) {
      if (!NOT_FILLED.includes(name)) wrong.push(`${name}: ${String(error)}`);
    }
    for (const token of PLAIN.includes(name) ? [] : ["AAAA", "eyJhIjoxfQ=="]) {
      const asked = { ...input, [tokenOf(kind, name)]: token };
      const refusal = await send(kind, name, asked).then(
        () => "answered",
        (error: Error) => error.name,
      );
      const fits = /^(InvalidRequest|InvalidParameterValue|ResourceNotFound)Exception$/.test(refusal);
      if (!fits) wrong.push(`${name} with the token ${token}: ${refusal}`);
    }
  }
  assert.deepEqual(wrong, []);
  assert.ok(LISTS.length >= 39, String(LISTS.length));
});

/** The list among an answer's members. */
function entriesOf(page: Sent): readonly unknown[] {
  return Object.values(page).find((each) => Array.isArray(each)) ?? [];
}

function keyOf(entry: unknown): string {
  return JSON.stringify(entry);
}

function tokenOf(kind: Kind, name: string): string {
  const [, row] =
    Object.entries<Operation>(OPERATIONS).find(
      ([key, each]) => each.service === SERVICES[kind] && (each.name ?? key) === name,
    ) ?? [];
  return ["nextToken", "marker", "Marker"].find((each) => row && each in row.input) ?? "nextToken";
}
