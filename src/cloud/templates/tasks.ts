import { HawserError, utf8Bytes } from "../../codec/index.ts";
import { invalidRequest, notFound } from "../errors.ts";
import {
  changedResource,
  newResource,
  resourceKind,
  uuid,
  type Page,
  type PageRequest,
  type Resource,
} from "../registry/index.ts";
import { carryOut, type Workshop } from "./carry-out.ts";
import { planOf } from "./plan.ts";
import { parseTemplate, type ProvisioningTemplate } from "./template.ts";

/** Where bulk registration reads its list and writes its reports: names as in S3. */
export interface ObjectStore {
  /** Undefined where there is none. Throws `UsageError` for names that lead elsewhere, or for more than it takes. */
  read(bucket: string, key: string): Promise<Uint8Array | undefined>;
  /** Writes an object and gives the URL under which an operator finds it. */
  write(bucket: string, key: string, bytes: Uint8Array): Promise<string>;
}

export type TaskStatus = "InProgress" | "Completed" | "Failed" | "Cancelled" | "Cancelling";

type Body = {
  readonly templateBody: string;
  readonly bucket: string;
  readonly key: string;
  readonly roleArn: string;
  readonly status: TaskStatus;
  readonly message: string | undefined;
  readonly succeeded: number;
  readonly failed: number;
  readonly percent: number;
  readonly reports: { readonly RESULTS?: string; readonly ERRORS?: string };
};

/** A list of devices that is registered line by line. */
export type RegistrationTask = Resource<Body>;

const TASKS = resourceKind<Body>("registration-task", "Thing registration task");

/** How many lines go between two notes of the progress. */
const STRIDE = 25;

type Order = Pick<Body, "templateBody" | "bucket" | "key" | "roleArn">;
type Outcome = { readonly results: string[]; readonly errors: string[] };

/** Registers lists of things in the background. AWS IoT Core, "Bulk registration" */
export class RegistrationTasks {
  readonly #shop: Workshop;
  readonly #objects: ObjectStore;
  readonly #running = new Map<string, Promise<void>>();
  #isClosed = false;

  private constructor(shop: Workshop, objects: ObjectStore) {
    this.#shop = shop;
    this.#objects = objects;
  }

  /** Tasks that a restart cut short are Failed: which of their lines were done, their reports do not say. */
  static async open(shop: Workshop, objects: ObjectStore): Promise<RegistrationTasks> {
    const tasks = new RegistrationTasks(shop, objects);
    for (const { name, body } of await TASKS.all(shop.registry.store.read)) {
      if (body.status !== "InProgress" && body.status !== "Cancelling") continue;
      await tasks.#change(name, { status: "Failed", message: "the server was restarted; start the task again" });
    }
    return tasks;
  }

  /** Begins a task and gives its id. Throws `UsageError` for a template or list that cannot be read. */
  async start(order: Order): Promise<string> {
    const { registry } = this.#shop;
    const template = parseTemplate(order.templateBody);
    const list = await this.#objects.read(order.bucket, order.key);
    if (!list) throw invalidRequest(`there is no object ${order.key} in bucket ${order.bucket}`);
    const lines = linesOf(list);
    const id = uuid(registry.entropy);
    const begun = {
      status: "InProgress" as const,
      message: undefined,
      succeeded: 0,
      failed: 0,
      percent: 0,
      reports: {},
    };
    const task = newResource<Body>(id, { ...order, ...begun }, registry.clock.now());
    await registry.store.write((queries) => TASKS.insert(queries, task, ""));
    const run = this.#run(id, template, lines).finally(() => this.#running.delete(id));
    this.#running.set(id, run);
    return id;
  }

