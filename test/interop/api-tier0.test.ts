/** Both AWS CLIs, unmodified, through every operation that the application notes need, each answer held against their model. */
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { zipSync } from "fflate";

import { ABSENT_OPERATIONS, OPERATIONS, type Operation } from "../../src/cloud/operations/index.ts";
import { callOperation } from "../../src/cloud/api/node-client.ts";
import { startCloud } from "../../src/cloud/node.ts";
import { newCa, newLeaf, newSigner } from "../../src/cloud/registry/fixtures.test.ts";
import { AUTHORIZER_STEPS } from "./aws-steps-authorizers.ts";
import { SETTING_STEPS } from "./aws-steps-settings.ts";
import { FLEET_STEPS } from "./aws-steps-fleet.ts";
import { PROVISIONING_STEPS } from "./aws-steps-provisioning.ts";
import { SEARCH_STEPS } from "./aws-steps-search.ts";
import { JOB_STEPS } from "./aws-steps-jobs.ts";
import { SHADOW_FILES, SHADOW_STEPS } from "./aws-steps-shadows.ts";
import { no, ok, words, type Step } from "./aws-steps.ts";
import { certificateToPem, createCsr, csrToPem, nameFromAttributes } from "../../src/pki/index.ts";

type Report = {
  readonly version: string;
  readonly seen: readonly string[];
  readonly problems: readonly string[];
  readonly failures: readonly unknown[];
  readonly variables: Readonly<Record<string, string>>;
  readonly operations: Readonly<Record<"iot" | "iot-data" | "iot-jobs-data", readonly string[]>>;
};

const REGION = "eu-central-1";

/** Pythons that hold an AWS CLI: Debian's version 2, and version 1 where pip installed one. */
const PYTHONS = ["/usr/bin/python3", "python3"].filter(
  (python) => spawnSync(python, ["-c", "import awscli.clidriver"]).status === 0,
);

const POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:*","Resource":"*"}]}';
const RULE = `{"sql":"SELECT * FROM 'a/b'","actions":[{"republish":{"roleArn":"{role}","topic":"c"}}]}`;

const CA_STEPS: readonly Step[] = [
  ok("iot get-registration-code"),
  ok(
    "iot register-ca-certificate --ca-certificate file://ca.pem --verification-certificate file://proof.pem --set-as-active",
    { ca: "certificateId" },
  ),
  no(
    "ResourceAlreadyExistsException",
    "iot register-ca-certificate --ca-certificate file://ca.pem --verification-cert file://proof.pem",
  ),
  ok("iot describe-ca-certificate --certificate-id {ca}"),
  no(
    "InvalidRequestException",
    "iot update-ca-certificate --certificate-id {ca} --new-auto-registration-status ENABLED",
  ),
  ok("iot update-ca-certificate --certificate-id {ca} --new-auto-registration-status ENABLE"),
  ok("iot list-ca-certificates --ascending-order"),
  no("CertificateStateException", "iot delete-ca-certificate --certificate-id {ca}"),
];

const CERTIFICATE_STEPS: readonly Step[] = [
  ok("iot register-certificate --certificate-pem file://leaf.pem --status ACTIVE", {
    id: "certificateId",
    arn: "certificateArn",
  }),
  ok("iot register-certificate-without-ca --certificate-pem file://other.pem", { other: "certificateId" }),
  ok("iot create-keys-and-certificate --set-as-active", { made: "certificateId", key: "keyPair.PrivateKey" }),
  ok("iot create-certificate-from-csr --certificate-signing-request file://chip.csr", { chip: "certificateId" }),
  ok("iot describe-certificate --certificate-id {made}"),
  ok("iot list-certificates --page-size 2"),
  ok("iot list-certificates-by-ca --ca-certificate-id {ca}"),
  no("CertificateStateException", "iot delete-certificate --certificate-id {made}"),
  ok("iot update-certificate --certificate-id {made} --new-status REVOKED"),
  ok("iot delete-certificate --certificate-id {made}"),
  ok("iot delete-certificate --certificate-id {chip}"),
  ok("iot delete-certificate --certificate-id {other}"),
];

