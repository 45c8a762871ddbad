import assert from "node:assert/strict";
import { test } from "node:test";

import { newApi } from "../fixtures.test.ts";
import { jobHandlers } from "./handlers.ts";

test("a job template is made of a job or of its parts, and gives its terms to the jobs that name it", async (t) => {
  const api = await newApi(t);
  const { thingArn } = await api.call("CreateThing", { thingName: "T" });
  const terms = { timeoutConfig: { inProgressTimeoutInMinutes: 7 } };
  const { jobArn } = await api.call("CreateJob", { jobId: "j", targets: [thingArn], document: '{"a":1}', ...terms });
  const made = await api.call("CreateJobTemplate", { jobTemplateId: "t", jobArn, description: "from a job" });
  const found = await api.call("DescribeJobTemplate", { jobTemplateId: "t" });
  assert.deepEqual([found.document, found.timeoutConfig], ['{"a":1}', terms.timeoutConfig]);
  await api.call("CreateJob", { jobId: "k", targets: [thingArn], jobTemplateArn: made.jobTemplateArn });
  const { job } = await api.call("DescribeJob", { jobId: "k" });
  assert.deepEqual(job.timeoutConfig, terms.timeoutConfig);
  assert.deepEqual(await api.call("GetJobDocument", { jobId: "k" }), { document: '{"a":1}' });
  const again = { jobTemplateId: "t", document: "{}", description: "again" };
  await assert.rejects(api.call("CreateJobTemplate", again), { wire: 409, type: "ConflictException" });
  const { jobs } = await api.call("ListJobs", {});
  assert.deepEqual(
    jobs.map(({ jobId }) => jobId).toSorted((a, b) => (a < b ? -1 : 1)),
    ["j", "k"],
  );
});

test("job templates of one name are refused by their code", async (t) => {
  const { registry, jobs } = await newApi(t);
  const handlers = jobHandlers(registry, jobs);
  const template = { jobTemplateId: "t", document: "{}", description: "d" };
  await handlers.CreateJobTemplate(template);
  await assert.rejects(handlers.CreateJobTemplate(template), { code: "job-template-exists" });
});

test("jobs are listed by pages, oldest first, and executions by theirs", async (t) => {
  const api = await newApi(t);
  const targets: string[] = [];
  for (const thingName of ["a", "b", "c"]) targets.push((await api.call("CreateThing", { thingName })).thingArn);
  for (const jobId of ["1", "2", "3"]) {
    await api.call("CreateJob", { jobId, targets, document: "{}" });
    api.clock.advance(1000);
  }
  const first = await api.call("ListJobs", { maxResults: 2 });
  assert.deepEqual(
    first.jobs.map(({ jobId }) => jobId),
    ["1", "2"],
  );
  const second = await api.call("ListJobs", { maxResults: 2, nextToken: first.nextToken ?? "" });
  assert.deepEqual([second.jobs.map(({ jobId }) => jobId), second.nextToken], [["3"], undefined]);
  const page = await api.call("ListJobExecutionsForJob", { jobId: "1", maxResults: 2 });
  assert.equal(page.executionSummaries.length, 2);
  const rest = await api.call("ListJobExecutionsForJob", { jobId: "1", nextToken: page.nextToken ?? "" });
  assert.deepEqual(
    rest.executionSummaries.map(({ thingArn }) => thingArn),
    targets.slice(2),
  );
});

test("jobs and job templates carry tags, from their making to their deletion; wrong tags make no job", async (t) => {
  const api = await newApi(t);
  const { thingArn } = await api.call("CreateThing", { thingName: "T" });
  const order = { targets: [thingArn], document: "{}" };
  const tags = [{ Key: "site", Value: "A" }];
  const { jobArn } = await api.call("CreateJob", { jobId: "j", ...order, tags });
  const template = { jobTemplateId: "t", document: "{}", description: "d", tags };
  const { jobTemplateArn } = await api.call("CreateJobTemplate", template);
  for (const resourceArn of [jobArn, jobTemplateArn]) {
    await api.call("TagResource", { resourceArn, tags: [{ Key: "line", Value: "7" }] });
    await api.call("UntagResource", { resourceArn, tagKeys: ["site"] });
    assert.deepEqual((await api.call("ListTagsForResource", { resourceArn })).tags, [{ Key: "line", Value: "7" }]);
  }
  await api.call("DeleteJob", { jobId: "j", force: true });
  await api.call("DeleteJobTemplate", { jobTemplateId: "t" });
  await api.call("CreateJob", { jobId: "j", ...order });
  await api.call("CreateJobTemplate", { ...template, tags: [] });
  for (const resourceArn of [jobArn, jobTemplateArn]) {
    assert.deepEqual((await api.call("ListTagsForResource", { resourceArn })).tags, []);
  }
  const reserved = [{ Key: "aws:x", Value: "" }];
  await assert.rejects(api.call("CreateJob", { jobId: "k", ...order, tags: reserved }), { wire: 400 });
  await assert.rejects(api.call("DescribeJob", { jobId: "k" }), { type: "ResourceNotFoundException" });
});

