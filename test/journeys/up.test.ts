/** `hawser up` as its operator meets it: first and second start, a crash, a second process, what is kept secret. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";

import mqtt from "mqtt";

import { finished, hawser, words, type Program } from "../../scripts/programs.ts";

type Facts = {
  readonly api: string;
  readonly mqtt: string;
  readonly accountId: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly caFile: string;
  readonly credentials: string;
};

function directoryOf(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "hawser-up-"));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

function up(t: TestContext, data: string, more: readonly string[] = []): Program {
  const cloud = hawser(words`up --data ${data} --api-port 0 --mqtt-port 0 ${more}`);
  t.after(() => cloud.stop("SIGKILL"));
  return cloud;
}

async function status(data: string): Promise<Record<string, unknown>> {
  const [line = ""] = await finished(hawser(words`cloud status --data ${data} --json`));
  return JSON.parse(line) as Record<string, unknown>;
}

test("AW-62 hawser up --json prints all that a script needs, in its first line, and keeps it for its owner alone", async (t) => {
  const data = join(directoryOf(t), "cloud");
  const cloud = up(t, data, ["--json"]);
  const facts = await cloud.json<Facts>();
  assert.match(facts.api, /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.match(facts.mqtt, /^localhost:\d+$/);
  assert.match(readFileSync(facts.caFile, "utf8"), /BEGIN CERTIFICATE/);
  const kept = JSON.parse(readFileSync(facts.credentials, "utf8")) as Facts;
  assert.equal(kept.secretAccessKey, facts.secretAccessKey);
  assert.equal(statSync(facts.credentials).mode & 0o777, 0o600);
  assert.equal(statSync(data).mode & 0o777, 0o700);
  assert.equal((await status(data))["accountId"], facts.accountId);
  assert.deepEqual(await cloud.stop("SIGTERM"), { status: 0, signal: null });
});

test("AW-72 the secret access key is shown in full at the first start and masked ever after", async (t) => {
  const data = join(directoryOf(t), "cloud");
  const first = up(t, data);
  const shown = await first.line(/secret access key/);
  const { secretAccessKey } = JSON.parse(readFileSync(join(data, "credentials.json"), "utf8")) as Facts;
  assert.ok(shown.includes(secretAccessKey));
  await first.stop();
  const second = up(t, data);
  const masked = await second.line(/secret access key/);
  assert.ok(!masked.includes(secretAccessKey) && masked.includes("****"), masked);
  await second.stop();
});

test("a second hawser up on the same data is refused clearly, and leaves the first one alone", async (t) => {
  const data = join(directoryOf(t), "cloud");
  const first = up(t, data, ["--json"]);
  await first.json();
  const second = up(t, data);
  assert.equal((await second.ended).status, 1);
  assert.match(second.complaints.join("\n"), /open in another process.*\ncause: .*\ncure: {2}Stop the other hawser/);
  assert.ok(await status(data));
  await first.stop();
});

test("what was acknowledged survives kill -9: account, key, certificates, CA, function and rule", async (t) => {
  const directory = directoryOf(t);
  const [data, ca] = [join(directory, "cloud"), join(directory, "ca")];
  const first = up(t, data, ["--json"]);
  const before = await first.json<Facts>();
  await finished(hawser(words`ca init --dir ${ca} --root-name Root --intermediate-name Intermediate`));
  await finished(hawser(words`cloud register-ca --data ${data} --ca-dir ${ca}`));
  await finished(hawser(words`cloud install-jitr --data ${data}`));
  const root = readFileSync(before.caFile, "utf8");
  const server = readFileSync(join(data, "tls", "server.pem"), "utf8");
  assert.deepEqual(await first.stop("SIGKILL"), { status: null, signal: "SIGKILL" });
  const second = up(t, data, ["--json"]);
  const after = await second.json<Facts>();
  assert.deepEqual(
    [after.accountId, after.accessKeyId, after.secretAccessKey],
    [before.accountId, before.accessKeyId, before.secretAccessKey],
  );
  assert.equal(readFileSync(after.caFile, "utf8"), root);
  assert.equal(readFileSync(join(data, "tls", "server.pem"), "utf8"), server);
  assert.equal(((await status(data))["counts"] as Record<string, number>)["caCertificates"], 1);
  const again = await finished(hawser(words`cloud install-jitr --data ${data} --json`));
  assert.ok(
    again.every((line) => line.includes('"isNew":false')),
    again.join("\n"),
  );
  await second.stop();
});

test("a command that does not find its cloud says how to name it, and a stopped cloud says that nobody answers", async (t) => {
  const nowhere = hawser(["cloud", "status"], { env: { HAWSER_DATA: "" } });
  assert.equal((await nowhere.ended).status, 2);
  const data = join(directoryOf(t), "cloud");
  const never = hawser(words`cloud status --data ${data}`);
  assert.equal((await never.ended).status, 1);
  assert.match(never.complaints.join("\n"), /credentials.json cannot be read.*\ncause: .*\ncure: {2}Start the cloud/);
  const cloud = up(t, data, ["--json"]);
  await cloud.json();
  await cloud.stop();
  const late = hawser(words`why --data ${data}`);
  assert.equal((await late.ended).status, 1);
  assert.match(late.complaints.join("\n"), /does not answer.*\ncause: /);
});

test("beyond loopback the control plane speaks HTTPS; a device that trusts another root, or connects to the wrong port, is told so", async (t) => {
  const directory = directoryOf(t);
  const [data, ca] = [join(directory, "cloud"), join(directory, "ca")];
  const cloud = up(t, data, words`--host 0.0.0.0 --json`);
  const { api, mqtt, caFile } = await cloud.json<Facts>();
  assert.match(api, /^https:\/\/localhost:/);
  assert.ok(await status(data));
  const chip = hawser(words`chip serve --port 0 --json`);
  t.after(() => chip.stop("SIGKILL"));
  const { address = "" } = await chip.json();
  await finished(hawser(words`ca init --dir ${ca} --root-name Root --intermediate-name Intermediate`));
  await finished(hawser(words`device init --chip ${address} --generate --ca-dir ${ca} --subject CN=d`));
  const otherRoot = join(ca, "issuers", "root", "certificate.pem");
  const controlPlane = api.slice("https://".length);
  for (const [where, cafile, code] of [
    [mqtt, otherRoot, "certificate-refused"],
    [mqtt.replace("localhost", "127.0.0.2"), caFile, "certificate-refused"],
    [controlPlane, caFile, "not-mqtt"],
  ] as const) {
    const device = hawser(words`device connect --chip ${address} --cloud ${where} --cafile ${cafile} --json`);
    assert.equal((await device.ended).status, 1);
    assert.match(device.complaints.join("\n"), new RegExp(`"code":"${code}"`), where);
  }
  const [line = ""] = await finished(hawser(words`why --data ${data} --json`));
  assert.match(line, /"cause":"not-http"/, "the latest: MQTT came to the control plane's port");
  const told = await finished(hawser(words`ledger --data ${data} --kinds refusal --json`));
  assert.match(told.join("\n"), /"cause":"tls-failed"/);
  await chip.stop();
  await cloud.stop();
});

test("hawser why names the cause for a device of a CA that nobody registered", async (t) => {
  const directory = directoryOf(t);
  const [data, ca] = [join(directory, "cloud"), join(directory, "ca")];
  const cloud = up(t, data, ["--json"]);
  const { mqtt, caFile } = await cloud.json<Facts>();
  const chip = hawser(words`chip serve --port 0 --json`);
  t.after(() => chip.stop("SIGKILL"));
  const { address = "" } = await chip.json();
  await finished(hawser(words`ca init --dir ${ca} --root-name Root --intermediate-name Intermediate`));
  await finished(hawser(words`device init --chip ${address} --generate --ca-dir ${ca} --subject CN=stranger`));
  const device = hawser(
    words`device connect --chip ${address} --cloud ${mqtt} --cafile ${caFile} --attempts 2 --once --json`,
  );
  assert.equal((await device.ended).status, 1);
  assert.match(device.complaints.join("\n"), /"code":"gave-up","message":"not accepted after 2 attempts/);
  const [line = ""] = await finished(hawser(words`why stranger --data ${data} --json`));
  const { verdict, findings } = JSON.parse(line) as { verdict: string; findings: { cause: string; times: number }[] };
  assert.deepEqual([verdict, findings[0]?.cause, findings[0]?.times], ["refused", "unknown-ca", 2]);
  const [, ...text] = await finished(hawser(words`why stranger --data ${data}`));
  assert.match(text.join("\n"), /unknown-ca {2}client stranger[^]*cure .*register-ca/);
  await chip.stop();
  await cloud.stop();
});

test("hawser up --profile spec --plain-mqtt needs nothing else, lets MQTT clients in, and leaves nothing behind", async (t) => {
  const cloud = hawser(words`up --profile spec --plain-mqtt 0 --relaxed-certificates --account-id 123456789012 --json`);
  t.after(() => cloud.stop("SIGKILL"));
  const facts = await cloud.json<Facts & { readonly plainMqtt: string; readonly accountId: string }>();
  assert.equal(facts.accountId, "123456789012");
  assert.match(cloud.complaints.join("\n"), /certificates are relaxed, for test suites only/);
  const port = Number(facts.plainMqtt.split(":")[1]);
  const client = await mqtt.connectAsync({ host: "127.0.0.1", port, clientId: "any", protocolVersion: 5 });
  const [granted] = await client.subscribeAsync("a/#", { qos: 1 });
  assert.equal(granted?.qos, 1);
  await client.endAsync();
  const directory = dirname(facts.credentials);
  assert.ok(existsSync(directory));
  await cloud.stop("SIGINT");
  assert.ok(!existsSync(directory));
});

test("EG-23 hawser up --legacy-dhe warns, and keeps an RSA certificate beside the other", async (t) => {
  const data = join(directoryOf(t), "cloud");
  const cloud = up(t, data, ["--json", "--legacy-dhe"]);
  await cloud.json();
  assert.ok(existsSync(join(data, "tls", "server-rsa.pem")));
  assert.deepEqual(await cloud.stop("SIGTERM"), { status: 0, signal: null });
  assert.match(cloud.complaints.join("\n"), /DHE_RSA with AES-GCM/);
});

test("hawser up refuses a setting of MQTT that there is not, and says which there are", async (t) => {
  const data = join(directoryOf(t), "cloud");
  const cloud = up(t, data, ["--mqtt-setting", "connectsPerSecond=1", "--mqtt-setting", "conectsPerSecond=1"]);
  assert.equal((await cloud.ended).status, 2);
  assert.match(cloud.complaints.join("\n"), /there is no "conectsPerSecond", only .*accountConnectsPerSecond/);
});

test("hawser up refuses a limit that there is not, and says which there are and what they are", async (t) => {
  const cloud = up(t, join(directoryOf(t), "cloud"), ["--limit", "rules=5", "--limit", "rule=5"]);
  assert.equal((await cloud.ended).status, 2);
  const complaint = cloud.complaints.join("\n");
  assert.match(complaint, /there is no limit "rule", only .*policiesPerPrincipal=10.*rules=5/);
});