const THING_STEPS: readonly Step[] = [
  ok("iot create-thing --thing-name EXAMPLE_DEVICE --attribute-payload attributes={site=A}"),
  ok("iot update-thing --thing-name EXAMPLE_DEVICE --attribute-payload attributes={line=7},merge=true"),
  ok("iot describe-thing --thing-name EXAMPLE_DEVICE"),
  ok("iot list-things"),
  ok("iot attach-thing-principal --thing-name EXAMPLE_DEVICE --principal {arn}"),
  ok("iot list-thing-principals --thing-name EXAMPLE_DEVICE"),
  { ...ok("iot list-thing-principals-v2 --thing-name EXAMPLE_DEVICE"), since: "ListThingPrincipalsV2" },
  {
    ...ok("iot list-principal-things-v2 --principal {arn} --thing-principal-type NON_EXCLUSIVE_THING"),
    since: "ListPrincipalThingsV2",
  },
  ok("iot list-principal-things --principal {arn}"),
  no("InvalidRequestException", "iot delete-thing --thing-name EXAMPLE_DEVICE"),
  ok("iot detach-thing-principal --thing-name EXAMPLE_DEVICE --principal {arn}"),
  ok("iot delete-thing --thing-name EXAMPLE_DEVICE --expected-version 2"),
];

const POLICY_STEPS: readonly Step[] = [
  ok("iot create-policy --policy-name P --policy-document file://policy.json"),
  no("MalformedPolicyException", "iot create-policy --policy-name Q --policy-document {}"),
  ok("iot get-policy --policy-name P"),
  ok("iot list-policies"),
  ok("iot create-policy-version --policy-name P --policy-document file://policy.json", { version: "policyVersionId" }),
  ok("iot get-policy-version --policy-name P --policy-version-id {version}"),
  ok("iot list-policy-versions --policy-name P"),
  ok("iot set-default-policy-version --policy-name P --policy-version-id {version}"),
  ok("iot delete-policy-version --policy-name P --policy-version-id 1"),
  ok("iot attach-policy --policy-name P --target {arn}"),
  ok("iot list-attached-policies --target {arn}"),
  ok("iot list-targets-for-policy --policy-name P"),
  no("DeleteConflictException", "iot delete-policy --policy-name P"),
  ok("iot detach-policy --policy-name P --target {arn}"),
  ok("iot attach-principal-policy --policy-name P --principal {arn}"),
  ok("iot list-principal-policies --principal {arn}"),
  ok("iot list-policy-principals --policy-name P"),
  ok("iot detach-principal-policy --policy-name P --principal {arn}"),
  ok("iot delete-policy --policy-name P"),
];

const FUNCTION_STEPS: readonly Step[] = [
  ok("sts get-caller-identity", { account: "Account" }),
  ok("iam create-role --role-name jitr --assume-role-policy-document file://trust.json", { role: "Role.Arn" }),
  ok("iam get-role --role-name jitr"),
  no("NoSuchEntity", "iam get-role --role-name nobody"),
  ok(
    "lambda create-function --function-name f --runtime nodejs18.x --role {role} --handler index.handler --zip-file fileb://f.zip",
  ),
  ok("lambda get-function --function-name f"),
  ok("lambda get-function-configuration --function-name f"),
  ok("lambda update-function-code --function-name f --zip-file fileb://f.zip"),
  ok("lambda update-function-configuration --function-name f --timeout 9"),
  ok("lambda list-functions"),
  ok(
    "lambda add-permission --function-name f --statement-id s --action lambda:InvokeFunction --principal iot.amazonaws.com",
  ),
  ok("lambda get-policy --function-name f"),
  ok("lambda remove-permission --function-name f --statement-id s"),
  ok("lambda invoke --function-name f --payload fileb://event.json out.json"),
  ok("lambda publish-version --function-name f --description one"),
  ok("lambda list-versions-by-function --function-name f"),
  ok("lambda create-alias --function-name f --name prod --function-version 1"),
  ok("lambda update-alias --function-name f --name prod --description d"),
  ok("lambda get-alias --function-name f --name prod"),
  ok("lambda list-aliases --function-name f"),
  ok("lambda invoke --function-name f --qualifier prod --payload fileb://event.json out.json"),
  ok("lambda delete-alias --function-name f --name prod"),
  ok("lambda put-function-event-invoke-config --function-name f --maximum-retry-attempts 1"),
  ok("lambda update-function-event-invoke-config --function-name f --maximum-event-age-in-seconds 60"),
  ok("lambda get-function-event-invoke-config --function-name f"),
  ok("lambda list-function-event-invoke-configs --function-name f"),
  ok("lambda delete-function-event-invoke-config --function-name f"),
  ok("lambda get-function --function-name f", { functionArn: "Configuration.FunctionArn" }),
  ok("lambda tag-resource --resource {functionArn} --tags team=a,b=c"),
  ok("lambda list-tags --resource {functionArn}"),
  ok("lambda untag-resource --resource {functionArn} --tag-keys team b"),
  ok("lambda get-account-settings"),
  ok("lambda delete-function --function-name f"),
];

