import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from "node:fs";
import type { Socket } from "node:net";
import type { Readable } from "node:stream";

import { Denied } from "../../codec/index.ts";
import type { FunctionErrorCode } from "./errors.ts";
import type { SdkPackage } from "./node-sdk.ts";
import type { IsolationReport } from "./runtime.ts";

/** The kernel boundary to put round a process. */
export type Boundary = IsolationReport["boundary"];

/** A program to run behind a boundary. `slot` keeps the user ids of processes that run at once apart. */
export type Launch = {
  readonly boundary: Boundary;
  readonly program: string;
  readonly folder: string;
  readonly memoryMb: number;
  readonly slot: number;
  /** Packages that the program may read beside its folder. */
  readonly packages?: readonly SdkPackage[];
  /** A folder with more of them, in its `node_modules`. */
  readonly layer?: string | undefined;
  /** What fits into a `/tmp` of its own, which only bubblewrap can give; none where absent. */
  readonly tmpBytes?: number | undefined;
};

/** A started process, its pipes, and once they are known the process id of the function itself. */
export type Launched = {
  readonly child: ChildProcess;
  readonly channel: Socket;
  readonly pid: Promise<number>;
  /** The code folder as the process sees it. */
  readonly root: string;
  /** Files from whose places the process finds packages. */
  readonly sdkRoots: readonly string[];
};

/** Where packages lie for a process behind bubblewrap: AWS has its layers there, too. */
const SDK_FOLDER = "/opt/sdk";
const LAYER_FOLDER = "/opt/nodejs";

/** The group, and below the users, of functions where the server runs as root: numbers that nobody else is given. */
export const FUNCTION_GROUP = 60_800;

/**
 * Starts Node with the permission model and everything closed, behind the boundary, with an empty environment and
 * descriptor 3 as its only way out.
 */
export function launch(what: Launch): Launched {
  const isWrapped = what.boundary === "bubblewrap";
  const root = isWrapped ? "/var/task" : what.folder;
  const program = isWrapped ? "/var/runtime/program.cjs" : what.program;
  const { packages = [], layer } = what;
  const places = packages.map(({ name, folder }) => (isWrapped ? `${SDK_FOLDER}/node_modules/${name}` : folder));
  const layerAt = layer !== undefined && isWrapped ? LAYER_FOLDER : layer;
  const writable = isWrapped && what.tmpBytes !== undefined ? ["/tmp"] : [];
  const readable = [root, ...places, ...(layerAt === undefined ? [] : [layerAt]), ...writable];
  const node = [
    isWrapped ? NODE_INSIDE : process.execPath,
    ...nodeOptions({ readable, writable, memoryMb: what.memoryMb }),
    program,
  ];
  const sdkRoots = [...places.slice(0, 1), ...(layerAt === undefined ? [] : [layerAt])].map((at) => `${at}/index.js`);
  const [command = "", ...args] = isWrapped ? [...bubblewrap(what), ...node] : node;
  const nothing = openSync("/dev/null", "r");
  try {
    const child = spawn(command, args, {
      cwd: "/",
      env: {},
      // A session of its own: a signal from the server's terminal is not for functions, and one kill ends all of it.
      detached: true,
      stdio: covered(["ignore", "pipe", "pipe", "pipe", ...(isWrapped ? ["pipe" as const] : [])], nothing),
      ...(what.boundary === "user" ? { uid: FUNCTION_GROUP + 1 + what.slot, gid: FUNCTION_GROUP } : {}),
    });
    const pid = isWrapped ? pidFrom(child, child.stdio[4] as Readable) : Promise.resolve(child.pid ?? 0);
    return { child, channel: child.stdio[3] as Socket, pid, root, sdkRoots };
  } finally {
    closeSync(nothing);
  }
}

/**
 * Puts `nothing` over the descriptors that whoever started the server left open: Node would hand them on to its
 * children, and an open descriptor asks no permission model.
 */
