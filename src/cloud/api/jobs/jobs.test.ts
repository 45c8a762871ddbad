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
