import { HawserError, UsageError } from "../../codec/index.ts";
import type { Clock, Entropy } from "../../crypto/index.ts";
import type { Trace } from "../../trace/index.ts";
import { uuid, type Account } from "../registry/index.ts";
import type { FunctionDirectory } from "./directory.ts";
import type { FunctionErrorCode } from "./errors.ts";
import { EventInvocations, type EventLimits } from "./event-invocations.ts";
import type { FunctionLogs } from "./function-logs.ts";
import { qualifiedArn, type FunctionRef } from "./function-name.ts";
import {
  environmentOf,
  eventConfigOf,
  tmpMbOf,
  versionOf,
  type FunctionRecord,
  type VersionRecord,
} from "./function-record.ts";
import type { Deployment, FunctionRuntime, RunRequest, RunResult } from "./runtime.ts";
import { correlationOf, tellWaiting } from "./waiting-device.ts";
import { unzipCode } from "./zip-code.ts";

export type InvokerOptions = {
  readonly account: Account;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly trace: Trace;
  readonly runtime: FunctionRuntime;
  readonly directory: FunctionDirectory;
  readonly logs: FunctionLogs;
  readonly eventLimits?: Partial<EventLimits>;
};

/** What runs: a function as it is now, or a version of it. */
type Runnable = FunctionRecord | VersionRecord;

/** How a run ended, and which version ran. */
export type Executed = RunResult & { readonly version: string };

/** The largest event, in bytes. */
const EVENT_BYTES = { RequestResponse: 6 * 1024 * 1024, Event: 1024 * 1024 } as const;

/** Runs functions by name, and tells the trace how each run ended. */
export class FunctionInvoker {
  readonly #options: InvokerOptions;
  readonly #events: EventInvocations;
  readonly #deployments = new WeakMap<Runnable, Deployment>();
  /** The last attempt that runs, or waits for a process, about each certificate. */
  readonly #underway = new Map<string, Promise<void>>();

  constructor(options: InvokerOptions) {
    this.#options = options;
    this.#events = new EventInvocations(options.clock, options.eventLimits);
  }

  /** The record that runs for a name; an alias of two versions gives one or the other. Throws `NotFound`. */
  running(ref: FunctionRef): Runnable {
    const { directory, entropy } = this.#options;
    const chance = (): number => new DataView(entropy.bytes(4).slice().buffer).getUint32(0) / 2 ** 32;
    return directory.running(ref, chance);
  }

  /** Runs the function once and resolves with how that ended. `event` is JSON text. */
  async run(ref: FunctionRef, event: string, clientContext?: unknown): Promise<Executed> {
    const record = this.running(ref);
    const result = await this.#attempt(record, this.#request(ref, event, clientContext));
    return { ...result, version: versionOf(record) };
  }

  /**
   * Accepts an event: it is run soon, and again after a failure. Each attempt uses the code of its own time.
   * Throws `Refused` `too-many-requests`.
   */
  accept(ref: FunctionRef, event: string, clientContext?: unknown): void {
    const request = this.#request(ref, event, clientContext);
    this.running(ref);
    const terms = eventConfigOf(this.#options.directory.entry(ref.name).record, ref.qualifier);
    this.#events.accept(
      () => this.#attempt(this.running(ref), request),
      (why) => this.#told(ref.name, request.requestId, `gave up on the event after its last attempt: ${why}`),
      terms,
    );
  }

  #request(ref: FunctionRef, event: string, clientContext: unknown): RunRequest {
    const { account, entropy } = this.#options;
    return { requestId: uuid(entropy), invokedArn: qualifiedArn(account, ref), event, clientContext };
  }

  close(): void {
    this.#events.close();
  }

  /** Resolves when the attempt that is under way about a certificate has ended, however; undefined where there is none. */
  underway(certificateId: string): Promise<void> | undefined {
    return this.#underway.get(certificateId);
  }

  #attempt(record: Runnable, request: RunRequest): Promise<RunResult> {
    const ids = correlationOf(request.event);
    const run = this.#run(record, request, ids);
    const { certificate } = ids;
    if (certificate !== undefined) {
      const ended = (): void => {
        if (this.#underway.get(certificate) === attempt) this.#underway.delete(certificate);
      };
      const attempt = run.then(ended, ended);
      this.#underway.set(certificate, attempt);
    }
    return run;
  }

  async #run(record: Runnable, request: RunRequest, ids: { readonly certificate?: string }): Promise<RunResult> {
    const { runtime, trace, logs } = this.#options;
    const { name } = record;
    try {
      const result = await runtime.run(this.#deploymentOf(record), request);
      const { outcome, durationMs } = result;
      logs.add(name, request.requestId, result);
      const detail = outcome === "succeeded" ? "" : `${result.error.errorType}: ${result.error.errorMessage}`;
      trace.emit(
        "cloud",
        { kind: "function.run", function: name, request: request.requestId, outcome, durationMs, detail: clip(detail) },
        ids,
      );
      if (result.outcome !== "succeeded") {
        const evidence = { function: name, error: clip(detail), request: request.requestId };
        tellWaiting(trace, request.event, { cause: FAILURES[result.outcome], evidence });
      }
      return result;
    } catch (error) {
      const detail = error instanceof HawserError ? `${error.code}: ${error.message}` : String(error);
      this.#told(name, request.requestId, detail);
      throw error;
    }
  }

  #told(name: string, request: string, detail: string): void {
    const event = { kind: "function.run", function: name, request, outcome: "failed", durationMs: 0 } as const;
    this.#options.trace.emit("cloud", { ...event, detail: clip(detail) });
  }

  /** A changed function is another record: what one runs as is put together once. */
  #deploymentOf(record: Runnable): Deployment {
    const known = this.#deployments.get(record) ?? this.#newDeployment(record);
    this.#deployments.set(record, known);
    return known;
  }

  #newDeployment(record: Runnable): Deployment {
    const { account, directory } = this.#options;
    const { name, handler, memoryMb, timeoutS, revisionId } = record;
    const ref = { name, qualifier: versionOf(record) };
    return {
      functionName: name,
      functionArn: qualifiedArn(account, ref),
      version: ref.qualifier,
      revision: revisionId,
      handler,
      memoryMb,
      tmpMb: tmpMbOf(record),
      timeoutMs: timeoutS * 1000,
      environment: environmentOf(record, account),
      files: async () => unzipCode(await directory.code(ref)),
    };
  }
}

/** The event's text, checked. Throws `UsageError` `request-content` for what is not JSON, `request-too-large`. */
export function eventText(payload: Uint8Array, kind: keyof typeof EVENT_BYTES): string {
  const limit = EVENT_BYTES[kind];
  if (payload.length > limit) {
    const message = `${payload.length} byte payload is too large for the ${kind} invocation type (limit ${limit} bytes)`;
    throw new UsageError<FunctionErrorCode>("request-too-large", message);
  }
  if (payload.length === 0) return "{}";
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(payload);
    JSON.parse(text);
    return text;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : "";
    throw new UsageError<FunctionErrorCode>("request-content", `Could not parse request body into json: ${why}`, {
      cause,
    });
  }
}

const FAILURES = { failed: "function-failed", timeout: "function-timeout", memory: "function-memory" } as const;

function clip(text: string): string {
  return text.length > 512 ? `${text.slice(0, 512)}…` : text;
}
