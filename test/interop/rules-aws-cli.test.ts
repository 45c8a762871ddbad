/** AWS's own command line makes rules with every kind of action, confirms destinations, and publishes. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { startCloud, type RunningCloud } from "../../src/cloud/node.ts";
import { requirePeer } from "./peers.ts";

const AWS = existsSync("/usr/bin/aws") ? "/usr/bin/aws" : "aws";
const ROLE = "arn:aws:iam::123456789012:role/any";

type Answer = { readonly status: number; readonly stdout: string; readonly stderr: string };
type Posted = { readonly path: string; readonly headers: Readonly<Record<string, unknown>>; readonly body: string };

class Bench {
  readonly cloud: RunningCloud;
  readonly directory: string;
  readonly endpoint: string;
  readonly posted: Posted[];
  #waiting: (() => void)[] = [];

  constructor(parts: { cloud: RunningCloud; directory: string; endpoint: string; posted: Posted[] }) {
    this.cloud = parts.cloud;
    this.directory = parts.directory;
    this.endpoint = parts.endpoint;
    this.posted = parts.posted;
  }

  arrived(): void {
    for (const go of this.#waiting.splice(0)) go();
  }

  /** The first request on a path, once it has come. */
  async request(path: string, wanted = 1): Promise<Posted> {
    for (;;) {
      const found = this.posted.filter((each) => each.path.split("?")[0] === path);
      const last = found[wanted - 1];
      if (last) return last;
      await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    }
  }

  async aws(...words: string[]): Promise<Answer> {
    const { api, accessKey } = this.cloud;
    const env = {
      PATH: process.env["PATH"],
      HOME: this.directory,
      AWS_ACCESS_KEY_ID: accessKey.accessKeyId,
      AWS_SECRET_ACCESS_KEY: accessKey.secretAccessKey,
      AWS_DEFAULT_REGION: "eu-central-1",
      AWS_PAGER: "",
      AWS_DEFAULT_OUTPUT: "json",
    };
    return new Promise((resolve) => {
      execFile(AWS, ["--endpoint-url", api, ...words], { env, cwd: this.directory }, (error, stdout, stderr) => {
        resolve({ status: error ? Number(error.code) : 0, stdout, stderr });
      });
    });
  }

  async json(...words: string[]): Promise<Readonly<Record<string, unknown>>> {
    const { status, stdout, stderr } = await this.aws(...words);
    assert.equal(status, 0, `${words.join(" ")}: ${stderr}`);
    return (stdout.trim() === "" ? {} : JSON.parse(stdout)) as Readonly<Record<string, unknown>>;
  }
}