const RULE_STEPS: readonly Step[] = [
  { args: [...words("iot create-topic-rule --rule-name r --tags site=A&line=7 --topic-rule-payload"), RULE] },
  ok("iot get-topic-rule --rule-name r"),
  { args: [...words("iot replace-topic-rule --rule-name r --topic-rule-payload"), RULE] },
  ok("iot list-topic-rules"),
  ok("iot disable-topic-rule --rule-name r"),
  ok("iot enable-topic-rule --rule-name r"),
  ok("iot delete-topic-rule --rule-name r"),
  {
    args: [
      ...words("iot create-topic-rule-destination --destination-configuration"),
      '{"httpUrlConfiguration":{"confirmationUrl":"https://hook.invalid/"}}',
    ],
    save: { destination: "topicRuleDestination.arn" },
  },
  ok("iot get-topic-rule-destination --arn {destination}"),
  ok("iot list-topic-rule-destinations"),
  ok("iot update-topic-rule-destination --arn {destination} --status IN_PROGRESS"),
  no("UnauthorizedException", "iot confirm-topic-rule-destination --confirmation-token none"),
  ok("iot delete-topic-rule-destination --arn {destination}"),
  ok("iot-data publish --topic a/b --qos 1 --payload fileb://event.json"),
  ok("iot-data publish --topic kept --qos 1 --retain --payload fileb://event.json"),
  ok("iot-data get-retained-message --topic kept"),
  no("ResourceNotFoundException", "iot-data get-retained-message --topic none"),
  ok("iot-data list-retained-messages --max-items 1"),
  {
    ...no("ResourceNotFoundException", "iot-data delete-connection --client-id nobody --clean-session"),
    since: "DeleteConnection",
  },
  ok("iot describe-endpoint --endpoint-type iot:Data-ATS"),
];

const CLEANUP_STEPS: readonly Step[] = [
  ok("iam delete-role --role-name jitr"),
  ok("iot update-certificate --certificate-id {id} --new-status INACTIVE"),
  ok("iot delete-certificate --certificate-id {id}"),
  ok("iot update-ca-certificate --certificate-id {ca} --new-status INACTIVE"),
  ok("iot delete-ca-certificate --certificate-id {ca}"),
  ok("iot delete-registration-code"),
];

const STEPS = [
  ...CA_STEPS,
  ...CERTIFICATE_STEPS,
  ...THING_STEPS,
  ...POLICY_STEPS,
  ...FLEET_STEPS,
  ...PROVISIONING_STEPS,
  ...AUTHORIZER_STEPS,
  ...SETTING_STEPS,
  ...SEARCH_STEPS,
  ...SHADOW_STEPS,
  ...JOB_STEPS,
  ...FUNCTION_STEPS,
  ...RULE_STEPS,
  ...CLEANUP_STEPS,
];

