import { Conflict } from "../../codec/index.ts";
import { notFound, type CloudErrorCode } from "../errors.ts";
import type { JobExecutionRow, JobRow, Queries } from "../store/index.ts";
import type { Scheduling } from "./schedule.ts";
import { NO_COUNTS, type Counts, type ExecutionStatus, type JobTerms } from "./rules.ts";

export type JobStatus = "SCHEDULED" | "IN_PROGRESS" | "CANCELED" | "COMPLETED";

/** What a job says, as it was asked for; targets are ARNs, the document is a JSON text. */
export type JobOrder = JobTerms & {
  readonly targets: readonly string[];
  readonly targetSelection: "SNAPSHOT" | "CONTINUOUS";
  readonly document: string;
  readonly documentSource?: string | undefined;
  readonly description?: string | undefined;
  readonly presignedUrlConfig?: { readonly roleArn?: string; readonly expiresInSec?: number } | undefined;
  readonly schedulingConfig?: Scheduling | undefined;
  readonly namespaceId?: string | undefined;
  readonly jobTemplateArn?: string | undefined;
};

/** The document of a job whose source nobody could read, where the registry takes stand-ins: devices get none. */
export const NO_DOCUMENT = "";

/** What devices get as a job's document, JSON text. */
export function documentFor({ document }: JobOrder): string | undefined {
  return document === NO_DOCUMENT ? undefined : document;
}

type JobHistory = {
  readonly updatedAt: number;
  readonly completedAt?: number | undefined;
  readonly reasonCode?: string | undefined;
  readonly comment?: string | undefined;
  readonly forceCanceled?: boolean | undefined;
  /** Whether its scheduled end has come and nothing more is rolled out. */
  readonly isStopped?: boolean | undefined;
};

/** A job. Times are milliseconds since 1970. */
export type Job = {
  readonly id: string;
  readonly status: JobStatus;
  readonly createdAt: number;
  readonly dueAt: number | null;
  readonly order: JobOrder;
  readonly history: JobHistory;
};

/** Whether a job goes on with things that join its targets. */
export function isFollowing({ order, history }: Job): boolean {
  return order.targetSelection === "CONTINUOUS" && history.isStopped !== true;
}

/** One thing's turn at a job. */
export type Execution = {
  readonly job: string;
  readonly thing: string;
  readonly number: number;
  readonly status: ExecutionStatus;
  readonly queuedAt: number;
  readonly dueAt: number | null;
  readonly version: number;
  readonly updatedAt: number;
  readonly startedAt?: number | undefined;
  readonly details: Readonly<Record<string, string>>;
  readonly forceCanceled: boolean;
  /** When the job's time for it is over, and the time of its present step. */
  readonly jobUntil?: number | undefined;
  readonly stepUntil?: number | undefined;
};

export async function findJob(queries: Queries, id: string): Promise<Job | undefined> {
  const row = await queries.selectFrom("jobs").selectAll().where("id", "=", id).executeTakeFirst();
  return row && jobOf(row);
}

/** The job. Throws `NotFound`. */
export async function jobNamed(queries: Queries, id: string): Promise<Job> {
  const job = await findJob(queries, id);
  if (!job) throw notFound(`Job ${id}`);
  return job;
}

export async function putJob(queries: Queries, job: Job): Promise<void> {
  const { id, status, createdAt, dueAt, order, history } = job;
  const changes = { status, due_at: dueAt, body: JSON.stringify({ order, history }) };
  await queries
    .insertInto("jobs")
    .values({ id, created_at: createdAt, ...changes })
    .onConflict((conflict) => conflict.column("id").doUpdateSet(changes))
    .execute();
}

export function jobOf({ id, status, created_at, due_at, body }: JobRow): Job {
  const { order, history } = JSON.parse(body) as Pick<Job, "order" | "history">;
  return { id, status: status as JobStatus, createdAt: created_at, dueAt: due_at, order, history };
}

export async function putExecution(queries: Queries, execution: Execution): Promise<void> {
  const { job, thing, number, status, queuedAt, dueAt, ...rest } = execution;
  const changes = { status, queued_at: queuedAt, due_at: dueAt, body: JSON.stringify(rest) };
  await queries
    .insertInto("job_executions")
    .values({ job, thing, number, ...changes })
    .onConflict((conflict) => conflict.columns(["job", "thing", "number"]).doUpdateSet(changes))
    .execute();
}

export function executionOf({ job, thing, number, status, queued_at, due_at, body }: JobExecutionRow): Execution {
  const rest = JSON.parse(body) as Omit<Execution, "job" | "thing" | "number" | "status" | "queuedAt" | "dueAt">;
  return { job, thing, number, status: status as ExecutionStatus, queuedAt: queued_at, dueAt: due_at, ...rest };
}

/** A thing's latest turn at a job, or the one with this number. Throws `NotFound`; what is PENDING is not there yet. */
export async function executionNamed(
  queries: Queries,
  { job, thing, number }: { readonly job: string; readonly thing: string; readonly number?: number | undefined },
): Promise<Execution> {
  let query = queries.selectFrom("job_executions").selectAll().where("job", "=", job).where("thing", "=", thing);
  if (number !== undefined) query = query.where("number", "=", number);
  const row = await query.where("status", "<>", "PENDING").orderBy("number", "desc").limit(1).executeTakeFirst();
  if (!row) throw notFound(`Execution of job ${job} for thing ${thing}`);
  return executionOf(row);
}

/** What a thing has to do: what is in progress first, then what was queued first. */
export async function pendingOf(queries: Queries, thing: string): Promise<Execution[]> {
  const rows = await queries
    .selectFrom("job_executions")
    .selectAll()
    .where("thing", "=", thing)
    .where("status", "in", ["QUEUED", "IN_PROGRESS"])
    .execute();
  const rank = ({ status }: Execution) => (status === "IN_PROGRESS" ? 0 : 1);
  return rows.map(executionOf).sort((a, b) => rank(a) - rank(b) || a.queuedAt - b.queuedAt || (a.job < b.job ? -1 : 1));
}

/** Turns of a job, in these states where given. */
export async function executionsOf(queries: Queries, job: string, states?: readonly string[]): Promise<Execution[]> {
  let query = queries.selectFrom("job_executions").selectAll().where("job", "=", job);
  if (states) query = query.where("status", "in", states);
  return (await query.orderBy("thing").orderBy("number").execute()).map(executionOf);
}

/** How many things' latest turns are in each state: a turn that was tried again counts no more. */
export async function countsOf(queries: Queries, job: string): Promise<Counts> {
  const rows = await queries
    .selectFrom("job_executions")
    .select(["thing", "number", "status"])
    .where("job", "=", job)
    .execute();
  const latest = new Map<string, { readonly number: number; readonly status: string }>();
  for (const row of rows) if ((latest.get(row.thing)?.number ?? 0) < row.number) latest.set(row.thing, row);
  const counts: Record<string, number> = { ...NO_COUNTS };
  for (const { status } of latest.values()) counts[status] = (counts[status] ?? 0) + 1;
  return counts as Counts;
}

/** Throws `Conflict` `version-conflict`. */
export function checkVersion({ job, thing, version }: Execution, expected: number | undefined): void {
  if (expected === undefined || expected === version) return;
  const message = `The version of job ${job} for thing ${thing} is ${version}, not the expected ${expected}`;
  throw new Conflict<CloudErrorCode>("version-conflict", message);
}
