import { chmodSync, chownSync, mkdirSync, realpathSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { dirname, join } from "node:path";

import type { Clock } from "../../crypto/index.ts";
import { bootstrapSource } from "./node-bootstrap.ts";
import { FUNCTION_GROUP, launch, type Boundary } from "./node-isolation.ts";
import { boundariesHere, probeIsolation } from "./node-probe.ts";
import { residentSize } from "./node-resident.ts";
import { Workspaces } from "./node-workspace.ts";
import { sdkPackages } from "./node-sdk.ts";
import type {
  Deployment,
  FunctionProcess,
  IsolationReport,
  ProcessEvents,
  ProcessStarter,
  StartedProcess,
} from "./runtime.ts";

export type StarterOptions = {
  readonly clock: Clock;
  /** Where code lies while the server runs; it is emptied first. Among the system's temporary files by default. */
  readonly directory?: string;
  /** Boundaries to try, strongest first; by default all that this machine may have. */
  readonly boundaries?: readonly Boundary[];
  /** A folder whose `node_modules` every function may import from. */
  readonly layer?: string;
};

const MB = 1024 * 1024;

/** Makes ready to run functions: a private folder for their code, and a probe of what the machine can close. */
export async function openStarter(options: StarterOptions): Promise<ProcessStarter> {
  const { clock, directory, boundaries = boundariesHere() } = options;
  const workspaces = new Workspaces(directory);
  const folderFor = (boundary: Boundary) => workspaces.folderFor(boundary);
  const isolation = await probeIsolation(folderFor, clock, boundaries);
  workspaces.keepOnly(isolation.boundary);
  return new NodeStarter(workspaces, isolation, options.layer);
}

/** The code of one revision, kept until it is forgotten and the last process that reads it has ended. */
type Folder = { readonly path: string; users: number; isForgotten: boolean };

/** Starts functions as Node processes. */
class NodeStarter implements ProcessStarter {
  readonly isolation: IsolationReport;
  readonly #workspaces: Workspaces;
  readonly #workspace: string;
  readonly #program: string;
  readonly #folders = new Map<string, Promise<Folder>>();
  readonly #slots = new Set<number>();
  readonly #running = new Set<() => void>();
  readonly #packages = sdkPackages();
  readonly #layer: string | undefined;
  #made = 0;

  constructor(workspaces: Workspaces, isolation: IsolationReport, layer: string | undefined) {
    this.#workspaces = workspaces;
    this.#layer = layer === undefined ? undefined : realpathSync(layer);
    this.#workspace = workspaces.folderFor(isolation.boundary);
    this.isolation = isolation;
    this.#program = join(this.#workspace, "bootstrap.cjs");
    writeFileSync(this.#program, bootstrapSource(), { mode: 0o644 });
  }

  async start(deployment: Deployment, events: ProcessEvents): Promise<StartedProcess> {
    const { boundary } = this.isolation;
    const folder = await this.#folderOf(deployment);
    const slot = this.#freeSlot();
    const { memoryMb, tmpMb } = deployment;
    const { noTmp } = this.isolation;
    const tmpBytes = noTmp === "" ? tmpMb * MB : undefined;
    const beside = { packages: this.#packages, layer: this.#layer, tmpBytes };
    const launched = launch({ boundary, program: this.#program, folder: folder.path, memoryMb, slot, ...beside });
    const { child, channel, root, sdkRoots } = launched;
    folder.users++;
    this.#slots.add(slot);
    const kill = (): void => {
      // Only a process that is still ours to reap: its number may belong to somebody else afterwards.
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
        signal(-child.pid, "SIGKILL");
    };
    this.#running.add(kill);
    const drain = (): void => void channel.resume();
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", events.onOutput);
    // One turn later than it was read: what the function printed before has then been heard.
    channel.on("data", (chunk: Buffer) => setImmediate(() => events.onData(chunk)));
    channel.on("error", () => undefined);
    let problem = "";
    child.on("error", (error) => {
      problem = error.message;
    });
    child.on("exit", drain);
    child.on("close", (code, signal) => {
      this.#slots.delete(slot);
      folder.users--;
      this.#sweep(folder);
      this.#running.delete(kill);
      setImmediate(() => events.onExit(problem || (signal ? `signal ${signal}` : `exit status ${code}`)));
    });
    const pid = await launched.pid;
    const process = processOver({ pid, boundary, hasTmp: noTmp === "", channel, kill: () => (kill(), drain()) });
    return { process, root, sdkRoots, noTmp };
  }

  forget(functionArn: string): void {
    for (const [key, writing] of this.#folders) {
      if (!key.startsWith(`${functionArn}\n`)) continue;
      this.#folders.delete(key);
      void writing.then(
        (folder) => {
          folder.isForgotten = true;
          this.#sweep(folder);
        },
        () => undefined,
      );
    }
  }

  close(): Promise<void> {
    for (const kill of this.#running) kill();
    this.#workspaces.close();
    return Promise.resolve();
  }

  #sweep(folder: Folder): void {
    if (folder.isForgotten && folder.users === 0) rmSync(folder.path, { recursive: true, force: true });
  }

  #freeSlot(): number {
    let slot = 1;
    while (this.#slots.has(slot)) slot++;
    return slot;
  }

  /** The folder of one revision, written at its first use. */
  #folderOf(deployment: Deployment): Promise<Folder> {
    const key = `${deployment.functionArn}\n${deployment.revision}`;
    const known = this.#folders.get(key);
    if (known) return known;
    const writing = this.#write(deployment);
    this.#folders.set(key, writing);
    // What failed once is tried again.
    writing.catch(() => this.#folders.delete(key));
    return writing;
  }

  async #write(deployment: Deployment): Promise<Folder> {
    const folder = { path: join(this.#workspace, `code-${this.#made++}`), users: 0, isForgotten: false };
    const files = await deployment.files();
    mkdirSync(folder.path, { mode: 0o755 });
    for (const [path, bytes] of files) {
      const file = join(folder.path, path);
      mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
      writeFileSync(file, bytes, { mode: 0o444 });
    }
    if (this.isolation.boundary === "user") {
      chownSync(folder.path, 0, FUNCTION_GROUP);
      chmodSync(folder.path, 0o750);
    }
    return folder;
  }
}

type Facts = {
  readonly pid: number;
  readonly boundary: Boundary;
  readonly hasTmp: boolean;
  readonly channel: Socket;
  readonly kill: () => void;
};

function processOver({ pid, boundary, hasTmp, channel, kill }: Facts): FunctionProcess {
  const resident = residentSize(pid);
  const tmp = new OwnTmp(pid);
  // A stopped process does not see that its server is gone; bubblewrap alone ends it then.
  const canFreeze = boundary === "bubblewrap";
  return {
    send(frame) {
      // What is sent in one turn leaves in one write: each write wakes the process.
      if (channel.writableCorked === 0) {
        channel.cork();
        process.nextTick(() => channel.uncork());
      }
      channel.write(frame);
    },
    read: (wanted) => void (wanted ? channel.resume() : channel.pause()),
    freeze: () => canFreeze && signal(pid, "SIGSTOP"),
    thaw: () => canFreeze && signal(pid, "SIGCONT"),
    kill() {
      resident.close();
      kill();
    },
    memory() {
      const bytes = resident.bytes();
      const { contents, names } = hasTmp ? tmp.use() : NOTHING;
      return { resident: bytes === undefined ? undefined : bytes + names, tmp: contents };
    },
  };
}

/** The kernel keeps about this much for a file in memory, however empty. */
const BYTES_PER_FILE = 1024;

/** What a process's `/tmp` takes: what is in the files, which its size bounds, and the files themselves, which it does not. */
export type TmpUse = { readonly contents: number; readonly names: number };

const NOTHING: TmpUse = { contents: 0, names: 0 };

/**
 * What a process has in its `/tmp`. Nothing while bubblewrap still builds the process's file system: until then it sees
 * this machine's `/tmp`, and all that others have there.
 */
export class OwnTmp {
  readonly #path: string;
  #isBuilt = false;

  constructor(pid: number) {
    this.#path = `/proc/${pid}/root/tmp`;
  }

  use(): TmpUse {
    try {
      this.#isBuilt ||= statSync(this.#path).dev !== statSync("/tmp", { throwIfNoEntry: false })?.dev;
      if (!this.#isBuilt) return NOTHING;
      const { blocks, bfree, bsize, files, ffree } = statfsSync(this.#path);
      return { contents: (blocks - bfree) * bsize, names: (files - ffree) * BYTES_PER_FILE };
    } catch {
      // Ended meanwhile, or a system that does not let us look.
      return NOTHING;
    }
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // Gone already: its exit is on the way.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