function covered(stdio: readonly ("pipe" | "ignore")[], nothing: number): ("pipe" | "ignore" | number)[] {
  const leaks = new Set(inheritedDescriptors());
  const length = Math.max(stdio.length, ...[...leaks].map((fd) => fd + 1));
  return Array.from({ length }, (_, fd) => stdio[fd] ?? (leaks.has(fd) ? nothing : "ignore"));
}

const CLOSE_ON_EXEC = 0o2000000;

/** The descriptors of this process that a program which it starts would still have. */
function inheritedDescriptors(): number[] {
  const folder = "/proc/self/fdinfo";
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .map(Number)
    .filter((fd) => {
      try {
        const flags = /^flags:\s+([0-7]+)$/m.exec(readFileSync(`${folder}/${fd}`, "latin1"))?.[1] ?? "0";
        return (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) === 0;
      } catch {
        // The descriptor of the folder itself, which is closed again.
        return false;
      }
    });
}

/** Where bubblewrap is, or undefined. */
export function bubblewrapPath(): string | undefined {
  if (process.platform !== "linux") return undefined;
  const folders = (process.env["PATH"] ?? "").split(":").filter((folder) => folder.startsWith("/"));
  return [...folders, "/usr/bin", "/usr/local/bin"].map((folder) => `${folder}/bwrap`).find((path) => existsSync(path));
}

type Granted = {
  readonly readable: readonly string[];
  readonly writable: readonly string[];
  readonly memoryMb: number;
};

function nodeOptions({ readable, writable, memoryMb }: Granted): string[] {
  return [
    "--permission",
    ...readable.map((folder) => `--allow-fs-read=${folder}`),
    ...writable.map((folder) => `--allow-fs-write=${folder}`),
    // These reach files or memory without asking the permission model.
    "--no-experimental-sqlite",
    "--no-experimental-ffi",
    "--no-experimental-webstorage",
    "--no-addons",
    "--disable-sigusr1",
    `--max-old-space-size=${memoryMb}`,
  ];
}

/** Where bubblewrap puts Node: its own place may lie below `/tmp`, which a function's own covers. */
const NODE_INSIDE = "/var/runtime/node";

/** New namespaces for all that there are, a read-only root that holds Node and the code, no capabilities. */
function bubblewrap({ program, folder, packages = [], layer, tmpBytes }: Launch): string[] {
  const libraries = ["/usr", "/lib", "/lib64"].flatMap((path) => ["--ro-bind-try", path, path]);
  const flags = "--unshare-all --unshare-user --die-with-parent --new-session --as-pid-1 --cap-drop ALL";
  return [
    bubblewrapPath() ?? "bwrap",
    ...`${flags} --hostname function --info-fd 4`.split(" "),
    ...libraries,
    "--ro-bind",
    process.execPath,
    NODE_INSIDE,
    "--ro-bind",
    program,
    "/var/runtime/program.cjs",
    "--ro-bind",
    folder,
    "/var/task",
    ...packages.flatMap((each) => ["--ro-bind", each.folder, `${SDK_FOLDER}/node_modules/${each.name}`]),
    ...(layer === undefined ? [] : ["--ro-bind", layer, LAYER_FOLDER]),
    // In a mount namespace of its own: nobody else sees it, and it is gone with the process.
    ...(tmpBytes === undefined ? [] : ["--size", String(tmpBytes), "--tmpfs", "/tmp"]),
    ..."--remount-ro / --chdir / --".split(" "),
  ];
}

/** Bubblewrap tells the process id as we see it, in JSON, on the descriptor it was given. */
async function pidFrom(child: ChildProcess, facts: Readable): Promise<number> {
  let text = "";
  for await (const chunk of facts.setEncoding("utf8")) text += String(chunk);
  const pid = /"child-pid": (\d+)/.exec(text)?.[1];
  if (pid !== undefined) return Number(pid);
  child.kill("SIGKILL");
  throw new Denied<FunctionErrorCode>("functions-unavailable", "bubblewrap did not start the process");
}
