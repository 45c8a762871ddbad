/** Jobs, met by AWS's device SDK over MQTT 5 and by curl with a device's certificate. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { after, test } from "node:test";

import { iotjobs, iot, mqtt5 } from "aws-iot-device-sdk-v2";

import { deviceWorld } from "./device-world.ts";
import { requirePeer } from "./peers.ts";

// AWS's request-response client leaves a native handle open that keeps the process for ever, however it is closed.
after(() => void setImmediate(() => process.exit()));

test("AWS's jobs client hears of a job, starts it, describes it and ends it", async (t) => {
  const { files, port, call } = await deviceWorld(t);
  const { cert, key, ca } = files;
  const builder = iot.AwsIotMqtt5ClientConfigBuilder.newDirectMqttBuilderWithMtlsFromPath("localhost", cert, key);
  builder.withCertificateAuthorityFromPath(undefined, ca).withPort(port);
  const client = new mqtt5.Mqtt5Client(builder.build());
  const connected = once(client, "connectionSuccess");
  client.start();
  await connected;
  const options = { maxRequestResponseSubscriptions: 8, maxStreamingSubscriptions: 4, operationTimeoutInSeconds: 20 };
  const jobs = iotjobs.IotJobsClientv2.newFromMqtt5(client, options);
  const thingName = "lamp";
  const changes = jobs.createJobExecutionsChangedStream({ thingName });
  const nexts = jobs.createNextJobExecutionChangedStream({ thingName });
  try {
    const subscribed = [once(changes, "subscriptionStatus"), once(nexts, "subscriptionStatus")];
    const changed = once(changes, "incomingPublish");
    const next = once(nexts, "incomingPublish");
    changes.open();
    nexts.open();
    await Promise.all(subscribed);
    const { thingArn } = await call("DescribeThing", { thingName });
    await call("CreateJob", { jobId: "blink", targets: [thingArn], document: '{"times":3}' });
    const [{ message: heard }] = (await changed) as [{ message: iotjobs.model.JobExecutionsChangedEvent }];
    assert.equal(heard.jobs?.["QUEUED"]?.[0]?.jobId, "blink");
    const [{ message: first }] = (await next) as [{ message: iotjobs.model.NextJobExecutionChangedEvent }];
    assert.deepEqual([first.execution?.jobId, first.execution?.jobDocument], ["blink", { times: 3 }]);
    const pending = await jobs.getPendingJobExecutions({ thingName });
    assert.equal(pending.queuedJobs?.[0]?.jobId, "blink");
    const started = await jobs.startNextPendingJobExecution({ thingName });
    assert.deepEqual([started.execution?.status, started.execution?.versionNumber], ["IN_PROGRESS", 2]);
    const described = await jobs.describeJobExecution({ thingName, jobId: "blink" });
    assert.deepEqual(described.execution?.jobDocument, { times: 3 });
    await jobs.updateJobExecution({ thingName, jobId: "blink", status: iotjobs.model.JobStatus.SUCCEEDED });
    const { job } = await call("DescribeJob", { jobId: "blink" });
    assert.equal(job.status, "COMPLETED");
    await assert.rejects(
      jobs.updateJobExecution({ thingName, jobId: "blink", status: iotjobs.model.JobStatus.FAILED }),
    );
  } finally {
    changes.close();
    nexts.close();
    jobs.close();
    const stopped = once(client, "stopped");
    client.stop();
    await stopped;
    client.close();
  }
});

test("curl works on a device's own jobs over HTTPS with its certificate, and on no other's", async (t) => {
  if (!requirePeer(t, "curl")) return;
  const { files, port, call } = await deviceWorld(t);
  const curl = (...args: readonly string[]) =>
    new Promise<Record<string, unknown>>((resolve, reject) => {
      const common = ["-sS", "--cacert", files.ca, "--cert", files.cert, "--key", files.key];
      const [path = "", ...more] = args;
      execFile("curl", [...common, ...more, `https://localhost:${port}${path}`], (error, stdout) =>
        error ? reject(error) : resolve(JSON.parse(stdout) as Record<string, unknown>),
      );
    });
  const { thingArn } = await call("DescribeThing", { thingName: "lamp" });
  await call("CreateJob", { jobId: "blink", targets: [thingArn], document: '{"times":3}' });
  const { queuedJobs } = await curl("/things/lamp/jobs");
  assert.equal((queuedJobs as { jobId: string }[])[0]?.jobId, "blink");
  const started = (await curl("/things/lamp/jobs/$next", "-X", "PUT", "-d", "{}"))["execution"] as Record<
    string,
    unknown
  >;
  assert.deepEqual([started["status"], started["jobDocument"]], ["IN_PROGRESS", '{"times":3}']);
  assert.ok(Number(started["queuedAt"]) > 1e12, "milliseconds");
  const same = (await curl("/things/lamp/jobs/$next"))["execution"] as Record<string, unknown>;
  assert.equal(same["jobId"], "blink");
  const update = '{"status":"SUCCEEDED","includeJobExecutionState":true}';
  const { executionState } = await curl("/things/lamp/jobs/blink", "-d", update);
  assert.equal((executionState as Record<string, unknown>)["status"], "SUCCEEDED");
  assert.equal((await curl("/things/other/jobs"))["cause"], "policy-denies-request");
});
