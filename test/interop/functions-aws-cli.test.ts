/** AWS's own command line creates, runs and removes functions and rules, unmodified. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test, type TestContext } from "node:test";

import { zipSync } from "fflate";

import { startCloud, type RunningCloud } from "../../src/cloud/node.ts";
import { requirePeer } from "./peers.ts";

type Answer = { readonly status: number; readonly stdout: string; readonly stderr: string };
type Record_ = Readonly<Record<string, unknown>>;

const folder = mkdtempSync(join(tmpdir(), "hawser-aws-"));
const AWS = existsSync("/usr/bin/aws") ? "/usr/bin/aws" : "aws";
let cloud: RunningCloud | undefined;

after(async () => {
  await cloud?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function running(): Promise<RunningCloud> {
  const directory = join(folder, "data");
  const options = { directory, host: "127.0.0.1", apiPort: 0, mqttPort: 0, serverNames: ["localhost"] };
  return (cloud ??= await startCloud({ ...options, region: "eu-central-1" }));
}

async function aws(...words: string[]): Promise<Answer> {
  const { api, accessKey } = await running();
  const env = {
    PATH: process.env["PATH"],
    HOME: folder,
    AWS_ACCESS_KEY_ID: accessKey.accessKeyId,
    AWS_SECRET_ACCESS_KEY: accessKey.secretAccessKey,
    AWS_DEFAULT_REGION: "eu-central-1",
    AWS_PAGER: "",
    AWS_DEFAULT_OUTPUT: "json",
  };
  return new Promise((resolve) => {
    execFile(AWS, ["--endpoint-url", api, ...words], { env, cwd: folder }, (error, stdout, stderr) => {
      resolve({ status: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

async function json(...words: string[]): Promise<Record_> {
  const { status, stdout, stderr } = await aws(...words);
  assert.equal(status, 0, `${words.join(" ")}: ${stderr}`);
  return (stdout.trim() === "" ? {} : JSON.parse(stdout)) as Record_;
}

async function refused(error: string, ...words: string[]): Promise<string> {
  const { status, stderr } = await aws(...words);
  assert.notEqual(status, 0);
  assert.match(stderr, new RegExp(`\\(${error}\\)`));
  return stderr;
}

function file(name: string, content: string | Uint8Array): string {
  writeFileSync(join(folder, name), content);
  return name;
}

function zip(source: string): Uint8Array {
  return zipSync({ "index.js": [new TextEncoder().encode(source), { mtime: "2000-01-01" }] });
}

function fetchWithCurl(url: string, { caFile }: RunningCloud): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const words = ["--silent", "--show-error", "--fail", "--cacert", caFile, url];
    execFile("curl", words, { encoding: "buffer" }, (error, stdout) => (error ? reject(error) : resolve(stdout)));
  });
}

function isMissing(t: TestContext): boolean {
  return !requirePeer(t, AWS) || !requirePeer(t, "curl");
}

test("AW-43 AW-56 the AWS CLI creates, invokes, changes, lists and deletes functions", async (t) => {
  if (isMissing(t)) return;
  const source = `exports.handler = async (event) => { console.log("seen", event.n);
    if (event.n === 0) throw new TypeError("no zero"); return { doubled: 2 * event.n, by: process.env.BY } }`;
  file("code.zip", zip(source));
  const role = "arn:aws:iam::123456789012:role/lambda";
  const runtime = [
    "--runtime",
    "nodejs18.x",
    "--role",
    role,
    "--handler",
    "index.handler",
    "--zip-file",
    "fileb://code.zip",
  ];
  const environment = ["--environment", "Variables={BY=one}"];
  const made = await json("lambda", "create-function", "--function-name", "double", ...runtime, ...environment);
  assert.equal(made["State"], "Active");
  await refused("ResourceConflictException", "lambda", "create-function", "--function-name", "double", ...runtime);

  const invoke = (n: number, ...more: string[]) =>
    json(
      "lambda",
      "invoke",
      "--function-name",
      "double",
      "--payload",
      `fileb://${file("in.json", `{"n":${n}}`)}`,
      ...more,
      "out.json",
    );
  const good = await invoke(21, "--log-type", "Tail");
  assert.deepEqual(JSON.parse(readFileSync(join(folder, "out.json"), "utf8")), { doubled: 42, by: "one" });
  assert.deepEqual([good["StatusCode"], good["ExecutedVersion"], good["FunctionError"]], [200, "$LATEST", undefined]);
  assert.match(Buffer.from(String(good["LogResult"]), "base64").toString(), /^START .*\nseen 21\nEND .*\nREPORT /);
  const bad = await invoke(0);
  assert.equal(bad["FunctionError"], "Unhandled");
  const error = JSON.parse(readFileSync(join(folder, "out.json"), "utf8")) as Record_;
  assert.deepEqual([error["errorType"], error["errorMessage"]], ["TypeError", "no zero"]);
  assert.equal((await invoke(1, "--invocation-type", "Event"))["StatusCode"], 202);

  file("code.zip", zip("exports.handler = async () => process.env.BY"));
  await json("lambda", "update-function-code", "--function-name", "double", "--zip-file", "fileb://code.zip");
  const change = ["--environment", "Variables={BY=two}", "--timeout", "7", "--ephemeral-storage", "Size=1024"];
  await json("lambda", "update-function-configuration", "--function-name", "double", ...change);
  await invoke(1);
  assert.equal(readFileSync(join(folder, "out.json"), "utf8"), '"two"');
  const { Configuration, Code } = await json("lambda", "get-function", "--function-name", String(made["FunctionArn"]));
  assert.equal((Configuration as Record_)["Timeout"], 7);
  assert.deepEqual(
    [made, Configuration].map((each) => (each as Record_)["EphemeralStorage"]),
    [{ Size: 512 }, { Size: 1024 }],
  );
  const { Location } = Code as Record_;
  assert.deepEqual(await fetchWithCurl(String(Location), await running()), readFileSync(join(folder, "code.zip")));
  // This version of the CLI lists with a slash at the end of the path; one function a page makes it come back for more.
  await json("lambda", "create-function", "--function-name", "another", ...runtime);
  const { Functions } = await json("lambda", "list-functions", "--page-size", "1");
  assert.deepEqual(
    (Functions as Record_[]).map((each) => [each["FunctionName"], each["Timeout"]]),
    [
      ["another", 3],
      ["double", 7],
    ],
  );
  await json("lambda", "delete-function", "--function-name", "another");
  await json("lambda", "delete-function", "--function-name", "double");
  await refused("ResourceNotFoundException", "lambda", "get-function", "--function-name", "double");
});

test("AW-57 the AWS CLI makes a rule for the registration topic, with the function's permission", async (t) => {
  if (isMissing(t)) return;
  const { account } = await running();
  const FunctionArn = `arn:aws:lambda:eu-central-1:${account.id}:function:hawser-activate`;
  const sql = `SELECT * FROM '$aws/events/certificates/registered/${"ab".repeat(32)}'`;
  const payload = (rule: object) => `file://${file("rule.json", JSON.stringify(rule))}`;
  const rule = { sql, actions: [{ lambda: { functionArn: FunctionArn } }], ruleDisabled: false };
  const create = (given: object) => [
    "iot",
    "create-topic-rule",
    "--rule-name",
    "jitr",
    "--topic-rule-payload",
    payload(given),
  ];
  const where = await refused("SqlParseException", ...create({ ...rule, sql: "SELECT get_secret() FROM 'b'" }));
  assert.match(where, /character 8/);
  await refused(
    "InvalidRequestException",
    ...create({ ...rule, actions: [{ sqs: { roleArn: "role", queueUrl: "q" } }] }),
  );
  await json(...create(rule));
  await refused("ResourceAlreadyExistsException", ...create(rule));
  const kept = await json("iot", "get-topic-rule", "--rule-name", "jitr");
  assert.equal(kept["ruleArn"], `arn:aws:iot:eu-central-1:${account.id}:rule/jitr`);
  assert.equal((kept["rule"] as Record_)["sql"], sql);
  await json("iot", "disable-topic-rule", "--rule-name", "jitr");
  const { rules } = await json("iot", "list-topic-rules");
  assert.deepEqual(
    (rules as Record_[]).map((each) => [each["ruleName"], each["ruleDisabled"]]),
    [["jitr", true]],
  );

  file("code.zip", zip("exports.handler = async () => 1"));
  const role = "arn:aws:iam::123456789012:role/lambda";
  const runtime = [
    "--runtime",
    "nodejs18.x",
    "--role",
    role,
    "--handler",
    "index.handler",
    "--zip-file",
    "fileb://code.zip",
  ];
  const name = ["--function-name", "hawser-activate"];
  await json("lambda", "create-function", ...name, ...runtime);
  const permission = [
    "--statement-id",
    "rule",
    "--action",
    "lambda:InvokeFunction",
    "--principal",
    "iot.amazonaws.com",
  ];
  const source = ["--source-arn", kept["ruleArn"], "--source-account", account.id];
  const added = await json("lambda", "add-permission", ...name, ...permission, ...source);
  const { Policy } = await json("lambda", "get-policy", ...name);
  const { Statement } = JSON.parse(String(Policy)) as { Statement: unknown[] };
  assert.deepEqual(Statement, [JSON.parse(String(added["Statement"]))]);
  await json("lambda", "remove-permission", ...name, "--statement-id", "rule");
  await json("iot", "delete-topic-rule", "--rule-name", "jitr");
  await refused("UnauthorizedException", "iot", "get-topic-rule", "--rule-name", "jitr");
});