async function benchFor(t: TestContext): Promise<Bench> {
  const directory = mkdtempSync(join(tmpdir(), "hawser-rules-"));
  const posted: Posted[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (part: Buffer) => (body += part.toString()));
    request.on("end", () => {
      posted.push({ path: request.url ?? "", headers: request.headers, body });
      response.end();
      bench.arrived();
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const cloud = await startCloud({
    directory: join(directory, "data"),
    host: "127.0.0.1",
    apiPort: 0,
    mqttPort: 0,
    serverNames: ["localhost"],
    region: "eu-central-1",
    httpActions: { allowPrivate: true, signingKey: { accessKeyId: "AKIDRULES", secretAccessKey: "secret" } },
  });
  t.after(async () => {
    await cloud.close();
    server.closeAllConnections();
    server.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const bench: Bench = new Bench({ cloud, directory, endpoint, posted });
  return bench;
}

async function createRule(bench: Bench, name: string, payload: object): Promise<Answer> {
  return bench.aws("iot", "create-topic-rule", "--rule-name", name, "--topic-rule-payload", JSON.stringify(payload));
}

type Destination = { readonly arn: string; readonly status: string };

test("the AWS CLI makes http, s3, logs and metric rules, confirms destinations, and messages arrive", async (t) => {
  if (!requirePeer(t, AWS)) return;
  const bench = await benchFor(t);
  const { endpoint, directory, cloud } = bench;
  const sigv4 = { signingRegion: "eu-central-1", serviceName: "execute-api", roleArn: ROLE };
  const all = await createRule(bench, "all", {
    sql: "SELECT *, topic(2) AS device, (SELECT VALUE v FROM e WHERE v > 1) AS high FROM 'site/+'",
    awsIotSqlVersion: "2016-03-23",
    actions: [
      {
        http: {
          url: `${endpoint}/hook/\${topic(2)}`,
          confirmationUrl: `${endpoint}/hook`,
          headers: [{ key: "X-Device", value: "${topic(2)}" }],
          auth: { sigv4 },
        },
      },
      { s3: { roleArn: ROLE, bucketName: "lake", key: "${topic()}.json" } },
      { cloudwatchLogs: { roleArn: ROLE, logGroupName: "site" } },
      {
        cloudwatchMetric: {
          roleArn: ROLE,
          metricNamespace: "site",
          metricName: "high",
          metricValue: "${e[1].v}",
          metricUnit: "None",
        },
      },
    ],
  });
  assert.equal(all.status, 0, all.stderr);
  const confirmation = JSON.parse((await bench.request("/hook")).body) as { arn: string; enableUrl: string };
  const got = await bench.json("iot", "get-topic-rule-destination", "--arn", confirmation.arn);
  assert.equal((got["topicRuleDestination"] as Destination).status, "IN_PROGRESS");
  assert.equal((await fetch(confirmation.enableUrl)).status, 200, "whoever has the token confirms without a signature");
  assert.equal((await fetch(confirmation.enableUrl)).status, 401, "once");
  const listed = await bench.json("iot", "list-topic-rule-destinations");
  assert.deepEqual(
    (listed["destinationSummaries"] as Destination[]).map(({ status }) => status),
    ["ENABLED"],
  );
  const message = '{"e":[{"v":1},{"v":5}]}';
  const raw = ["--cli-binary-format", "raw-in-base64-out"];
  await bench.json("iot-data", "publish", "--topic", "site/pump", "--payload", message, ...raw);
  const { headers, body } = await bench.request("/hook/pump");
  assert.deepEqual(JSON.parse(body), { e: [{ v: 1 }, { v: 5 }], device: "pump", high: [5] });
  assert.equal(headers["x-device"], "pump");
  assert.match(String(headers["authorization"]), /Credential=AKIDRULES\/\d{8}\/eu-central-1\/execute-api\//);
  const object = join(directory, "data/objects/lake/site/pump.json");
  assert.deepEqual(JSON.parse(readFileSync(object, "utf8")), JSON.parse(body));
  const records = cloud.ledger.events({ kinds: ["rule.record"] });
  assert.deepEqual(
    records.map((event) => event.kind === "rule.record" && [event.what, event.name]),
    [
      ["log", "site"],
      ["metric", "site/high"],
    ],
  );
  const metrics = await (await fetch(`${cloud.api}/metrics`)).text();
  assert.match(metrics, /hawser_rule_metric\{metric="site\/high",unit="None"\} 5/);
});

test("the AWS CLI creates, confirms, disables and deletes a destination; what is absent is refused by name", async (t) => {
  if (!requirePeer(t, AWS)) return;
  const bench = await benchFor(t);
  const configuration = JSON.stringify({ httpUrlConfiguration: { confirmationUrl: `${bench.endpoint}/other` } });
  const create = ["iot", "create-topic-rule-destination", "--destination-configuration", configuration];
  const made = await bench.json(...create);
  const { arn } = made["topicRuleDestination"] as Destination;
  assert.match((await bench.aws(...create)).stderr, /\(ResourceAlreadyExistsException\)/);
  const { confirmationToken } = JSON.parse((await bench.request("/other")).body) as { confirmationToken: string };
  await bench.json("iot", "confirm-topic-rule-destination", "--confirmation-token", confirmationToken);
  const status = async (): Promise<string> => {
    const { topicRuleDestination } = await bench.json("iot", "get-topic-rule-destination", "--arn", arn);
    return (topicRuleDestination as Destination).status;
  };
  assert.equal(await status(), "ENABLED");
  await bench.json("iot", "update-topic-rule-destination", "--arn", arn, "--status", "DISABLED");
  assert.equal(await status(), "DISABLED");
  await bench.json("iot", "delete-topic-rule-destination", "--arn", arn);
  const gone = await bench.aws("iot", "get-topic-rule-destination", "--arn", arn);
  assert.match(gone.stderr, /\(UnauthorizedException\).*Access to topic rule destination/);

  const sqs = await createRule(bench, "q", {
    sql: "SELECT * FROM 'a'",
    actions: [{ sqs: { roleArn: ROLE, queueUrl: "https://q.example" } }],
  });
  assert.equal(sqs.stderr, "", "kept, and fails when it fires");
  const { rule } = await bench.json("iot", "get-topic-rule", "--rule-name", "q");
  assert.deepEqual((rule as { actions: unknown }).actions, [{ sqs: { roleArn: ROLE, queueUrl: "https://q.example" } }]);
  const malformed = await createRule(bench, "m", {
    sql: "SELECT * FROM 'a' WHERE regexp_matches(a, '(b')",
    actions: [],
  });
  assert.match(malformed.stderr, /\(SqlParseException\).*not closed, at character 44 of the SQL/);
});