async function reportOf(t: TestContext, python: string): Promise<Report> {
  const directory = mkdtempSync(join(tmpdir(), "hawser-tier0-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const listen = { host: "127.0.0.1", apiPort: 0, mqttPort: 0, serverNames: ["localhost"], region: REGION };
  const cloud = await startCloud({ directory: join(directory, "data"), ...listen });
  t.after(() => cloud.close());
  const target = { endpoint: cloud.api, region: REGION, credentials: cloud.accessKey };
  const { registrationCode } = await callOperation(target, "GetRegistrationCode", {});
  const issuer = await newCa();
  const subject = nameFromAttributes([["CN", "chip"]]);
  const files: Record<string, string | Uint8Array> = {
    "ca.pem": certificateToPem(issuer.certificate),
    "proof.pem": certificateToPem(await newLeaf({ issuer, name: registrationCode, profile: "verification" })),
    "leaf.pem": certificateToPem(await newLeaf({ issuer })),
    "other.pem": certificateToPem((await newCa("Somebody else")).certificate),
    "chip.csr": csrToPem(await createCsr({ subject, signer: newSigner() })),
    "policy.json": POLICY,
    "trust.json": '{"Version":"2012-10-17","Statement":[]}',
    ...SHADOW_FILES,
    "event.json": '{"n":1}',
    "f.zip": zipSync({ "index.js": new TextEncoder().encode("exports.handler = async (event) => event") }),
  };
  mkdirSync(join(directory, "data/objects/bulk"), { recursive: true, mode: 0o700 });
  writeFileSync(join(directory, "data/objects/bulk/list.json"), '{"Name":"bulk-1"}\n');
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
  const env = {
    PATH: process.env["PATH"],
    HOME: process.env["HOME"],
    AWS_CONFIG_FILE: join(directory, "config"),
    AWS_ACCESS_KEY_ID: cloud.accessKey.accessKeyId,
    AWS_SECRET_ACCESS_KEY: cloud.accessKey.secretAccessKey,
    AWS_DEFAULT_REGION: REGION,
    AWS_DEFAULT_OUTPUT: "json",
    AWS_PAGER: "",
  };
  const driver = join(import.meta.dirname, "aws-driver.py");
  const input = JSON.stringify({ endpoint: cloud.api, steps: STEPS, variables: {} });
  const output = await new Promise<string>((resolve, reject) => {
    const child = execFile(python, [driver], { cwd: directory, env, timeout: 120_000 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${error.message}: ${stderr}`));
      else resolve(stdout);
    });
    // A program that ended already reads nothing; its status tells.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input);
  });
  assert.deepEqual(JSON.parse(readFileSync(join(directory, "out.json"), "utf8")), { n: 1 });
  return JSON.parse(output) as Report;
}

/** Whether an operation is one that this CLI is too old to know. */
function isNewer({ operations }: Report, offered: string): boolean {
  const [service = "", name = ""] = offered.split(":");
  return (
    (service === "iot" || service === "iot-data" || service === "iot-jobs-data") && !operations[service].includes(name)
  );
}

/** What the CLI must have called: every operation of AWS's that the table holds. */
const OFFERED = Object.entries<Operation>(OPERATIONS)
  .filter(([, { service }]) => service !== "hawser")
  .map(([key, { service, name }]) => `${service}:${name ?? key}`);

/** What AWS added to an answer after Debian's AWS CLI; version 1 is newer, and knows them. */
const NEWER_MEMBER = /^DescribeDomainConfiguration has no member (tlsConfig|authenticationType|applicationProtocol)$/;

for (const which of [0, 1]) {
  test(`AW-24 AW-26 AW-31 AW-34 AW-36 AW-37 ${which === 0 ? "Debian's AWS CLI 2" : "AWS CLI 1"} carries out every operation and knows every answer`, async (t) => {
    const python = PYTHONS[which];
    if (python === undefined) {
      if (which === 0 && process.env.CI === "true")
        assert.fail("no python3 holds the AWS CLI; npm run peers installs it");
      return t.skip("no python3 holds this version of the AWS CLI");
    }
    const report = await reportOf(t, python);
    assert.deepEqual(report.failures, [], report.version);
    assert.deepEqual(
      report.problems.filter((each) => which !== 0 || !NEWER_MEMBER.test(each)),
      [],
      report.version,
    );
    const seen = new Set(report.seen);
    assert.deepEqual(
      OFFERED.filter((each) => !seen.has(each) && !isNewer(report, each)),
      [],
    );
    assert.match(report.variables["key"] ?? "", /^-----BEGIN RSA PRIVATE KEY-----\n/);
    // What its help lists is offered, or refused by its name: nothing falls through.
    for (const service of ["iot", "iot-data", "iot-jobs-data"] as const) {
      const absent = ABSENT_OPERATIONS[service].map(([name]) => `${service}:${name}`);
      const unknown = report.operations[service].filter(
        (name) => ![...OFFERED, ...absent].includes(`${service}:${name}`),
      );
      assert.deepEqual(unknown, [], report.version);
    }
  });
}
