/** The registry, policies and rules by the AWS CLI: arguments, answers, errors and paging as a user of AWS types them. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { createThing } from "../../src/cloud/registry/index.ts";
import { awsPrograms, REGION, startCloud, type CloudUnderTest } from "./api-server.ts";
import { requirePeer } from "./peers.ts";

type Json = Readonly<Record<string, unknown>>;

/** Runs `aws iot …` that must succeed, and gives its JSON. */
async function iot(cloud: CloudUnderTest, program: string, ...args: string[]): Promise<Json> {
  const { status, stdout, stderr } = await cloud.aws(program, "iot", ...args);
  assert.equal(status, 0, `${args.join(" ")}: ${stderr}`);
  return stdout.trim() === "" ? {} : (JSON.parse(stdout) as Json);
}

async function credentials(cloud: CloudUnderTest): Promise<void> {
  const { accessKeyId, secretAccessKey } = cloud.registry.accessKeys.primary;
  const lines = [
    `aws_access_key_id = ${accessKeyId}`,
    `aws_secret_access_key = ${secretAccessKey}`,
    `region = ${REGION}`,
  ];
  writeFileSync(join(cloud.directory, "credentials"), `[default]\n${lines.join("\n")}\n`);
  writeFileSync(join(cloud.directory, "config"), "[default]\noutput = json\n");
}

const POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:*","Resource":"*"}]}';

for (const which of [0, 1]) {
  test(`the AWS CLI ${which === 0 ? "2 of Debian" : "1"} makes, attaches, lists and deletes things and policies`, async (t) => {
    if (!requirePeer(t, "openssl") || !requirePeer(t, "aws")) return;
    const cli = (await awsPrograms())[which];
    if (!cli) return t.skip("only one version of the AWS CLI is installed");
    const cloud = await startCloud(t);
    await credentials(cloud);
    const aws = (...args: string[]) => iot(cloud, cli.program, ...args);
    await cloud.run("sh", [
      "-c",
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k -out d.pem -days 2 -subj /CN=d1",
    ]);
    const { certificateArn, certificateId } = (await aws(
      "register-certificate-without-ca",
      "--certificate-pem",
      "file://d.pem",
      "--status",
      "ACTIVE",
    )) as { certificateArn: string; certificateId: string };
    const attributes = "attributes={site=A,line=7},merge=false";
    const thing = await aws("create-thing", "--thing-name", "EXAMPLE_DEVICE", "--attribute-payload", attributes);
    assert.match(String(thing["thingArn"]), /:thing\/EXAMPLE_DEVICE$/);
    await aws("attach-thing-principal", "--thing-name", "EXAMPLE_DEVICE", "--principal", certificateArn);
    const created = await aws("create-policy", "--policy-name", "fleet=1,a@b", "--policy-document", POLICY);
    assert.equal(created["policyVersionId"], "1");
    await aws("attach-policy", "--policy-name", "fleet=1,a@b", "--target", certificateArn);
    assert.deepEqual(await aws("list-attached-policies", "--target", certificateArn), {
      policies: [{ policyName: "fleet=1,a@b", policyArn: created["policyArn"] }],
    });
    assert.deepEqual(await aws("list-principal-things", "--principal", certificateArn), { things: ["EXAMPLE_DEVICE"] });
    const { certificates } = (await aws("list-certificates")) as { certificates: Json[] };
    assert.deepEqual(
      certificates.map((each) => [each["certificateId"], each["status"]]),
      [[certificateId, "ACTIVE"]],
    );
    const refused = await cloud.aws(cli.program, "iot", "delete-certificate", "--certificate-id", certificateId);
    assert.equal(refused.status, which === 0 ? 254 : 255);
    assert.match(
      refused.stderr,
      /\(CertificateStateException\).*Certificate must be deactivated \(not ACTIVE\) before deletion/,
    );
    await aws("update-certificate", "--certificate-id", certificateId, "--new-status", "INACTIVE");
    await aws("detach-thing-principal", "--thing-name", "EXAMPLE_DEVICE", "--principal", certificateArn);
    await aws("delete-certificate", "--certificate-id", certificateId, "--force-delete");
    await aws("delete-thing", "--thing-name", "EXAMPLE_DEVICE");
    const missing = await cloud.aws(cli.program, "iot", "describe-thing", "--thing-name", "EXAMPLE_DEVICE");
    assert.match(missing.stderr, /\(ResourceNotFoundException\).*Thing EXAMPLE_DEVICE not found/);
  });
}

test("the AWS CLI sends a topic rule whole, pages 300 things by itself, and gives up at once on what is absent", async (t) => {
  if (!requirePeer(t, "openssl") || !requirePeer(t, "aws")) return;
  const { program } = (await awsPrograms())[0] ?? assert.fail();
  const cloud = await startCloud(t);
  await credentials(cloud);
  const ca = "f".repeat(64);
  const rule = {
    sql: `SELECT * FROM '$aws/events/certificates/registered/${ca}'`,
    actions: [{ lambda: { functionArn: "arn:aws:lambda:eu-central-1:123456789012:function:activate" } }],
    ruleDisabled: false,
  };
  writeFileSync(join(cloud.directory, "rule.json"), JSON.stringify(rule));
  await iot(cloud, program, "create-topic-rule", "--rule-name", "activate", "--topic-rule-payload", "file://rule.json");
  assert.deepEqual(cloud.calls, [{ name: "createTopicRule", input: { ruleName: "activate", topicRulePayload: rule } }]);
  const names = Array.from({ length: 300 }, (_, i) => `thing-${String(i).padStart(3, "0")}`);
  await Promise.all(names.map((name) => createThing(cloud.registry, name)));
  const { things } = (await iot(cloud, program, "list-things")) as { things: { thingName: string }[] };
  assert.deepEqual(
    things.map((each) => each.thingName),
    names,
  );
  const absent = await cloud.aws(program, "iot", "list-streams");
  assert.equal(absent.status, 254);
  assert.match(
    absent.stderr,
    /\(NotImplementedException\) when calling the ListStreams operation: ListStreams is not available in this version/,
  );
  assert.doesNotMatch(absent.stderr, /reached max retries/);
});

test("the AWS CLI with a wrong secret, or for another region, is told what was expected", async (t) => {
  if (!requirePeer(t, "openssl") || !requirePeer(t, "aws")) return;
  const { program } = (await awsPrograms())[0] ?? assert.fail();
  const cloud = await startCloud(t);
  await credentials(cloud);
  const elsewhere = await cloud.aws(program, "iot", "list-things", "--region", "us-west-2");
  assert.match(elsewhere.stderr, /\(InvalidSignatureException\).*valid region: 'eu-central-1', not 'us-west-2'/);
  const { accessKeyId } = cloud.registry.accessKeys.primary;
  const wrong = `[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = wrong\nregion = ${REGION}\n`;
  writeFileSync(join(cloud.directory, "credentials"), wrong);
  const forged = await cloud.aws(program, "iot", "list-things");
  assert.equal(forged.status, 254);
  assert.match(forged.stderr, /\(InvalidSignatureException\).*does not match the signature you provided/);
});
