import { Conflict } from "../../codec/index.ts";
import { invalidRequest, notImplemented, ResourceExists, type CloudErrorCode } from "../errors.ts";
import {
  iotArn,
  pageOf,
  planPage,
  putTags,
  removeTags,
  type Tag,
  type Page,
  type PageRequest,
  type Registry,
} from "../registry/index.ts";
import type { Queries } from "../store/index.ts";
import {
  addTurns,
  cancel,
  catchUp,
  completeIfDone,
  end,
  removeTurnsOfAbsent,
  rollOut,
  settle,
  tellJob,
  thingsOf,
  type Change,
} from "./changes.ts";
import {
  checkVersion,
  countsOf,
  executionNamed,
  executionOf,
  findJob,
  isFollowing,
  jobNamed,
  jobOf,
  NO_DOCUMENT,
  putJob,
  type Execution,
  type Job,
  type JobOrder,
} from "./records.ts";
import { isTerminal, type Counts } from "./rules.ts";
import { startOf } from "./schedule.ts";
import { Told, type JobEventType, type Publish } from "./told.ts";

export type JobsPorts = {
  readonly registry: Registry;
  /** Publishes what devices and whoever follows events hear. Must not throw. */
  readonly publish: Publish;
  /** Whether events of a kind are told. */
  readonly isOn: (event: JobEventType) => boolean;
  /** Reads an object that a document source names. */
  readonly readObject: (bucket: string, key: string) => Promise<Uint8Array | undefined>;
};

/** A request for a job: its document stands in it or lies where `documentSource` says. */
export type NewJob = Omit<JobOrder, "document" | "targetSelection"> & {
  readonly document?: string | undefined;
  readonly targetSelection?: JobOrder["targetSelection"] | undefined;
};

/** The longest time that a timer is set for: jobs are looked at again then. */
const LONGEST_MS = 3_600_000;

/**
 * Jobs: work for many things, handed out at a rate, followed through each thing's turn, ended by completion, cancellation,
 * too many failures or a schedule. Every change is one transaction; what it tells is told after it. AWS IoT Core, "AWS IoT
 * Jobs"
 */
export class Jobs {
  readonly ports: JobsPorts;
  #cancelTimer: (() => void) | undefined;
  #cancelListener: (() => void) | undefined;
  #isClosed = false;

  constructor(ports: JobsPorts) {
    this.ports = ports;
  }

