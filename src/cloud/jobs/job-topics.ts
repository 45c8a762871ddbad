import { Conflict, HawserError, type Json, NotFound, Refused, UsageError, utf8Bytes } from "../../codec/index.ts";
import type { Clock } from "../../crypto/index.ts";
import type { Trace } from "../../trace/index.ts";
import type { Published, SystemMessage } from "../broker/index.ts";
import { invalidRequest } from "../errors.ts";
import { ExecutionConflict, type DeviceJobs, type Progress, type Turn } from "./device-jobs.ts";
import { describeExecution, summaryOf } from "./told.ts";

export type JobTopicsPorts = {
  readonly clock: Clock;
  readonly trace: Trace;
  /** Gives an answer to the client that asked, whether it subscribed or not. Must not throw. */
  readonly answer: (clientId: string, message: SystemMessage) => void;
};

type JsonObject = { readonly [key: string]: Json };
type Asked = {
  readonly thing: string;
  readonly job: string;
  readonly payload: JsonObject;
  readonly accept: (body: JsonObject) => void;
};

const TOPIC =
  /^\$aws\/things\/([a-zA-Z0-9:_-]{1,128})\/jobs\/(?:(get|start-next)|([a-zA-Z0-9_-]{1,64}|\$next)\/(get|update))$/;

/**
 * A device's jobs over MQTT: a message to one of the request topics is carried out and answered to the client that sent
 * it. AWS IoT Core, "Jobs device MQTT API"
 */
export class JobTopics {
  readonly #jobs: DeviceJobs;
  readonly #ports: JobTopicsPorts;

  constructor(jobs: DeviceJobs, ports: JobTopicsPorts) {
    this.#jobs = jobs;
    this.#ports = ports;
  }

  /** Carries out a message that is a request. What changes something resolves when it is durable and answered. */
  handle(message: Published): Promise<void> | undefined {
    const { topic, payload, origin } = message;
    if (origin !== "client" || !topic.startsWith("$aws/things/")) return undefined;
    const [, thing, verb, job = "", jobVerb] = TOPIC.exec(topic) ?? [];
    if (thing === undefined) {
      if (this.#isOurs(topic)) this.#refuse(message, invalidTopic());
      return undefined;
    }
    const done = this.#carryOut(
      verb ?? `job-${jobVerb ?? ""}`,
      { thing, job },
      { ...message, payload: Uint8Array.from(payload) },
    );
    return verb === "get" || jobVerb === "get" ? void done : done;
  }