  /** A task. Throws `NotFound`. */
  describe(id: string): Promise<RegistrationTask> {
    return TASKS.named(this.#shop.registry.store.read, id);
  }

  /** Tasks by creation date, newest first; of one status where given. */
  list({
    status,
    ...request
  }: PageRequest & { readonly status?: TaskStatus | undefined }): Promise<Page<RegistrationTask>> {
    const matches = ({ body }: RegistrationTask) => status === undefined || body.status === status;
    return TASKS.page(this.#shop.registry.store.read, { ...request, matches });
  }

  /** Stops a task after the line that it is at. Throws `NotFound`, `UsageError` where it is over. */
  async stop(id: string): Promise<void> {
    const { body } = await this.describe(id);
    if (body.status !== "InProgress") throw invalidRequest(`task ${id} is ${body.status}`);
    await this.#change(id, { status: "Cancelling" });
  }

  /** Resolves when the tasks that run now are over. */
  async settled(): Promise<void> {
    await Promise.all(this.#running.values());
  }

  /** Resolves when nothing runs any more; tasks stop after the line that they are at. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.settled();
  }

  async #run(id: string, template: ProvisioningTemplate, lines: readonly string[]): Promise<void> {
    const outcome: Outcome = { results: [], errors: [] };
    try {
      for (const [i, line] of lines.entries()) {
        if (i % STRIDE === 0 && (await this.#isStopped(id, { outcome, percent: Math.floor((i * 100) / lines.length) })))
          return;
        await this.#register(template, { line, number: i + 1 }, outcome);
      }
      await this.#finish(id, "Completed", outcome);
    } catch (error) {
      const detail = `registration task ${id} failed: ${error instanceof Error ? error.message : String(error)}`;
      this.#shop.registry.trace.emit("cloud", { kind: "process", what: "warning", detail });
    }
  }

  async #isStopped(
    id: string,
    { outcome, percent }: { readonly outcome: Outcome; readonly percent: number },
  ): Promise<boolean> {
    const { body } = await this.describe(id);
    if (body.status === "Cancelling") {
      await this.#finish(id, "Cancelled", outcome, percent);
      return true;
    }
    if (this.#isClosed) return true;
    await this.#change(id, { percent, succeeded: outcome.results.length, failed: outcome.errors.length });
    return false;
  }

  async #register(
    template: ProvisioningTemplate,
    { line, number }: { readonly line: string; readonly number: number },
    { results, errors }: Outcome,
  ): Promise<void> {
    try {
      const { certificatePem, resourceArns } = await carryOut(this.#shop, planOf(template, parametersIn(line)));
      results.push(JSON.stringify({ lineNumber: number, response: { certificatePem, resourceArns } }));
    } catch (error) {
      if (!(error instanceof HawserError)) throw error;
      errors.push(JSON.stringify({ lineNumber: number, errorMessage: error.message }));
    }
  }

  async #finish(id: string, status: TaskStatus, { results, errors }: Outcome, percent = 100): Promise<void> {
    const { bucket } = (await this.describe(id)).body;
    const write = (kind: string, lines: readonly string[]) =>
      this.#objects.write(
        bucket,
        `thing-registration-tasks/${id}/${kind}`,
        utf8Bytes(lines.map((line) => `${line}\n`).join("")),
      );
    const reports = {
      ...(results.length > 0 && { RESULTS: await write("results.json", results) }),
      ...(errors.length > 0 && { ERRORS: await write("errors.json", errors) }),
    };
    await this.#change(id, { status, percent, reports, succeeded: results.length, failed: errors.length });
  }

  async #change(id: string, change: Partial<Body>): Promise<void> {
    const { store, clock } = this.#shop.registry;
    await store.write(async (queries) => {
      const task = await TASKS.find(queries, id);
      if (!task) throw notFound(`Thing registration task ${id}`);
      await TASKS.replace(queries, changedResource(task, { ...task.body, ...change }, clock.now()));
    });
  }
}

function linesOf(bytes: Uint8Array): string[] {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw invalidRequest("the input file is not UTF-8", { cause });
  }
  return text.split(/\r?\n/).filter((line) => line.trim() !== "");
}

function parametersIn(line: string): Readonly<Record<string, string>> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw invalidRequest(`the line is not JSON: ${cause instanceof Error ? cause.message : ""}`, { cause });
  }
  const isRight =
    typeof value === "object" && value !== null && Object.values(value).every((each) => typeof each === "string");
  if (!isRight) throw invalidRequest("the line must be a JSON object of texts");
  return value as Readonly<Record<string, string>>;
}
