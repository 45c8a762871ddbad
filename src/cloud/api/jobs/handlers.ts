import {
  checkWindows,
  comingWindows,
  processDetails,
  type Execution,
  type Job,
  type Jobs,
  type MaintenanceWindow,
  type NewJob,
} from "../../jobs/index.ts";
import { invalidRequest, notImplemented, type CloudErrorCode } from "../../errors.ts";
import {
  allThingGroups,
  describeThing,
  iotArn,
  nameOfArn,
  newResource,
  putTags,
  removeTags,
  resourceKind,
  type Registry,
} from "../../registry/index.ts";
import { Conflict } from "../../../codec/index.ts";
import {
  type ExecutionSummary,
  type HandlersOf,
  type JOB_OPERATIONS,
  pageRequestOf,
  tokenPage,
} from "../../operations/index.ts";

type TemplateBody = Omit<NewJob, "targets" | "targetSelection" | "document" | "schedulingConfig"> & {
  readonly document: string;
  readonly description: string;
  readonly maintenanceWindows?: readonly MaintenanceWindow[] | undefined;
};

const TEMPLATES = resourceKind<TemplateBody>("job-template", "Job template");

/** Jobs in AWS's words. */
export function jobHandlers(registry: Registry, jobs: Jobs): HandlersOf<keyof typeof JOB_OPERATIONS> {
  return { ...jobParts(registry, jobs), ...executionParts(registry, jobs), ...templateParts(registry, jobs) };
}

type JobPart =
  | "CreateJob"
  | "DescribeJob"
  | "UpdateJob"
  | "CancelJob"
  | "DeleteJob"
  | "ListJobs"
  | "GetJobDocument"
  | "AssociateTargetsWithJob";

function jobParts(registry: Registry, jobs: Jobs): HandlersOf<JobPart> {
  const { account } = registry;
  const named = ({ id, order }: Job) => {
    const { description } = order;
    return { jobArn: iotArn(account, "job", id), jobId: id, ...(description !== undefined && { description }) };
  };
  return {
    async CreateJob({ jobId, tags, documentParameters, ...wanted }) {
      const { jobTemplateArn } = wanted;
      const { maintenanceWindows, ...template } =
        jobTemplateArn === undefined ? {} : await templateOf(registry, jobTemplateArn);
      if (documentParameters) throw invalidRequest("documentParameters are for AWS managed templates only");
      const schedulingConfig = maintenanceWindows && { maintenanceWindows, ...wanted.schedulingConfig };
      const order = { ...template, ...wanted, ...(schedulingConfig && { schedulingConfig }) };
      const job = await jobs.create(jobId, order, tags);
      return named(job);
    },
    async DescribeJob({ jobId }) {
      const { job, counts } = await jobs.describe(jobId);
      const { document: _, documentSource, ...order } = job.order;
      const { forceCanceled, reasonCode, comment } = job.history;
      const more = { ...order, ...named(job), status: job.status, forceCanceled, reasonCode, comment };
      const isConcurrent = false;
      const rollouts = comingWindows(job.order, registry.clock.now()).map((at) => ({
        startTime: new Date(at).toISOString().replace(".000Z", "Z"),
      }));
      const details = { isConcurrent, jobProcessDetails: processDetails(counts) };
      const scheduled = rollouts.length > 0 && { scheduledJobRollouts: rollouts };
      const described = { ...more, ...timesOf(job), ...details, ...scheduled };
      return { ...(documentSource !== undefined && { documentSource }), job: described };
    },
    UpdateJob({ jobId, ...rest }) {
      const { namespaceId: _, ...changes } = rest;
      return jobs.update(jobId, changes);
    },
    CancelJob: async ({ jobId, ...why }) => named(await jobs.cancel(jobId, why)),
    DeleteJob: ({ jobId, force }) => jobs.delete(jobId, force),
    async ListJobs({ status, targetSelection, thingGroupName, thingGroupId, namespaceId, ...page }) {
      const groups = await groupArns(registry, { thingGroupName, thingGroupId });
      const matches = (job: Job) =>
        (status === undefined || job.status === status) &&
        (targetSelection === undefined || job.order.targetSelection === targetSelection) &&
        (namespaceId === undefined || job.order.namespaceId === namespaceId) &&
        groups.every((group) => job.order.targets.includes(group));
      return tokenPage("jobs", await jobs.list(pageRequestOf(page), matches), (job) => {
        const { jobArn, jobId } = named(job);
        const { targetSelection: selection } = job.order;
        return { jobArn, jobId, targetSelection: selection, status: job.status, ...timesOf(job), isConcurrent: false };
      });
    },
    GetJobDocument: async ({ jobId }) => ({ document: (await jobs.describe(jobId)).job.order.document }),
    AssociateTargetsWithJob: async ({ jobId, targets, comment }) =>
      named(await jobs.associate(jobId, targets, comment)),
  };
}

