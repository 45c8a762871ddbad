import { type Json, NotFound } from "../../codec/index.ts";
import { iotArn, listGroupMembers, nameOfArn, thingNamed, uuid, type Registry } from "../registry/index.ts";
import { invalidRequest } from "../errors.ts";
import type { Queries } from "../store/index.ts";
import {
  countsOf,
  executionOf,
  executionsOf,
  isFollowing,
  jobNamed,
  putExecution,
  putJob,
  type Execution,
  type Job,
  type JobOrder,
  type JobStatus,
} from "./records.ts";
import { closedUntil, endOf } from "./schedule.ts";
import { isAborted, isRetried, rolloutRate, type Counts, type ExecutionStatus } from "./rules.ts";
import type { Told } from "./told.ts";

/** One change of jobs: a transaction, its time, and what is to be told after it. */
export type Change = {
  readonly registry: Registry;
  readonly queries: Queries;
  readonly now: number;
  readonly told: Told;
};

const MINUTE = 60_000;

/**
 * The things that targets name now: things themselves, and members of groups. Throws `NotFound`, unless what is gone by
 * now is to be left out, and `UsageError`.
 */
export async function thingsOf(
  change: Change,
  { targets }: JobOrder,
  { skipsAbsent = false }: { readonly skipsAbsent?: boolean } = {},
): Promise<Set<string>> {
  const things = new Set<string>();
  for (const target of targets) {
    try {
      for (const thing of await thingsIn(change, target)) things.add(thing);
    } catch (error) {
      if (!(skipsAbsent && error instanceof NotFound)) throw error;
    }
  }
  return things;
}

async function thingsIn({ registry, queries }: Change, target: string): Promise<readonly string[]> {
  const { account } = registry;
  const thing = nameOfArn(account, "thing", target);
  if (thing !== undefined) return [(await thingNamed(queries, thing)).name];
  const group = nameOfArn(account, "thinggroup", target);
  if (group === undefined) throw invalidRequest(`targets: ${target.slice(0, 200)} is no ARN of a thing or group`);
  const found: string[] = [];
  for (let token: string | undefined, isFirst = true; isFirst || token !== undefined; isFirst = false) {
    const page = await listGroupMembers(registry, group, { isRecursive: true, limit: 1000, token });
    found.push(...page.rows);
    token = page.next;
  }
  return found;
}

/** Gives each of these things, that has none, a turn that waits to be rolled out. */
export async function addTurns({ queries, now }: Change, job: Job, things: Iterable<string>): Promise<void> {
  const known = new Set((await executionsOf(queries, job.id)).map(({ thing }) => thing));
  for (const thing of things) {
    if (!known.has(thing)) await putExecution(queries, newTurn(job.id, thing, { number: 1, now, status: "PENDING" }));
  }
}

/**
 * Rolls out as many turns as this minute allows, none outside of maintenance windows, and sees to it that the job is looked
 * at again where there are more.
 */
export async function rollOut(change: Change, job: Job): Promise<Job> {
  const { queries, now, told } = change;
  const rate = rolloutRate(job.order, await countsOf(queries, job.id));
  const waiting = await executionsOf(queries, job.id, ["PENDING"]);
  const opens = closedUntil(job.order, now);
  const chosen = opens === undefined ? waiting.slice(0, rate) : [];
  for (const execution of chosen) {
    await told.touch(queries, execution.thing);
    await putExecution(queries, { ...execution, status: "QUEUED", queuedAt: now, updatedAt: now });
  }
  const isUnfinished = waiting.length > chosen.length || isFollowing(job);
  const due = [...(isUnfinished ? [opens ?? now + MINUTE] : []), ...endsOf(job)].filter(Number.isFinite);
  const rolled: Job = { ...job, dueAt: due.length === 0 ? null : Math.min(...due) };
  await putJob(queries, rolled);
  return rolled;
}

/** Brings a continuous job's turns in line with its targets: new things get one, things that left lose theirs. */
export async function follow(change: Change, job: Job): Promise<void> {
  const { queries } = change;
  const things = await thingsOf(change, job.order, { skipsAbsent: true });
  for (const execution of await executionsOf(queries, job.id, ["PENDING", "QUEUED", "IN_PROGRESS"])) {
    if (!things.has(execution.thing)) await end(change, execution, { status: "REMOVED" });
  }
  await addTurns(change, job, things);
}

