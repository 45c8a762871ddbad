import { utf8Bytes } from "../../codec/index.ts";
import type { Clock } from "../../crypto/index.ts";
import { CallRefused } from "./api-calls.ts";
import { frame, FrameReader } from "./frames.ts";
import { LogTail } from "./log-tail.ts";
import type {
  ApiCaller,
  Deployment,
  FunctionFailure,
  FunctionProcess,
  ProcessStarter,
  RunEnd,
  RunRequest,
  RunResult,
} from "./runtime.ts";
import type { TmpBudget, TmpOwner } from "./tmp-budget.ts";

/** Bounds of one process. */
export type WorkerLimits = {
  /** From start to the handler being loaded. */
  readonly initMs: number;
  /** How often the parent looks at the memory of a running process. */
  readonly memoryCheckMs: number;
  /** API calls that run at once; further ones wait in the descriptor. */
  readonly callsAtOnce: number;
  /** API calls of one invocation; one more ends it. */
  readonly callsPerRun: number;
  /** What is kept of the log of one invocation. */
  readonly logBytes: number;
  /** What one invocation may print; one byte more ends it. */
  readonly outputBytes: number;
};

export const WORKER_LIMITS: WorkerLimits = {
  initMs: 10_000,
  memoryCheckMs: 20,
  callsAtOnce: 8,
  callsPerRun: 1000,
  logBytes: 64 * 1024,
  outputBytes: 16 * 1024 * 1024,
};

const MB = 1024 * 1024;

const UNFORESEEN = { wire: "InternalFailureException", message: "an internal failure" } as const;

type Options = {
  readonly deployment: Deployment;
  readonly starter: ProcessStarter;
  readonly clock: Clock;
  readonly api: ApiCaller;
  readonly limits: WorkerLimits;
  /** Shared with all others. */
  readonly tmpBudget: TmpBudget;
  /** Called once, when the handler is loaded or has failed to. */
  readonly started: () => void;
};

/** What the process is busy with: turn 0 is loading the handler, every later one an invocation. */
type Turn = { readonly id: number; readonly end: (end: RunEnd) => void; calls: number };

/**
 * One process of one function, used for one invocation after the other.
 *
 * Everything that comes out of the process is taken for hostile: whatever does not keep to the protocol or to the
 * bounds ends the process, and with it at most the one invocation that it was running.
 */
export class FunctionWorker implements TmpOwner {
  readonly #options: Options;
  readonly #reader = new FrameReader();
  readonly #log: LogTail;
  #inbox: unknown[] = [];
  #process: FunctionProcess | undefined;
  #noTmp = "";
  #turn: Turn | undefined;
  #turns = 0;
  #callsRunning = 0;
  #maxMemory = 0;
  #isGone = false;
  #isFrozen = false;
  #stopWatching = (): void => undefined;

  constructor(options: Options) {
    this.#options = options;
    this.#log = new LogTail(options.limits.logBytes);
  }

  get deployment(): Deployment {
    return this.#options.deployment;
  }

  /** Whether it can take another invocation. */
  get isUsable(): boolean {
    return !this.#isGone;
  }

  get isResting(): boolean {
    return this.#isFrozen;
  }