  /** Takes up what fell due while nobody looked, and goes on from there. */
  static async open(ports: JobsPorts): Promise<Jobs> {
    const jobs = new Jobs(ports);
    await jobs.change(removeTurnsOfAbsent);
    jobs.#cancelListener = ports.registry.directory.events.add((event) => {
      if (event.kind === "thing" && !event.after) jobs.#inBackground(removeTurnsOfAbsent);
    });
    return jobs;
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelTimer?.();
    this.#cancelListener?.();
  }

  /** One change: `work` in a transaction behind what has fallen due, then its tellings, then the timer. */
  async change<T>(work: (change: Change) => Promise<T>, committed: (result: T) => void = () => undefined): Promise<T> {
    const { registry, publish, isOn } = this.ports;
    const { result, wakeAt } = await registry.store.write(
      async (queries) => {
        const told = new Told();
        const change = { registry, queries, now: Math.floor(registry.clock.now()), told };
        await catchUp(change);
        const done = await work(change);
        await told.finish(queries, change.now);
        return { result: done, told, wakeAt: await nextDue(queries) };
      },
      ({ result: done, told }) => {
        committed(done);
        told.publish(publish, isOn);
      },
    );
    this.#wake(wakeAt);
    return result;
  }

  /** Makes a job and rolls it out, or schedules it. Throws `Conflict`, `NotFound`, `UsageError`. AWS IoT API, CreateJob */
  async create(id: string, wanted: NewJob, tags: readonly Tag[] = []): Promise<Job> {
    const { registry } = this.ports;
    const document = await this.documentOf(wanted);
    return this.change(async (change) => {
      const { queries, now } = change;
      if (await findJob(queries, id)) {
        const resource = { resourceId: id, resourceArn: iotArn(registry.account, "job", id) };
        throw new ResourceExists(`Job ${id} already exists`, resource);
      }
      const order: JobOrder = { ...wanted, document, targetSelection: wanted.targetSelection ?? "SNAPSHOT" };
      const startsAt = startOf(order, now);
      const history = { updatedAt: now };
      const job: Job = { id, status: "SCHEDULED", createdAt: now, dueAt: startsAt ?? null, order, history };
      const things = await thingsOf(change, order);
      await putJob(queries, job);
      await putTags(queries, iotArn(registry.account, "job", id), tags);
      if (startsAt !== undefined) return job;
      const running: Job = { ...job, status: "IN_PROGRESS" };
      await addTurns(change, running, things);
      const rolled = await rollOut(change, running);
      await completeIfDone(change, rolled);
      return jobNamed(queries, id);
    });
  }

  /** A job with its numbers. Throws `NotFound`. */
  async describe(id: string): Promise<{ readonly job: Job; readonly counts: Counts }> {
    const { read } = this.ports.registry.store;
    return { job: await jobNamed(read, id), counts: await countsOf(read, id) };
  }

  /** Changes a job's terms. Throws `NotFound`, `UsageError` where it is over. AWS IoT API, UpdateJob */
  async update(id: string, changes: Partial<JobOrder>): Promise<void> {
    await this.change(async ({ queries, now }) => {
      const job = await jobNamed(queries, id);
      if (isOver(job)) throw invalidRequest(`Job ${id} is ${job.status}`);
      await putJob(queries, {
        ...job,
        order: { ...job.order, ...changes },
        history: { ...job.history, updatedAt: now },
      });
    });
  }

  /** Cancels a job. Throws `NotFound`, `UsageError` where it is over. AWS IoT API, CancelJob */
  cancel(id: string, why: Parameters<typeof cancel>[2]): Promise<Job> {
    return this.change(async (change) => {
      const job = await jobNamed(change.queries, id);
      if (job.status === "COMPLETED") throw invalidRequest(`Job ${id} is COMPLETED and cannot be cancelled`);
      return cancel(change, job, why);
    });
  }

  /** Deletes a job with its executions. Throws `NotFound`, `Conflict` `job-state`. AWS IoT API, DeleteJob */
  async delete(id: string, force = false): Promise<void> {
    await this.change(async (change) => {
      const { queries, told } = change;
      const job = await jobNamed(queries, id);
      if (!isOver(job) && !force) throw state(`Job ${id} is ${job.status}: cancel it first, or delete it by force`);
      const rows = await queries.selectFrom("job_executions").selectAll().where("job", "=", id).execute();
      for (const { thing } of rows) await told.touch(queries, thing);
      tellJob(change, job, "deleted", await countsOf(queries, id));
      await queries.deleteFrom("job_executions").where("job", "=", id).execute();
      await queries.deleteFrom("jobs").where("id", "=", id).execute();
      await removeTags(queries, iotArn(change.registry.account, "job", id));
    });
  }

  /** Gives a continuous job more targets. Throws `NotFound`, `UsageError`. AWS IoT API, AssociateTargetsWithJob */
  associate(id: string, targets: readonly string[], comment: string | undefined): Promise<Job> {
    return this.change(async (change) => {
      const { queries, now } = change;
      const job = await jobNamed(queries, id);
      if (!isFollowing(job)) throw invalidRequest(`Job ${id} is not CONTINUOUS`);
      if (isOver(job)) throw invalidRequest(`Job ${id} is ${job.status}`);
      const order = { ...job.order, targets: [...new Set([...job.order.targets, ...targets])] };
      const history = { ...job.history, updatedAt: now, ...(comment !== undefined && { comment }) };
      const wider: Job = { ...job, order, history };
      await addTurns(change, wider, await thingsOf(change, order));
      if (wider.status === "IN_PROGRESS") return rollOut(change, wider);
      await putJob(queries, wider);
      return wider;
    });
  }

  /** Jobs by creation date, oldest first. */
  async list(request: PageRequest, matches: (job: Job) => boolean): Promise<Page<Job>> {
    const plan = planPage("jobs", { ...request, ascending: true });
    const rows = await this.ports.registry.store.read
      .selectFrom("jobs")
      .selectAll()
      .orderBy("created_at")
      .orderBy("id")
      .execute();
    const { after } = plan;
    const found = rows.map(jobOf).filter(matches);
    const start =
      after === undefined
        ? 0
        : found.findIndex(
            ({ createdAt, id }) => createdAt > after.number || (createdAt === after.number && id > after.text),
          );
    const shown = start < 0 ? [] : found.slice(start, start + plan.limit + 1);
    return pageOf("jobs", plan, { rows: shown, keyOf: ({ createdAt, id }) => ({ number: createdAt, text: id }) });
  }

  /** A thing's turn at a job. Throws `NotFound`. */
  execution(job: string, thing: string, number?: number): Promise<Execution> {
    return executionNamed(this.ports.registry.store.read, { job, thing, number });
  }

  /** Turns of a job or of a thing, in one state where given. */
  async executions(
    of: {
      readonly job?: string | undefined;
      readonly thing?: string | undefined;
      readonly status?: string | undefined;
    },
    request: PageRequest,
  ): Promise<Page<Execution>> {
    const tag = `executions of ${of.job ?? ""} ${of.thing ?? ""}`;
    const plan = planPage(tag, { ...request, ascending: true });
    let query = this.ports.registry.store.read
      .selectFrom("job_executions")
      .selectAll()
      .where("status", "<>", "PENDING");
    if (of.job !== undefined) query = query.where("job", "=", of.job);
    if (of.thing !== undefined) query = query.where("thing", "=", of.thing);
    if (of.status !== undefined) query = query.where("status", "=", of.status);
    const keyOf = ({ job, thing, number }: Execution) => ({
      number: 0,
      text: `${job}/${thing}/${String(number).padStart(9, "0")}`,
    });
    const after = plan.after?.text ?? "";
    const all = (await query.orderBy("job").orderBy("thing").orderBy("number").execute()).map(executionOf);
    const rows = all
      .filter((each) => keyOf(each).text > after)
      .sort((a, b) => (keyOf(a).text < keyOf(b).text ? -1 : 1));
    return pageOf(tag, plan, { rows: rows.slice(0, plan.limit + 1), keyOf });
  }

  /** Cancels one thing's turn. Throws `NotFound`, `Conflict` `job-state` or `version-conflict`. AWS IoT API, CancelJobExecution */
  async cancelExecution(
    job: string,
    thing: string,
    how: {
      readonly force?: boolean | undefined;
      readonly expectedVersion?: number | undefined;
      readonly details?: Readonly<Record<string, string>> | undefined;
    },
  ): Promise<void> {
    await this.change(async (change) => {
      const execution = await executionNamed(change.queries, { job, thing });
      const { status } = execution;
      checkVersion(execution, how.expectedVersion);
      if (isTerminal(status) || (status === "IN_PROGRESS" && how.force !== true)) {
        throw state(`The execution of job ${job} for thing ${thing} is ${status}`);
      }
      const details = how.details ?? execution.details;
      const ended = await end(change, execution, { status: "CANCELED", details, forceCanceled: how.force === true });
      await settle(change, await jobNamed(change.queries, job), ended);
    });
  }

  /** Forgets one turn. Throws `NotFound`, `Conflict` `job-state`. AWS IoT API, DeleteJobExecution */
  async deleteExecution(
    job: string,
    thing: string,
    how: { readonly number: number; readonly force?: boolean | undefined },
  ): Promise<void> {
    await this.change(async (change) => {
      const { queries, told } = change;
      const { number, force = false } = how;
      const { status } = await executionNamed(queries, { job, thing, number });
      if (!isTerminal(status) && !force) throw state(`The execution of job ${job} for thing ${thing} is ${status}`);
      await told.touch(queries, thing);
      const all = queries.deleteFrom("job_executions").where("job", "=", job).where("thing", "=", thing);
      await all.where("number", "=", number).execute();
      const left = await jobNamed(queries, job);
      if (left.status === "IN_PROGRESS") await completeIfDone(change, left);
    });
  }

  /** The document of an order, JSON text. Throws `UsageError`, `Conflict` `not-implemented`. */
  async documentOf({ document, documentSource }: Pick<NewJob, "document" | "documentSource">): Promise<string> {
    if (document !== undefined && documentSource !== undefined) {
      throw invalidRequest("document and documentSource exclude each other");
    }
    const text = document ?? (await this.#read(documentSource));
    if (text === NO_DOCUMENT && document === undefined) return text;
    if (text.includes("${aws:iot:s3-presigned-url")) throw notImplemented("a presigned URL in a job document");
    try {
      JSON.parse(text);
    } catch (cause) {
      throw invalidRequest("the job document must be JSON", { cause });
    }
    return text;
  }

  async #read(source: string | undefined): Promise<string> {
    if (source === undefined) throw invalidRequest("document or documentSource is required");
    const [bucket, key] = placeOf(source);
    const bytes = await this.ports.readObject(bucket, key);
    if (!bytes && this.ports.registry.relaxedCertificates) return NO_DOCUMENT;
    if (!bytes) throw invalidRequest(`documentSource: there is no object ${bucket}/${key}`);
    if (bytes.length > 32_768)
      throw invalidRequest(`documentSource has ${bytes.length} bytes, at most 32768 are taken`);
    return new TextDecoder().decode(bytes);
  }

  #wake(at: number | undefined): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (at === undefined || this.#isClosed) return;
    const { clock } = this.ports.registry;
    const delay = Math.min(LONGEST_MS, Math.max(0, at - clock.now()));
    this.#cancelTimer = clock.after(delay, () => this.#inBackground(async () => undefined));
  }

  #inBackground(work: (change: Change) => Promise<void>): void {
    const { trace } = this.ports.registry;
    this.change(work).catch((error: unknown) => {
      const detail = `jobs could not go on: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
      if (!this.#isClosed) trace.emit("cloud", { kind: "process", what: "warning", detail });
    });
  }
}

/** Bucket and key of an object's address, in the three ways that Amazon S3 has. */
function placeOf(source: string): readonly [bucket: string, key: string] {
  const host = "s3(?:[.-][a-z0-9-]+)?\\.amazonaws\\.com";
  const found =
    new RegExp(`^(?:s3://|https://${host}/)([^/]+)/(.+)$`).exec(source) ??
    new RegExp(`^https://([^/]+)\\.${host}/(.+)$`).exec(source);
  const [, bucket, key] = found ?? [];
  if (bucket === undefined || key === undefined) throw invalidRequest("documentSource is no address of an S3 object");
  return [bucket, decodeURIComponent(key)];
}

async function nextDue(queries: Queries): Promise<number | undefined> {
  const jobs = await queries
    .selectFrom("jobs")
    .select((eb) => eb.fn.min("due_at").as("at"))
    .executeTakeFirst();
  const turns = await queries
    .selectFrom("job_executions")
    .select((eb) => eb.fn.min("due_at").as("at"))
    .executeTakeFirst();
  const times = [jobs?.at, turns?.at].filter((at) => typeof at === "number");
  return times.length === 0 ? undefined : Math.min(...times);
}

function isOver({ status }: Job): boolean {
  return status === "COMPLETED" || status === "CANCELED";
}

function state(message: string): Conflict<CloudErrorCode> {
  return new Conflict("job-state", message);
}