/** Ends a turn and tells so. Whoever ends one calls `settle` afterwards. */
export async function end(
  { registry, queries, now, told }: Change,
  execution: Execution,
  how: Partial<Execution> & { readonly status: ExecutionStatus },
): Promise<Execution> {
  await told.touch(queries, execution.thing);
  const version = execution.version + 1;
  const ended: Execution = { ...execution, version, updatedAt: now, ...how, dueAt: null };
  await putExecution(queries, ended);
  const { job: jobId, thing, status, details } = ended;
  const operation = status.toLowerCase();
  told.addEvent("JOB_EXECUTION", `jobExecution/${jobId}/${operation}`, {
    eventId: uuid(registry.entropy),
    timestamp: Math.floor(now / 1000),
    operation,
    jobId,
    thingArn: iotArn(registry.account, "thing", thing),
    status,
    ...(Object.keys(details).length > 0 && { statusDetails: details }),
  });
  return ended;
}

/** What follows from a turn's end: another try, the job's abortion, or its completion. */
export async function settle(change: Change, job: Job, ended: Execution): Promise<void> {
  const { queries, now } = change;
  const { thing, number, status } = ended;
  if (job.status !== "IN_PROGRESS") return;
  if (isRetried(job.order, status, number)) {
    const next = closedUntil(job.order, now) === undefined ? "QUEUED" : "PENDING";
    await putExecution(queries, newTurn(job.id, thing, { number: number + 1, now, status: next }));
    return;
  }
  const counts = await countsOf(queries, job.id);
  if (isAborted(job.order, counts)) return void (await cancel(change, job, { comment: "Abort criteria met" }));
  await completeIfDone(change, job);
}

/** Completes a snapshot job without turns that are not over. */
export async function completeIfDone(change: Change, job: Job): Promise<void> {
  const { PENDING, QUEUED, IN_PROGRESS } = await countsOf(change.queries, job.id);
  if (isFollowing(job) || PENDING + QUEUED + IN_PROGRESS > 0) return;
  await close(change, job, "COMPLETED", {});
}

type Cancellation = {
  readonly reasonCode?: string | undefined;
  readonly comment?: string | undefined;
  readonly force?: boolean | undefined;
};

/** Cancels a job: what is queued, and by force what is in progress, too. AWS IoT API, CancelJob */
export async function cancel(change: Change, job: Job, { force = false, ...why }: Cancellation): Promise<Job> {
  const { queries } = change;
  await queries.deleteFrom("job_executions").where("job", "=", job.id).where("status", "=", "PENDING").execute();
  const states = force ? ["QUEUED", "IN_PROGRESS"] : ["QUEUED"];
  for (const execution of await executionsOf(queries, job.id, states)) {
    await end(change, execution, { status: "CANCELED", forceCanceled: execution.status === "IN_PROGRESS" });
  }
  return close(change, job, "CANCELED", { ...why, forceCanceled: force });
}

async function close(change: Change, job: Job, status: JobStatus, why: Partial<Job["history"]>): Promise<Job> {
  const { queries, now } = change;
  const history = { ...job.history, ...why, updatedAt: now, completedAt: now };
  const closed: Job = { ...job, status, dueAt: null, history };
  await putJob(queries, closed);
  tellJob(change, closed, status.toLowerCase(), await countsOf(queries, job.id));
  return closed;
}

/** An event about a job. AWS IoT Core, "Jobs events" */
export function tellJob({ registry, now, told }: Change, job: Job, operation: string, counts: Counts): void {
  const { id: jobId, status, createdAt, order, history } = job;
  const { description, targets, targetSelection } = order;
  const inSeconds = (ms: number) => Math.floor(ms / 1000);
  told.addEvent("JOB", `job/${jobId}/${operation}`, {
    eventId: uuid(registry.entropy),
    timestamp: inSeconds(now),
    operation,
    jobId,
    status,
    targetSelection,
    targets: [...targets],
    ...(description !== undefined && { description }),
    ...(history.completedAt !== undefined && { completedAt: inSeconds(history.completedAt) }),
    createdAt: inSeconds(createdAt),
    lastUpdatedAt: inSeconds(history.updatedAt),
    jobProcessDetails: processDetails(counts),
  });
}