  /** Runs one invocation; the first one starts the process and loads the handler. What a function does never rejects. */
  async run(request: RunRequest): Promise<RunResult> {
    const { clock, deployment } = this.#options;
    const { requestId } = request;
    const isFirst = !this.#process;
    const start = clock.now();
    const failed = isFirst ? await this.#start() : undefined;
    if (isFirst) this.#options.started();
    const began = clock.now();
    this.#print(`START RequestId: ${requestId} Version: ${deployment.version}\n`);
    const end = failed ?? (await this.#invoke(request));
    const durationMs = clock.now() - began;
    if (end.outcome !== "succeeded") this.#print(`${requestId}\tERROR\t${JSON.stringify(end.error)}\n`);
    const report = [
      `REPORT RequestId: ${requestId}`,
      `Duration: ${durationMs.toFixed(2)} ms`,
      `Billed Duration: ${Math.ceil(durationMs)} ms`,
      `Memory Size: ${deployment.memoryMb} MB`,
      `Max Memory Used: ${Math.ceil(this.#maxMemory / MB)} MB`,
      ...(isFirst ? [`Init Duration: ${(began - start).toFixed(2)} ms`] : []),
    ];
    this.#print(`END RequestId: ${requestId}\n${report.join("\t")}\n`);
    return { ...end, durationMs, maxMemoryBytes: this.#maxMemory, log: this.#log.take() };
  }

  /** Ends the process. A running invocation fails. */
  kill(): void {
    this.#isGone = true;
    this.#stopWatching();
    this.#options.tmpBudget.forget(this);
    this.#process?.kill();
  }

  /** Ends the process for what all functions have in `/tmp` together. */
  endForTmp(why: string): void {
    this.#fail("failed", failure("Sandbox.StorageLimit", why));
  }

  async #start(): Promise<RunEnd | undefined> {
    const { starter, deployment, limits } = this.#options;
    const {
      process: started,
      root,
      sdkRoots = [],
      noTmp = "",
    } = await starter.start(deployment, {
      onData: (bytes) => this.#receive(bytes),
      onOutput: (bytes) => this.#output(bytes),
      onExit: (how) => this.#fail("failed", failure("Runtime.ExitError", `the function's process ended: ${how}`)),
    });
    this.#process = started;
    this.#noTmp = noTmp;
    if (this.#isGone) started.kill();
    const { handler, environment } = deployment;
    const late = failure("Runtime.InitTimeout", `the handler did not load within ${limits.initMs / 1000} seconds`);
    const setup = JSON.stringify({ type: "setup", root, handler, environment, sdkRoots });
    const end = await this.#takeTurn({ json: setup, timeoutMs: limits.initMs, late });
    if (end.outcome === "succeeded") return undefined;
    this.kill();
    return end;
  }

  async #invoke({ requestId, invokedArn, event, clientContext }: RunRequest): Promise<RunEnd> {
    const { timeoutMs, functionArn: ownArn } = this.#options.deployment;
    const functionArn = invokedArn ?? ownArn;
    const seconds = (timeoutMs / 1000).toFixed(2);
    const late = failure("Sandbox.Timedout", `RequestId: ${requestId} Error: Task timed out after ${seconds} seconds`);
    const about = JSON.stringify({ type: "invoke", id: this.#turns, requestId, functionArn, timeoutMs, clientContext });
    // The event is handed on as the text that it came as, not as what a parser made of it.
    return this.#takeTurn({ json: `${about.slice(0, -1)},"event":${event}}`, timeoutMs, late });
  }

  async #takeTurn(what: { json: string; timeoutMs: number; late: FunctionFailure }): Promise<RunEnd> {
    const child = this.#process;
    if (this.#isGone || !child) return { outcome: "failed", error: failure("Runtime.ExitError", "the process ended") };
    if (this.#isFrozen) child.thaw();
    this.#isFrozen = false;
    let stop = (): void => undefined;
    const end = await new Promise<RunEnd>((resolve) => {
      this.#turn = { id: this.#turns++, end: resolve, calls: 0 };
      stop = this.#options.clock.after(what.timeoutMs, () => this.#fail("timeout", what.late));
      this.#watchMemory();
      child.send(frame(what.json));
      this.#pump();
    });
    stop();
    this.#look();
    return end;
  }

  /** Stops the process until the next invocation: what the last one left running must not run on unseen. */
  rest(): void {
    if (this.#isGone || this.#isFrozen) return;
    this.#process?.freeze();
    this.#isFrozen = true;
    this.#watchMemory();
  }

  /** Looks at memory and `/tmp` for as long as the process lives, closely while it is busy; every turn ends with a look. */
  #watchMemory(): void {
    const { clock, limits } = this.#options;
    this.#stopWatching();
    if (this.#isGone) return;
    const delay = limits.memoryCheckMs * (this.#turn ? 1 : 25);
    this.#stopWatching = clock.after(delay, () => {
      this.#look();
      this.#watchMemory();
    });
  }

  #look(): void {
    const { deployment, tmpBudget } = this.#options;
    const { memoryMb } = deployment;
    const { resident: bytes = 0, tmp = 0 } = this.#process?.memory() ?? {};
    if (!this.#isGone) tmpBudget.note(this, tmp);
    this.#maxMemory = Math.max(this.#maxMemory, bytes);
    if (bytes <= memoryMb * MB) return;
    const used = `${Math.ceil(bytes / MB)} MB in use, ${memoryMb} MB allowed`;
    this.#fail("memory", failure("Runtime.OutOfMemory", used));
  }

  #output(bytes: Uint8Array): void {
    this.#log.push(bytes);
    if (this.#log.total <= this.#options.limits.outputBytes || this.#isGone) return;
    this.#fail("failed", failure("Sandbox.OutputLimit", `more than ${this.#options.limits.outputBytes} bytes printed`));
  }

  #receive(bytes: Uint8Array): void {
    if (this.#isGone) return;
    try {
      for (const message of this.#reader.push(bytes)) this.#inbox.push(message);
    } catch (error) {
      this.#fail("failed", failure("Sandbox.MalformedFrame", messageOf(error)));
    }
    this.#pump();
  }

  /** Handles what has arrived, as long as somebody waits for it; the rest stays in the descriptor and fills it up. */
  #pump(): void {
    while (this.#inbox.length > 0 && this.#mayHandle()) this.#handle(this.#inbox.shift());
    this.#process?.read(this.#mayHandle());
  }

  #mayHandle(): boolean {
    return !this.#isGone && !!this.#turn && this.#callsRunning < this.#options.limits.callsAtOnce;
  }

  #handle(received: unknown): void {
    const turn = this.#turn as Turn;
    const message = (received ?? {}) as Readonly<Record<string, unknown>>;
    const { type, id, operation, input, payload } = message;
    if (type === "call" && typeof id === "number" && typeof operation === "string") {
      void this.#call(turn, { id, operation, input });
    } else if (id !== turn.id) {
      this.#fail("failed", failure("Sandbox.MalformedFrame", "the process sent a message out of turn"));
    } else if (type === "result" && payload !== undefined) {
      this.#succeed(payload);
    } else if (type === "failure") {
      const error = withReason(failureIn(message["error"]), this.#noTmp);
      if (message["isFatal"] === true) this.#fail("failed", error);
      else this.#finish({ outcome: "failed", error });
    } else this.#fail("failed", failure("Sandbox.MalformedFrame", "the process sent an unknown message"));
  }

  #succeed(payload: unknown): void {
    try {
      this.#finish({ outcome: "succeeded", payload: JSON.stringify(payload) });
    } catch (error) {
      // Nested so deep that it can be read and not written.
      this.#fail("failed", failure("Sandbox.MalformedFrame", messageOf(error)));
    }
  }

  async #call(turn: Turn, { id, operation, input }: { id: number; operation: string; input: unknown }): Promise<void> {
    const { api, deployment, limits } = this.#options;
    if (++turn.calls > limits.callsPerRun) {
      this.#fail("failed", failure("Sandbox.CallLimit", `more than ${limits.callsPerRun} API calls in one invocation`));
      return;
    }
    this.#callsRunning++;
    let answer: string;
    try {
      const output = (await api(operation, input, { functionArn: deployment.functionArn })) ?? null;
      answer = JSON.stringify({ type: "reply", id, output });
    } catch (error) {
      // Only a refusal is meant for the function; anything else may say too much.
      const { wire: name, message } = error instanceof CallRefused ? error : UNFORESEEN;
      answer = JSON.stringify({ type: "reply", id, error: { name, message } });
    }
    this.#callsRunning--;
    if (this.#isGone) return;
    this.#process?.send(frame(answer));
    this.#pump();
  }

  /** Ends the process and fails what it was doing. */
  #fail(outcome: "failed" | "timeout" | "memory", error: FunctionFailure): void {
    this.kill();
    this.#finish({ outcome, error });
  }

  #finish(end: RunEnd): void {
    const turn = this.#turn;
    this.#turn = undefined;
    turn?.end(end);
  }

  #print(line: string): void {
    this.#log.push(utf8Bytes(line));
  }
}

function failure(errorType: string, errorMessage: string): FunctionFailure {
  return { errorType, errorMessage, trace: [] };
}

/** A failure as the process tells it, cut to shape: it may have been made up. */
function failureIn(value: unknown): FunctionFailure {
  const { errorType, errorMessage, trace } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const lines = Array.isArray(trace) ? trace.slice(0, 64) : [];
  return {
    errorType: typeof errorType === "string" ? errorType.slice(0, 257) : "Error",
    errorMessage: typeof errorMessage === "string" ? errorMessage.slice(0, 65_537) : "",
    trace: lines.filter((line) => typeof line === "string").map((line) => line.slice(0, 1025)),
  };
}

/** Node names only its own option, which nobody but us can set: the reason says what the operator can do. */
function withReason(error: FunctionFailure, noTmp: string): FunctionFailure {
  if (noTmp === "" || !error.errorMessage.includes("--allow-fs-write")) return error;
  return { ...error, errorMessage: `${error.errorMessage}; functions cannot write: ${noTmp}` };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
