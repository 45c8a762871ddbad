/** Runs `hawser` commands as processes of their own and listens to what they print: for the demo and the journeys. */
import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

const MAIN = join(import.meta.dirname, "../src/cli/main.ts");

export type ProgramOptions = {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Options of node itself, in front of the command. */
  readonly nodeOptions?: readonly string[];
  readonly onLine?: (line: string) => void;
  /** Makes it the leader of a process group, as a terminal does with what is typed. */
  readonly isGroup?: boolean;
};

export type Ending = { readonly status: number | null; readonly signal: NodeJS.Signals | null };

/** A process whose lines can be waited for. */
export class Program {
  readonly name: string;
  /** What it printed on standard output, and on standard error. */
  readonly lines: string[] = [];
  readonly complaints: string[] = [];
  readonly ended: Promise<Ending>;
  readonly #child: ChildProcess;
  readonly #listeners = new Set<() => void>();
  #over = false;

  constructor(name: string, command: string, argv: readonly string[], options: ProgramOptions = {}) {
    this.name = name;
    this.#child = spawn(command, argv, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      detached: options.isGroup === true,
    });
    const read = [
      this.#read(this.#child.stdout, this.lines, options.onLine),
      this.#read(this.#child.stderr, this.complaints),
    ];
    const exited = new Promise<Ending>((resolve, reject) => {
      this.#child.once("error", reject);
      this.#child.once("exit", (status, signal) => resolve({ status, signal }));
    });
    this.ended = exited.then(async (ending) => {
      await Promise.all(read);
      this.#over = true;
      this.#tell();
      return ending;
    });
    // Whoever never looks at the end must not bring the caller down with it.
    this.ended.catch(() => undefined);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The first line, printed already or still to come, that matches; rejects where the program ends without it. */
  async line(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = this.lines.find((line) => pattern.test(line));
      if (found !== undefined) return found;
      if (this.#over) throw new Error(`${this.name} ended before it printed ${pattern}:\n${this.transcript()}`);
      await new Promise<void>((resolve) => this.#listeners.add(resolve));
    }
  }

  /** The first line that is a JSON object, with the given field where one is given. */
  async json<Fields = Record<string, string>>(field: Readonly<Record<string, unknown>> = {}): Promise<Fields> {
    const [key, value] = Object.entries(field)[0] ?? [];
    const pattern = key === undefined ? /^\{/ : new RegExp(`^\\{.*"${key}":${JSON.stringify(value)}`);
    return JSON.parse(await this.line(pattern)) as Fields;
  }

  /** Asks the program to end, and waits. */
  async stop(signal: NodeJS.Signals = "SIGINT"): Promise<Ending> {
    if (!this.#over) this.#child.kill(signal);
    return this.ended;
  }

  /** Tells the program something by a signal that does not end it. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ctrl-C in a terminal: every process of the group is told. Needs `isGroup`. */
  async interruptGroup(): Promise<Ending> {
    if (!this.#over) process.kill(-this.pid, "SIGINT");
    return this.ended;
  }

  transcript(): string {
    return [...this.lines, ...this.complaints].join("\n");
  }

  async #read(stream: Readable | null, into: string[], onLine?: (line: string) => void): Promise<void> {
    if (!stream) return;
    for await (const line of createInterface({ input: stream })) {
      into.push(line);
      onLine?.(line);
      this.#tell();
    }
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
    this.#listeners.clear();
  }
}

/** The words of a command as it is typed; a value in braces stays one word, whatever is in it, and a list becomes several. */
export function words(typed: TemplateStringsArray, ...values: readonly (string | readonly string[])[]): string[] {
  const found: string[] = [];
  let open = false;
  const append = (text: string) => {
    if (open) found[found.length - 1] += text;
    else found.push(text);
    open = true;
  };
  for (const [i, literal] of typed.entries()) {
    for (const piece of literal.split(/(\s+)/)) {
      if (piece === "") continue;
      if (/^\s/.test(piece)) open = false;
      else append(piece);
    }
    const value = values[i];
    if (typeof value === "string") append(value);
    else if (value) found.push(...value);
  }
  return found;
}

/** Starts `hawser ARGV` from source. */
export function hawser(argv: readonly string[], options: ProgramOptions = {}): Program {
  const name = `hawser ${argv
    .filter((word) => !word.startsWith("-"))
    .slice(0, 2)
    .join(" ")}`;
  return new Program(name, process.execPath, [...(options.nodeOptions ?? []), MAIN, ...argv], options);
}

/** Runs a program to its end and gives its lines; throws with all that it printed where it fails. */
export async function finished(program: Program): Promise<readonly string[]> {
  const { status, signal } = await program.ended;
  if (status !== 0) throw new Error(`${program.name} ended with ${signal ?? status}:\n${program.transcript()}`);
  return program.lines;
}
