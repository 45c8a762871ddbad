import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { startCloud } from "../cloud/node.ts";
import { awsCall, awsWord } from "./aws-input.ts";
import { repairLine } from "./aws-line.ts";

const ID = "0".repeat(64);

test("T-15 typographic dashes before an option become two hyphens, and the change is told", () => {
  const { commands, changes } = repairLine(["iot", "describe-ca-certificate", "-\u2013certificate-id", ID]);
  assert.deepEqual(commands, [["iot", "describe-ca-certificate", "--certificate-id", ID]]);
  assert.deepEqual(changes, ["-\u2013certificate-id became --certificate-id: a typographic dash is no hyphen"]);
  for (const dash of ["\u2013", "\u2014", "\u2212", "\u2010\u2010"]) {
    assert.deepEqual(repairLine([`${dash}ca-certificate`, "x"]).commands, [["--ca-certificate", "x"]]);
  }
  const value = ["iot", "create-thing", "--thing-name", "a\u2013b"];
  assert.deepEqual(repairLine(value), { commands: [value], changes: [] });
});

test("T-15 a line of AN12131 with its prompt, and with its dashes at a line's end, is taken as printed", () => {
  const files = ["--ca-certificate", "file://ca", "--verification-certificate", "file://v"];
  for (const prompt of ["$ aws", "$aws", "aws", ""]) {
    const line = ` ${prompt} iot register-ca-certificate -\u2013ca-certificate file://ca -\u2013\nverification-certificate file://v`;
    const { commands, changes } = repairLine([line]);
    const [plain] = commands;
    assert.deepEqual(plain?.slice(plain.indexOf("iot")), ["iot", "register-ca-certificate", ...files]);
    assert.ok(
      changes.includes("-\u2013 verification-certificate became --verification-certificate: a line broke between them"),
    );
    assert.equal(changes.includes("a shell's prompt was left out: $"), prompt.startsWith("$"));
  }
  const value = ["iot", "create-thing", "--thing-name", "$"];
  assert.deepEqual(repairLine(value), { commands: [value], changes: [] });
});