  #isOurs(topic: string): boolean {
    return /^\$aws\/things\/[^/]+\/jobs\/([^/]+\/)?(get|start-next|update)$/.test(topic);
  }

  async #carryOut(verb: string, id: { thing: string; job: string }, message: Published): Promise<void> {
    const { topic, clientId, qos } = message;
    try {
      const payload = objectOf(message.payload);
      const clientToken = tokenIn(payload);
      const accept = (body: JsonObject): void => {
        const whole = { ...(clientToken !== undefined && { clientToken }), timestamp: this.#seconds(), ...body };
        this.#ports.answer(clientId, {
          topic: `${topic}/accepted`,
          payload: utf8Bytes(JSON.stringify(whole)),
          qos: qos === 0 ? 0 : 1,
        });
      };
      await this.#ask(verb, { ...id, payload, accept });
    } catch (error) {
      if (error instanceof Refused) throw error;
      this.#refuse(message, error);
    }
  }

  async #ask(verb: string, { thing, job, payload, accept }: Asked): Promise<void> {
    const whole = (turn: Turn | undefined): void => {
      const { execution, document } = turn ?? {};
      const now = this.#ports.clock.now();
      accept(execution ? { execution: describeExecution(execution, document, now) } : {});
    };
    if (verb === "get") {
      await this.#jobs.pending(thing, (turns) => {
        const of = (status: string) => turns.filter((each) => each.status === status).map(summaryOf);
        accept({ inProgressJobs: of("IN_PROGRESS"), queuedJobs: of("QUEUED") });
      });
    } else if (verb === "start-next") await this.#jobs.startNext(thing, progressIn(payload, "IN_PROGRESS"), whole);
    else if (verb === "job-get") {
      const number = numberIn(payload, "executionNumber");
      await this.#jobs.describe({ thing, job, number }, payload["includeJobDocument"] !== false, whole);
    } else {
      const progress = progressIn(payload, statusIn(payload));
      await this.#jobs.update({ thing, job }, progress, ({ execution, document }) => {
        accept({
          ...(payload["includeJobExecutionState"] === true && { executionState: stateOf(execution) }),
          ...(payload["includeJobDocument"] === true &&
            document !== undefined && { jobDocument: JSON.parse(document) as Json }),
        });
      });
    }
  }

  #refuse({ topic, clientId, payload, qos }: Published, error: unknown): void {
    const code = codeOf(error);
    if (code === "InternalError") {
      const detail = `${topic} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
      this.#ports.trace.emit("cloud", { kind: "process", what: "warning", detail });
    }
    const message = error instanceof HawserError && code !== "InternalError" ? error.message : "Internal failure";
    const clientToken = tokenOfRefused(payload);
    const body = {
      ...(clientToken !== undefined && { clientToken }),
      timestamp: this.#seconds(),
      code,
      message,
      ...(error instanceof ExecutionConflict && { executionState: stateOf(error.execution) }),
    };
    const answer = {
      topic: `${topic}/rejected`,
      payload: utf8Bytes(JSON.stringify(body)),
      qos: qos === 0 ? 0 : 1,
    } as const;
    this.#ports.answer(clientId, answer);
  }

  #seconds(): number {
    return Math.floor(this.#ports.clock.now() / 1000);
  }
}

/** How an execution is, in the answer to an update. AWS IoT Core, "JobExecutionState" */
export function stateOf({ status, details, version }: Turn["execution"]): JsonObject {
  return { status, statusDetails: details, versionNumber: version };
}

/** AWS IoT Core, "ErrorResponse" of the jobs MQTT API */
function codeOf(error: unknown): string {
  if (error instanceof SyntaxError || error instanceof TypeError) return "InvalidJson";
  if (!(error instanceof HawserError)) return "InternalError";
  if (error.message === INVALID_TOPIC) return "InvalidTopic";
  if (error instanceof UsageError) return "InvalidRequest";
  if (error instanceof NotFound) return "ResourceNotFound";
  if (!(error instanceof Conflict)) return "InternalError";
  if (error.code === "version-conflict") return "VersionMismatch";
  return error.code === "job-ended" ? "TerminalStateReached" : "InvalidStateTransition";
}

const INVALID_TOPIC = "The topic names no thing and job";

function invalidTopic() {
  return invalidRequest(INVALID_TOPIC);
}

function objectOf(payload: Uint8Array): JsonObject {
  if (payload.length === 0) return {};
  const value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload)) as Json;
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw invalidRequest("the payload must be a JSON object");
}

function tokenIn({ clientToken }: JsonObject): string | undefined {
  if (clientToken === undefined || clientToken === null) return undefined;
  if (typeof clientToken === "string" && clientToken.length <= 64) return clientToken;
  throw invalidRequest("clientToken must be text of at most 64 characters");
}

function tokenOfRefused(payload: Uint8Array): string | undefined {
  try {
    return tokenIn(objectOf(payload));
  } catch {
    // What is wrong with the payload is told already.
    return undefined;
  }
}

function statusIn({ status }: JsonObject): Progress["status"] {
  const known = ["IN_PROGRESS", "SUCCEEDED", "FAILED", "REJECTED"] as const;
  const found = known.find((each) => each === status);
  if (!found) throw invalidRequest(`status must be ${known.join(", ")}`);
  return found;
}

function progressIn(payload: JsonObject, status: Progress["status"]): Progress {
  const expectedVersion = numberIn(payload, "expectedVersion");
  const executionNumber = numberIn(payload, "executionNumber");
  const stepTimeoutInMinutes = numberIn(payload, "stepTimeoutInMinutes");
  if (
    stepTimeoutInMinutes !== undefined &&
    stepTimeoutInMinutes !== -1 &&
    !(stepTimeoutInMinutes >= 1 && stepTimeoutInMinutes <= 10_080)
  )
    throw invalidRequest("stepTimeoutInMinutes must be 1 to 10080, or -1");
  return { status, statusDetails: detailsIn(payload), stepTimeoutInMinutes, expectedVersion, executionNumber };
}

function numberIn(payload: JsonObject, name: string): number | undefined {
  const value = payload[name] ?? undefined;
  if (value === undefined || Number.isSafeInteger(value)) return value as number | undefined;
  // The embedded SDKs send numbers as text.
  if (typeof value === "string" && /^-?\d{1,15}$/.test(value)) return Number(value);
  throw invalidRequest(`${name} must be a whole number`);
}

function detailsIn({ statusDetails }: JsonObject): Readonly<Record<string, string>> | undefined {
  if (statusDetails === undefined || statusDetails === null) return undefined;
  const isMap = typeof statusDetails === "object" && !Array.isArray(statusDetails);
  const entries = isMap ? Object.entries(statusDetails) : [];
  const isGood = ([name, value]: [string, unknown]) =>
    /^[a-zA-Z0-9:_-]{1,128}$/.test(name) && typeof value === "string" && value.length >= 1 && value.length <= 1024;
  if (isMap && entries.every(isGood)) return Object.fromEntries(entries) as Record<string, string>;
  throw invalidRequest("statusDetails must be an object whose names and values are short texts");
}