/** The ARNs of groups that a list asks for by name and by id; what no group has is no job's target. */
async function groupArns(
  { account, store }: Registry,
  asked: { readonly thingGroupName?: string | undefined; readonly thingGroupId?: string | undefined },
): Promise<readonly string[]> {
  const { thingGroupName: name, thingGroupId: id } = asked;
  const found = id === undefined ? undefined : (await allThingGroups(store.read)).find(({ body }) => body.id === id);
  const names = [...(name === undefined ? [] : [name]), ...(id === undefined ? [] : [found?.name ?? ""])];
  return names.map((each) => iotArn(account, "thinggroup", each));
}

type ExecutionPart =
  | "CancelJobExecution"
  | "DeleteJobExecution"
  | "DescribeJobExecution"
  | "ListJobExecutionsForJob"
  | "ListJobExecutionsForThing";

function executionParts(registry: Registry, jobs: Jobs): HandlersOf<ExecutionPart> {
  const { account, clock } = registry;
  return {
    CancelJobExecution: ({ jobId, thingName, statusDetails: details, ...how }) =>
      jobs.cancelExecution(jobId, thingName, { ...how, details }),
    DeleteJobExecution: ({ jobId, thingName, executionNumber: number, force }) =>
      jobs.deleteExecution(jobId, thingName, { number, force }),
    async DescribeJobExecution({ jobId, thingName, executionNumber }) {
      const found = await jobs.execution(jobId, thingName, executionNumber);
      const { retryAttempt: _, ...summary } = summaryOf(found);
      const { forceCanceled, details: detailsMap, version: versionNumber, dueAt } = found;
      const left = dueAt === null ? undefined : Math.max(0, Math.floor((dueAt - clock.now()) / 1000));
      const thingArn = iotArn(account, "thing", thingName);
      const more = { jobId, thingArn, forceCanceled, statusDetails: { detailsMap }, versionNumber };
      return {
        execution: { ...summary, ...more, ...(left !== undefined && { approximateSecondsBeforeTimedOut: left }) },
      };
    },
    async ListJobExecutionsForJob({ jobId, status, ...page }) {
      await jobs.describe(jobId);
      const found = await jobs.executions({ job: jobId, status }, pageRequestOf(page));
      return tokenPage("executionSummaries", found, (each) => {
        return { thingArn: iotArn(account, "thing", each.thing), jobExecutionSummary: summaryOf(each) };
      });
    },
    async ListJobExecutionsForThing({ thingName, status, jobId, maxResults, nextToken }) {
      await describeThing(registry, thingName);
      const page = { ...(maxResults !== undefined && { maxResults }), ...(nextToken !== undefined && { nextToken }) };
      const found = await jobs.executions({ thing: thingName, job: jobId, status }, pageRequestOf(page));
      return tokenPage("executionSummaries", found, (each) => {
        return { jobId: each.job, jobExecutionSummary: summaryOf(each) };
      });
    },
  };
}

