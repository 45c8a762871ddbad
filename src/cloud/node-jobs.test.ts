import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { connectAsync } from "mqtt";

import type { OperationInput, OperationName } from "./operations/index.ts";
import { callOperation } from "./api/node-client.ts";
import { startCloud } from "./node.ts";

test("a cloud tells of jobs from the moment that UpdateEventConfigurations switches it on, and not before", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "hawser-job-events-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const listen = { host: "127.0.0.1", apiPort: 0, mqttPort: 0, plainMqttPort: 0, serverNames: [] };
  const cloud = await startCloud({ directory: join(directory, "data"), relaxedCertificates: true, ...listen });
  t.after(() => cloud.close());
  const target = { endpoint: cloud.api, region: cloud.account.region, credentials: cloud.accessKey };
  const call = <Name extends OperationName>(name: Name, input: OperationInput<Name>) =>
    callOperation(target, name, input);
  const client = await connectAsync(`mqtt://127.0.0.1:${cloud.plainMqtt?.port}`);
  t.after(() => client.end(true));
  await client.subscribeAsync("$aws/events/#");
  const heard: string[] = [];
  const ended = Promise.withResolvers<void>();
  client.on("message", (topic) => {
    heard.push(topic);
    if (topic.endsWith("/last/canceled")) ended.resolve();
  });
  const { thingArn } = await call("CreateThing", { thingName: "T" });
  const cancelled = async (jobId: string) => {
    await call("CreateJob", { jobId, targets: [thingArn], document: "{}" });
    await call("CancelJob", { jobId });
  };
  const set = (JOB: boolean, JOB_EXECUTION: boolean) =>
    call("UpdateEventConfigurations", {
      eventConfigurations: { JOB: { Enabled: JOB }, JOB_EXECUTION: { Enabled: JOB_EXECUTION } },
    });
  await cancelled("silent");
  await set(false, true);
  await cancelled("execution");
  await set(true, false);
  await cancelled("last");
  await ended.promise;
  const ofJobs = heard.filter((topic) => topic.startsWith("$aws/events/job"));
  assert.deepEqual(ofJobs, ["$aws/events/jobExecution/execution/canceled", "$aws/events/job/last/canceled"]);
});
