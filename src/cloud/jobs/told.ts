import { type Json, utf8Bytes } from "../../codec/index.ts";
import type { Queries } from "../store/index.ts";
import { documentFor, jobNamed, pendingOf, type Execution } from "./records.ts";

export type Publish = (topic: string, payload: Uint8Array) => void;

/** The kinds of event about jobs, each with a switch of its own. AWS IoT API, UpdateEventConfigurations */
export type JobEventType = "JOB" | "JOB_EXECUTION";

type Message = { readonly topic: string; readonly body: Json; readonly event?: JobEventType };

/**
 * What a change of jobs is to tell, once it is durable: to each thing what it has to do, where that has changed, and
 * events to whoever listens. A thing is to be touched before its executions change. AWS IoT Core, "Jobs device MQTT API",
 * notifications
 */
export class Told {
  readonly #before = new Map<string, readonly Execution[]>();
  readonly #messages: Message[] = [];

  async touch(queries: Queries, thing: string): Promise<void> {
    if (!this.#before.has(thing)) this.#before.set(thing, await pendingOf(queries, thing));
  }

  /** An event besides, which is told while its kind is switched on. */
  addEvent(event: JobEventType, topic: string, body: { readonly [key: string]: Json }): void {
    this.#messages.push({ topic: `$aws/events/${topic}`, body: { eventType: event, ...body }, event });
  }

  /** Compares what each thing has to do with what it had, inside the same transaction. */
  async finish(queries: Queries, now: number): Promise<void> {
    const timestamp = Math.floor(now / 1000);
    for (const [thing, before] of this.#before) {
      const after = await pendingOf(queries, thing);
      const topic = `$aws/things/${thing}/jobs`;
      if (keys(before) !== keys(after)) this.#notify(`${topic}/notify`, { timestamp, jobs: grouped(after) });
      const [next] = after;
      if (keys(before.slice(0, 1)) === keys(after.slice(0, 1))) continue;
      const execution = next && describeNext(next, documentFor((await jobNamed(queries, next.job)).order));
      this.#notify(`${topic}/notify-next`, { timestamp, ...(execution && { execution }) });
    }
  }

  publish(publish: Publish, isOn: (event: JobEventType) => boolean): void {
    for (const { topic, body, event } of this.#messages)
      if (!event || isOn(event)) publish(topic, utf8Bytes(JSON.stringify(body)));
  }

  #notify(topic: string, body: Json): void {
    this.#messages.push({ topic, body });
  }
}

/** How many executions one notification lists. */
const LISTED = 15;

function keys(executions: readonly Execution[]): string {
  return executions.map(({ job, number }) => `${job} ${number}`).join();
}

function grouped(executions: readonly Execution[]): Json {
  const shown = executions.slice(0, LISTED);
  const groups = (["IN_PROGRESS", "QUEUED"] as const).map(
    (status) => [status, shown.filter((each) => each.status === status).map(summaryOf)] as const,
  );
  return Object.fromEntries(groups.filter(([, found]) => found.length > 0));
}

/** An execution in a list, times in seconds. AWS IoT Core, "JobExecutionSummary" */
export function summaryOf(execution: Execution): Json {
  const { job: jobId, queuedAt, startedAt, updatedAt, version: versionNumber, number: executionNumber } = execution;
  const times = { queuedAt: seconds(queuedAt), lastUpdatedAt: seconds(updatedAt) };
  return {
    jobId,
    ...times,
    ...(startedAt !== undefined && { startedAt: seconds(startedAt) }),
    executionNumber,
    versionNumber,
  };
}

/** An execution whole, times in seconds. AWS IoT Core, "JobExecution" */
export function describeExecution(
  execution: Execution,
  document: string | undefined,
  now: number,
): { [key: string]: Json } {
  const { thing: thingName, status, details, dueAt } = execution;
  return {
    ...(summaryOf(execution) as { [key: string]: Json }),
    thingName,
    status,
    ...(Object.keys(details).length > 0 && { statusDetails: details }),
    ...(dueAt !== null && { approximateSecondsBeforeTimedOut: Math.max(0, Math.floor((dueAt - now) / 1000)) }),
    ...(document !== undefined && { jobDocument: JSON.parse(document) as Json }),
  };
}

function describeNext(execution: Execution, document: string | undefined): Json {
  const { thingName: _, ...rest } = describeExecution(execution, document, 0);
  const { approximateSecondsBeforeTimedOut: __, ...shown } = rest;
  return shown;
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}