type TemplatePart = "CreateJobTemplate" | "DescribeJobTemplate" | "ListJobTemplates" | "DeleteJobTemplate";

function templateParts(registry: Registry, jobs: Jobs): HandlersOf<TemplatePart> {
  const { account, store, clock } = registry;
  const named = (jobTemplateId: string) => {
    return { jobTemplateArn: iotArn(account, "jobtemplate", jobTemplateId), jobTemplateId };
  };
  return {
    async CreateJobTemplate({ jobTemplateId, jobArn, tags, ...given }) {
      const job = jobArn === undefined ? undefined : nameOfArn(account, "job", jobArn);
      if (jobArn !== undefined && job === undefined) throw invalidRequest("jobArn is no ARN of a job of this account");
      const known = job === undefined ? undefined : (await jobs.describe(job)).job.order;
      checkWindows(given.maintenanceWindows);
      const source = known ?? given;
      const document = await jobs.documentOf(source);
      const {
        targets: _,
        targetSelection: __,
        schedulingConfig,
        ...terms
      } = known ?? { targets: [], targetSelection: "", schedulingConfig: undefined };
      const { maintenanceWindows } = schedulingConfig ?? {};
      const body: TemplateBody = { ...terms, ...(maintenanceWindows && { maintenanceWindows }), ...given, document };
      await store.write(async (queries) => {
        if (await TEMPLATES.find(queries, jobTemplateId)) {
          throw new Conflict<CloudErrorCode>("job-template-exists", `Job template ${jobTemplateId} already exists`);
        }
        const { jobTemplateArn } = named(jobTemplateId);
        await TEMPLATES.insert(queries, newResource(jobTemplateId, body, clock.now()), jobTemplateArn);
        await putTags(queries, jobTemplateArn, tags);
      });
      return named(jobTemplateId);
    },
    async DescribeJobTemplate({ jobTemplateId }) {
      const { body, createdAt } = await TEMPLATES.named(store.read, jobTemplateId);
      return { ...body, ...named(jobTemplateId), createdAt: createdAt / 1000 };
    },
    async ListJobTemplates(page) {
      return tokenPage("jobTemplates", await TEMPLATES.page(store.read, pageRequestOf(page)), (each) => {
        return { ...named(each.name), description: each.body.description, createdAt: each.createdAt / 1000 };
      });
    },
    async DeleteJobTemplate({ jobTemplateId }) {
      await store.write(async (queries) => {
        await TEMPLATES.named(queries, jobTemplateId);
        await TEMPLATES.remove(queries, jobTemplateId);
        await removeTags(queries, named(jobTemplateId).jobTemplateArn);
      });
    },
  };
}

/** What a template gives to a job that names none of its own. Throws `NotFound`, `UsageError`. */
async function templateOf(
  { account, store }: Registry,
  arn: string,
): Promise<Partial<Omit<TemplateBody, "documentSource">>> {
  if (/^arn:aws[\w-]*:iot:[\w-]*::jobtemplate\//.test(arn)) throw notImplemented("an AWS managed job template");
  const name = nameOfArn(account, "jobtemplate", arn);
  if (name === undefined) throw invalidRequest("jobTemplateArn is no ARN of a job template of this account");
  const { documentSource: _, ...body } = (await TEMPLATES.named(store.read, name)).body;
  return body;
}

function timesOf({ createdAt, history: { updatedAt, completedAt } }: Job) {
  const times = { createdAt: createdAt / 1000, lastUpdatedAt: updatedAt / 1000 };
  return completedAt === undefined ? times : { ...times, completedAt: completedAt / 1000 };
}

function summaryOf({ status, queuedAt, startedAt, updatedAt, number }: Execution): ExecutionSummary {
  return {
    status,
    queuedAt: queuedAt / 1000,
    ...(startedAt !== undefined && { startedAt: startedAt / 1000 }),
    lastUpdatedAt: updatedAt / 1000,
    executionNumber: number,
    ...(number > 1 && { retryAttempt: number - 1 }),
  };
}
