import { appendFileSync } from "node:fs";
import { join } from "node:path";

import { finished, hawser, type Program } from "../programs.ts";
import type { WireTap } from "../wire-tap.ts";

/** A line of JSON that a command printed. */
export type Line = Readonly<Record<string, unknown>>;

/** Options of a command, as `--name value`. */
export function flags(options: Readonly<Record<string, string | number>>): string[] {
  return Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
}

/** Where the demo plays: its directory, its processes, and what it tells. */
export class Stage {
  readonly directory: string;
  readonly #started = performance.now();
  readonly #endings: (() => Promise<unknown>)[] = [];
  /** Captures of the way between devices and cloud. */
  readonly taps: WireTap[] = [];
  isEnding = false;
  /** True once there is nothing left to do but to wait for an interrupt. */
  isDone = false;

  readonly print: (text: string) => void;

  constructor(directory: string, print: (text: string) => void = (text) => void process.stdout.write(text)) {
    this.directory = directory;
    this.print = print;
  }

  path(...names: readonly string[]): string {
    return join(this.directory, ...names);
  }

  get seconds(): number {
    return (performance.now() - this.#started) / 1000;
  }

  chapter(number: number, title: string): void {
    this.print(`\n${number}. ${title}\n`);
  }

  say(text: string): void {
    this.print(`${this.seconds.toFixed(1).padStart(6)} s  ${text}\n`);
  }

  /** Starts a command that goes on until the end; `onLine` hears of each line of its JSON. */
  start(name: string, argv: readonly string[], onLine: (line: Line) => void = () => undefined): Program {
    if (this.isEnding) throw new Error("the demo is ending");
    const output = this.path("output", `${name}.log`);
    const program = hawser([...argv, "--json"], {
      onLine(text) {
        appendFileSync(output, `${text}\n`);
        onLine(JSON.parse(text) as Line);
      },
    });
    this.atEnd(() => program.stop("SIGTERM"));
    return program;
  }

  /** Runs a command to its end and gives the lines of its JSON. */
  async run(name: string, argv: readonly string[], onLine?: (line: Line) => void): Promise<Line[]> {
    const program = this.start(name, argv, onLine);
    const lines = await finished(program);
    return lines.map((line) => JSON.parse(line) as Line);
  }

  /** Adds something to be put away at the end, before what was added earlier. */
  atEnd(ending: () => Promise<unknown>): void {
    this.#endings.push(ending);
    if (this.isEnding) void this.end();
  }

  async end(): Promise<void> {
    this.isEnding = true;
    for (let ending = this.#endings.pop(); ending; ending = this.#endings.pop()) await ending();
  }
}
