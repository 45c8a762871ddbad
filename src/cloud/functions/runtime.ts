/** Everything needed to run one revision of one function. */
export type Deployment = {
  readonly functionName: string;
  /** With the number behind it where it is a published version. */
  readonly functionArn: string;
  readonly version: string;
  /** Changes whenever code or configuration does: processes and folders are never shared between revisions. */
  readonly revision: string;
  /** `file.export`. */
  readonly handler: string;
  readonly memoryMb: number;
  /** What each process may keep in its `/tmp`, beside its memory. */
  readonly tmpMb: number;
  readonly timeoutMs: number;
  /** The whole environment of the function; its process inherits none of ours. */
  readonly environment: Readonly<Record<string, string>>;
  /** The code, by path inside its folder. Asked for once a revision. */
  readonly files: () => Promise<ReadonlyMap<string, Uint8Array>>;
};

/** One invocation. `event` is JSON text, handed on as it is; `invokedArn` names the function as the caller did. */
export type RunRequest = {
  readonly requestId: string;
  readonly invokedArn?: string;
  readonly event: string;
  readonly clientContext?: unknown;
};

/** Why an invocation failed, as the caller is told. */
export type FunctionFailure = {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace: readonly string[];
};

/** How an invocation ended. `payload` is JSON text of at most 6 MB. */
export type RunEnd =
  | { readonly outcome: "succeeded"; readonly payload: string }
  | { readonly outcome: "failed" | "timeout" | "memory"; readonly error: FunctionFailure };

/** The end of an invocation and what it cost; `log` holds the START, END and REPORT lines and what was printed between. */
export type RunResult = RunEnd & {
  readonly durationMs: number;
  readonly maxMemoryBytes: number;
  /** The last bytes of the log, whole up to its bound. */
  readonly log: Uint8Array;
};

/** What stands between a function and the machine. */
export type IsolationReport = {
  /** Kernel boundary: namespaces of bubblewrap, another user, or none beside Node's permission model. */
  readonly boundary: "bubblewrap" | "user" | "none";
  /** What a probing process could reach under this boundary; the empty list is the aim. */
  readonly reachable: readonly Reach[];
  /** Whether functions run at all: false where files, network, processes or threads are within reach. */
  readonly runs: boolean;
  /** Why functions have no `/tmp` to write to; empty where they have one. */
  readonly noTmp: string;
  /** One sentence for the log at start-up where something is open or refused; empty where nothing is. */
  readonly warning: string;
};

/** What a function may try to reach. */
export type Reach =
  | "read-file"
  | "write-file"
  | "database-file"
  | "network"
  | "child-process"
  | "worker-thread"
  | "native-addon"
  | "foreign-function"
  | "inspector"
  | "signal-server";

/** Runs functions. */
export interface FunctionRuntime {
  readonly isolation: IsolationReport;
  /**
   * Runs one invocation, after a wait where all processes are busy. Failures of the function are results.
   * Throws `Refused` `too-many-requests`, `Denied` `functions-unavailable`, `UsageError` `runtime-closed`.
   */
  run(deployment: Deployment, request: RunRequest): Promise<RunResult>;
  /** Ends the idle processes of a function and forgets its folders: it was changed or deleted. */
  retire(functionArn: string): void;
  close(): Promise<void>;
}

/** Where API calls of functions go. A function is told of what it rejects with by name and message. */
export type ApiCaller = (
  operation: string,
  input: unknown,
  identity: { readonly functionArn: string },
) => Promise<unknown>;

/** What a process occupies, in bytes. */
export type ProcessMemory = {
  /** Undefined once it is gone. */
  readonly resident: number | undefined;
  /** In the files of its `/tmp`: memory of the machine, too, and none of its own. */
  readonly tmp: number;
};

/** How a process of a function can be reached, whatever started it. */
export interface FunctionProcess {
  /** One frame to the descriptor of the process. */
  send(frame: Uint8Array): void;
  /** Stops or resumes reading what the process sends on its descriptor. */
  read(wanted: boolean): void;
  /** Stops the process between invocations, and lets it go on: what it left running must not run on unseen. */
  freeze(): void;
  thaw(): void;
  /** Ends the process and all that it may have started, at once. */
  kill(): void;
  /** What it occupies now. */
  memory(): ProcessMemory;
}

/** What a process does. `onExit` comes last, after all output. */
export type ProcessEvents = {
  readonly onData: (bytes: Uint8Array) => void;
  readonly onOutput: (bytes: Uint8Array) => void;
  readonly onExit: (how: string) => void;
};

/** A process, and what it must be told of the places where its code and the packages beside it lie for it. */
export type StartedProcess = {
  readonly process: FunctionProcess;
  readonly root: string;
  readonly sdkRoots?: readonly string[];
  /** Why it has no `/tmp` to write to; empty or absent where it has one. */
  readonly noTmp?: string;
};

/** Starts processes for functions. */
export interface ProcessStarter {
  readonly isolation: IsolationReport;
  start(deployment: Deployment, events: ProcessEvents): Promise<StartedProcess>;
  /** Removes the folders of a function. */
  forget(functionArn: string): void;
  close(): Promise<void>;
}