/** The numbers of a job in AWS's words. */
export function processDetails(counts: Counts): { [key: string]: Json } {
  return {
    numberOfCanceledThings: counts.CANCELED,
    numberOfSucceededThings: counts.SUCCEEDED,
    numberOfFailedThings: counts.FAILED,
    numberOfRejectedThings: counts.REJECTED,
    numberOfQueuedThings: counts.QUEUED,
    numberOfInProgressThings: counts.IN_PROGRESS,
    numberOfRemovedThings: counts.REMOVED,
    numberOfTimedOutThings: counts.TIMED_OUT,
  };
}

/** Does what has fallen due: scheduled starts and ends, the next minute of a rollout, turns that took too long. */
export async function catchUp(change: Change): Promise<void> {
  const { queries, now } = change;
  const late = await queries.selectFrom("job_executions").selectAll().where("due_at", "<=", now).execute();
  for (const row of late) {
    const ended = await end(change, executionOf(row), { status: "TIMED_OUT" });
    await settle(change, await jobNamed(queries, row.job), ended);
  }
  const due = await queries.selectFrom("jobs").select("id").where("due_at", "<=", now).execute();
  for (const { id } of due) await wake(change, await jobNamed(queries, id));
}

async function wake(change: Change, job: Job): Promise<void> {
  const { now } = change;
  if (endsOf(job).some((end) => end <= now)) return conclude(change, job);
  const isClosed = closedUntil(job.order, now) !== undefined;
  const running: Job = isClosed ? job : { ...job, status: "IN_PROGRESS" };
  if (job.status === "SCHEDULED" || isFollowing(job)) await follow(change, running);
  const rolled = await rollOut(change, running);
  if (rolled.dueAt === null) await completeIfDone(change, rolled);
}

/** The end that was scheduled for a job. AWS IoT API, SchedulingConfig */
async function conclude(change: Change, job: Job): Promise<void> {
  const { endBehavior } = job.order.schedulingConfig ?? {};
  if (endBehavior === "CANCEL" || endBehavior === "FORCE_CANCEL") {
    await cancel(change, job, { force: endBehavior === "FORCE_CANCEL", comment: "The scheduled end has come" });
    return;
  }
  const { queries } = change;
  await queries.deleteFrom("job_executions").where("job", "=", job.id).where("status", "=", "PENDING").execute();
  const stopped: Job = { ...job, status: "IN_PROGRESS", dueAt: null, history: { ...job.history, isStopped: true } };
  await putJob(queries, stopped);
  await completeIfDone(change, stopped);
}

/** The end of a job that has one still before it. */
function endsOf({ order, history }: Job): readonly number[] {
  const end = endOf(order);
  return end === undefined || history.isStopped === true ? [] : [end];
}

/** Takes every turn of things that are no more: what was not over is REMOVED, and jobs without another turn complete. */
export async function removeTurnsOfAbsent(change: Change): Promise<void> {
  const { queries } = change;
  const rows = await queries
    .selectFrom("job_executions")
    .leftJoin("things", "things.name", "job_executions.thing")
    .selectAll("job_executions")
    .where("things.name", "is", null)
    .where("job_executions.status", "in", ["PENDING", "QUEUED", "IN_PROGRESS"])
    .execute();
  for (const row of rows) await end(change, executionOf(row), { status: "REMOVED" });
  for (const id of new Set(rows.map(({ job }) => job))) {
    const job = await jobNamed(queries, id);
    if (job.status === "IN_PROGRESS") await completeIfDone(change, job);
  }
}

function newTurn(
  job: string,
  thing: string,
  { number, now, status }: { readonly number: number; readonly now: number; readonly status: "PENDING" | "QUEUED" },
): Execution {
  const common = { job, thing, number, queuedAt: now, updatedAt: now, dueAt: null, version: 1, details: {} };
  return { ...common, status: status as ExecutionStatus, forceCanceled: false };
}