test("maintenance windows come from the order or its template, and the next seven are told", async (t) => {
  const api = await newApi(t);
  const { thingArn } = await api.call("CreateThing", { thingName: "T" });
  const maintenanceWindows = [{ startTime: "30 3 ? * MON *", durationInMinutes: 60 }];
  const template = { jobTemplateId: "t", document: "{}", description: "d", maintenanceWindows };
  const { jobTemplateArn } = await api.call("CreateJobTemplate", template);
  assert.deepEqual(
    (await api.call("DescribeJobTemplate", { jobTemplateId: "t" })).maintenanceWindows,
    maintenanceWindows,
  );
  const order = { targets: [thingArn], targetSelection: "CONTINUOUS" } as const;
  await api.call("CreateJob", { jobId: "j", ...order, jobTemplateArn });
  const { job } = await api.call("DescribeJob", { jobId: "j" });
  assert.deepEqual(job.schedulingConfig, { maintenanceWindows });
  assert.equal(job.scheduledJobRollouts?.length, 7);
  assert.deepEqual(job.scheduledJobRollouts?.[0], { startTime: "2026-01-05T03:30:00Z" });
  await api.call("CreateJobTemplate", { jobTemplateId: "u", jobArn: job.jobArn, description: "again" });
  const copy = await api.call("DescribeJobTemplate", { jobTemplateId: "u" });
  assert.deepEqual(copy.maintenanceWindows, maintenanceWindows);
  const wrong = { ...template, jobTemplateId: "v", maintenanceWindows: [{ startTime: "x", durationInMinutes: 1 }] };
  await assert.rejects(api.call("CreateJobTemplate", wrong), { type: "InvalidRequestException" });
});

test("what only AWS's managed templates have is refused for what it is", async (t) => {
  const api = await newApi(t);
  const { thingArn } = await api.call("CreateThing", { thingName: "T" });
  const order = { jobId: "j", targets: [thingArn] };
  const own = { ...order, document: "{}", documentParameters: { a: "b" } };
  await assert.rejects(api.call("CreateJob", own), { type: "InvalidRequestException" });
  const managed = { ...order, jobTemplateArn: "arn:aws:iot:eu-central-1::jobtemplate/AWS-Reboot:1.0" };
  await assert.rejects(api.call("CreateJob", managed), { type: "NotImplementedException" });
});

test("ListJobs finds the jobs of a group by its name and by its id", async (t) => {
  const api = await newApi(t);
  const { thingGroupArn = "", thingGroupId = "" } = await api.call("CreateThingGroup", { thingGroupName: "g" });
  const { thingArn } = await api.call("CreateThing", { thingName: "T" });
  await api.call("CreateJob", { jobId: "1", targets: [thingGroupArn], document: "{}" });
  await api.call("CreateJob", { jobId: "2", targets: [thingArn], document: "{}" });
  const found = async (filter: { thingGroupName?: string; thingGroupId?: string }) =>
    (await api.call("ListJobs", filter)).jobs.map(({ jobId }) => jobId);
  assert.deepEqual(await found({ thingGroupName: "g" }), ["1"]);
  assert.deepEqual(await found({ thingGroupId }), ["1"]);
  assert.deepEqual(await found({ thingGroupId: "none" }), []);
  assert.deepEqual(await found({}), ["1", "2"]);
});

test("over HTTPS a device's stale version and its ended job have the one name that the model gives both", async (t) => {
  const api = await newApi(t);
  const { thingArn } = await api.call("CreateThing", { thingName: "T" });
  await api.call("CreateJob", { jobId: "j", targets: [thingArn], document: "{}" });
  await api.call("StartNextPendingJobExecution", { thingName: "T" });
  const update = { thingName: "T", jobId: "j", status: "SUCCEEDED" } as const;
  const refused = { type: "InvalidStateTransitionException", wire: 409 };
  await assert.rejects(api.call("UpdateJobExecution", { ...update, expectedVersion: 9 }), refused);
  await api.call("UpdateJobExecution", { ...update, expectedVersion: 2 });
  await assert.rejects(api.call("UpdateJobExecution", update), refused);
  const over = { type: "InvalidRequestException" };
  await assert.rejects(api.call("UpdateJob", { jobId: "j", description: "late" }), over);
});