test("what only looks like a command is refused with what to do: a placeholder, aws configure, nothing at all", () => {
  for (const [line, message] of [
    [`aws iot describe-ca-certificate --certificate-id <certificateId>`, /<certificateId> is a placeholder/],
    ["aws configure", /give it accessKeyId, secretAccessKey and region of the cloud's credentials\.json/],
    ["configure", /sets up the AWS CLI/],
    ["", /no command follows/],
  ] as const) {
    assert.throws(() => repairLine(line === "" ? [] : line.split(" ")), { code: "bad-option", message });
  }
});

test("T-16 T-17 ENABLED and --new-autoregistration-status become what the API knows, each told", () => {
  const line = `iot update-ca-certificate --certificate-id ${ID} --new-autoregistration-status ENABLED`;
  const { commands, changes } = repairLine([line]);
  assert.deepEqual(commands[0]?.slice(-2), ["--new-auto-registration-status", "ENABLE"]);
  assert.deepEqual(changes, [
    "--new-autoregistration-status became --new-auto-registration-status: a hyphen was lost at a line's end",
    "ENABLED became ENABLE: the API knows ENABLE and DISABLE",
  ]);
  const elsewhere = ["iot", "create-thing", "--thing-name", "ENABLED"];
  assert.deepEqual(repairLine(elsewhere), { commands: [elsewhere], changes: [] });
});

test("T-43 the placeholder of AN-7648 is named as one, before anything is carried out", () => {
  const line = "iot attach-thing-principal --thing-name EXAMPLE_DEVICE --principal arn:aws:iot:{Certificate ARN}";
  for (const typed of [line.split(" "), [line]]) {
    assert.throws(() => repairLine(typed), { code: "bad-option", message: /\{Certificate ARN\} is a placeholder/ });
  }
});

test("T-40 two commands that were glued together are split where the second begins", () => {
  const { commands, changes } = repairLine([
    "iot create-thing --thing-name EXAMPLE_DEVICEaws iot attach-thing-principal --thing-name EXAMPLE_DEVICE --principal p",
  ]);
  assert.deepEqual(commands, [
    ["iot", "create-thing", "--thing-name", "EXAMPLE_DEVICE"],
    ["iot", "attach-thing-principal", "--thing-name", "EXAMPLE_DEVICE", "--principal", "p"],
  ]);
  assert.deepEqual(changes, ["two commands were glued together: split after EXAMPLE_DEVICE"]);
  assert.deepEqual(repairLine(["iot", "create-thing", "--thing-name", "saws"]).changes, []);
});

test("T-18 the note's openssl line is refused with what is wrong in it: a missing dash, an open quote", () => {
  const line =
    'openssl req -x509 -new -nodes -key k -sha256 -days 3650 out CACertificate_ECC.crt -subj "/CN="Demo CA NXP"';
  assert.throws(() => repairLine([line]), { code: "bad-option", message: /a quote is opened and never closed: "/ });
  assert.throws(() => repairLine(line.replaceAll('"', "").split(" ")), {
    code: "bad-option",
    message: /this is an openssl command.*a dash is missing: -out$/,
  });
});

test("T-19 a host of amazonwas.com is refused, and never resolved", () => {
  const words = ["iot", "describe-endpoint", "--endpoint-url", "https://prefix.iot.us-east-1.amazonwas.com"];
  assert.throws(() => repairLine(words), { code: "bad-option", message: /misprint of amazonaws\.com/ });
});

test("repairLine reads a quoted line as a shell would, typographic quotes too", () => {
  const line = `iot  create-thing\t--thing-name "a b"'c' --attribute-payload \u201cattributes={x=1}\u201d`;
  assert.deepEqual(repairLine([line]), {
    commands: [["iot", "create-thing", "--thing-name", "a bc", "--attribute-payload", "attributes={x=1}"]],
    changes: ["typographic quotes became plain ones"],
  });
  assert.deepEqual(repairLine([`lambda invoke --payload "{\\"n\\":1}"`]).commands[0]?.at(-1), '{"n":1}');
});

test("awsCall reads flags, numbers, JSON, shorthand, files and options cut short", (t) => {
  const directory = mkdtempSync(join(tmpdir(), "hawser-aws-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, "x.pem");
  writeFileSync(file, "PEM");
  const read = (line: string) => awsCall(line.split(" "));
  assert.deepEqual(
    read(`iot register-ca-certificate --ca-certificate file://${file} --verification-cert v --no-set-as-active`),
    {
      name: "RegisterCACertificate",
      input: { caCertificate: "PEM", verificationCertificate: "v", setAsActive: false },
    },
  );
  assert.deepEqual(read("iot list-things --max-results=7 --region eu-central-1"), {
    name: "ListThings",
    input: { maxResults: 7 },
  });
  assert.deepEqual(read("iot create-thing --thing-name t --attribute-payload attributes={a=1,b=2},merge=true").input, {
    thingName: "t",
    attributePayload: { attributes: { a: "1", b: "2" }, merge: true },
  });
  const document = '{"Version":"2012-10-17","Statement":[]}';
  assert.equal(
    awsCall(["iot", "create-policy", "--policy-name", "p", "--policy-document", document]).input["policyDocument"],
    document,
  );
  const rule = ["iot", "create-topic-rule", "--rule-name", "r", "--topic-rule-payload", '{"sql":"x"}'];
  assert.deepEqual(awsCall(rule).input["topicRulePayload"], { sql: "x" });
  assert.deepEqual(read("iot-data publish --topic a --payload hi").input["payload"], new TextEncoder().encode("hi"));
  const code = read(`lambda create-function --function-name f --zip-file fileb://${file}`).input["Code"];
  assert.deepEqual(code, { ZipFile: new TextEncoder().encode("PEM") });
  assert.equal(awsWord("ListCertificatesByCA"), "list-certificates-by-ca");
});

test("awsCall refuses what it does not know, with what there is", () => {
  const cases: [string[], RegExp][] = [
    [["s3", "ls"], /aws s3 is not offered/],
    [["iot", "get-registration-cod"], /there are .*get-registration-code/],
    [["iot", "describe-thing", "--thing", "t", "--x", "y"], /has no option --x; it has --thing-name$/],
    [["iot", "describe-thing", "t"], /t is in the place of an option/],
    [["iot", "describe-thing", "--thing-name"], /--thing-name needs a value/],
    [["iot", "create-thing", "--thing-name", "t", "--attribute-payload", "{"], /--attribute-payload is not JSON/],
    [
      ["iot", "create-thing", "--thing-name", "t", "--attribute-payload", "a={b"],
      /cannot be read at "a=\{b"; give JSON/,
    ],
  ];
  for (const [words, message] of cases) assert.throws(() => awsCall(words), { code: "bad-option", message });
  const misspelt = ["iot", "create-thing", "--thing-name", "t", "--attribute-payload", '{"atributes":{}}'];
  assert.throws(() => awsCall(misspelt), { code: "invalid-request", message: /has no member "atributes"/ });
});

test("T-15 T-17 T-40 hawser aws runs a pasted line against the cloud, and tells what it changed", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "hawser-aws-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const listen = { host: "127.0.0.1", apiPort: 0, mqttPort: 0, serverNames: ["localhost"] };
  const cloud = await startCloud({ directory: join(directory, "data"), ...listen });
  t.after(() => cloud.close());
  const file = join(directory, "credentials.json");
  writeFileSync(file, JSON.stringify({ api: cloud.api, region: cloud.account.region, ...cloud.accessKey }));
  const hawser = (...words: string[]) =>
    new Promise<{ status: unknown; stdout: string; stderr: string }>((resolve) => {
      const argv = [join(import.meta.dirname, "main.ts"), "aws", "--credentials", file, ...words];
      execFile(process.execPath, argv, (error, stdout, stderr) =>
        resolve({ status: error?.code ?? 0, stdout, stderr }),
      );
    });
  const made = await hawser(
    "aws iot create-thing \u2013thing-name EXAMPLE_DEVICEaws iot describe-thing --thing-name EXAMPLE_DEVICE",
  );
  assert.equal(made.status, 0, made.stderr);
  assert.match(made.stderr, /warning: \u2013thing-name became --thing-name.*\n/);
  assert.match(made.stderr, /warning: two commands were glued together: split after EXAMPLE_DEVICE\n/);
  assert.match(made.stdout, /"defaultClientId": "EXAMPLE_DEVICE"/);
  const refused = await hawser("iot", "describe-ca-certificate", "\u2014certificate-id", ID);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /ResourceNotFoundException: CA certificate 0+ not found/);
});
