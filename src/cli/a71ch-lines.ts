import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

import { exitStatusOf, toolError } from "./a71ch-errors.ts";
import { isFolder, readBytes } from "./a71ch-files.ts";
import { linesIn, type ReadLine } from "./a71ch-read-lines.ts";
import { interruptible } from "./interrupt.ts";
import type { Output } from "./output.ts";

/** How deep scripts may call scripts. */
const MAX_DEPTH = 16;

export type LineRun = {
  readonly output: Output;
  /** What `interactive` reads its commands from. */
  readonly input: Readable;
  /** Carries out one command, tells what fails, and gives the exit status. */
  readonly runLine: (words: readonly string[], lines: CommandLines) => Promise<number>;
  /** Tells a failure and gives its exit status. */
  readonly fail: (error: unknown) => Promise<number>;
};

/** Commands from a script or from whoever types them, one a line. A71CH Configure tool */
export class CommandLines {
  readonly #run: LineRun;
  #depth = 0;
  #isInteractive = false;
  /** Lines from a pipe: a second `interactive` goes on where the first one ended. */
  #piped: AsyncGenerator<ReadLine> | undefined;

  constructor(run: LineRun) {
    this.#run = run;
  }

  /**
   * A script's commands: `#` begins a remark, a line that begins with `quit` ends it; the first failure, an empty line
   * too, ends it with its exit status. Throws `tool-file` and `tool-depth`.
   */
  async script(path: string): Promise<number> {
    const { output } = this.#run;
    if (isFolder(path)) {
      output.warn(`${path} is a folder, and no command was read from it; give the script's own name`);
      return 0;
    }
    const bytes = readBytes(path, "tool-file");
    if (bytes.length === 0) return 0;
    if (this.#depth >= MAX_DEPTH) throw toolError("tool-depth", `${path} would be script ${MAX_DEPTH + 1} in another`);
    this.#depth++;
    try {
      return await this.#script(path, await Array.fromAsync(linesIn([bytes])));
    } finally {
      this.#depth--;
    }
  }

  async #script(path: string, lines: readonly ReadLine[]): Promise<number> {
    let status = 0;
    await interruptible(async (signal) => {
      for (const line of lines) {
        const { text, number } = line;
        if (signal.aborted) {
          status = await this.#run.fail(
            toolError("tool-interrupted", `stopped before line ${number} of ${path}: ${text}`),
          );
        }
        if (status !== 0 || text.startsWith("quit")) return;
        if (!this.#isRemark(line)) status = await this.#scriptLine(line, path);
      }
    });
    return status;
  }

  #isRemark({ text, isTail, number }: ReadLine): boolean {
    if (isTail)
      this.#run.output.warn(`line ${number} is longer than 1023 characters: what follows them is a line of its own`);
    return /^[ \t\v\f\r]*#/.test(text);
  }

  async #scriptLine({ text, number }: ReadLine, path: string): Promise<number> {
    const words = wordsOf(text.replace(/#.*/s, ""), / |\r/);
    if (words.length === 0) return this.#run.fail(toolError("tool-empty-line", `line ${number} of ${path} is empty`));
    this.#run.output.note(`> ${shown(words)}`);
    return this.#run.runLine(words, this);
  }

  /**
   * Commands as they come; failures are told and passed over. The status is that of the last one, 0 after `quit`, 1 where
   * none came. Within an interactive session it is only remarked on.
   */
  async interactive(): Promise<number> {
    if (this.#isInteractive) {
      this.#run.output.warn("'interactive' was passed over: this is an interactive session already; go on typing");
      return 0;
    }
    this.#isInteractive = true;
    try {
      return await this.#interactive();
    } finally {
      this.#isInteractive = false;
    }
  }

  async #interactive(): Promise<number> {
    let status: number | undefined;
    await interruptible(async (signal) => {
      const typed = this.#isPerson ? this.#typedLines(signal) : this.#pipedLines(signal);
      for await (const line of typed) {
        if (line.text.startsWith("quit")) {
          status = 0;
          return;
        }
        status = await this.#typedLine(line);
      }
      if (signal.aborted) status = await this.#run.fail(toolError("tool-interrupted", "the session was interrupted"));
    });
    if (status === undefined) this.#run.output.warn("no command was given: type one a line, 'help' lists them");
    return status ?? 1;
  }

  /** Lets go of standard input. */
  close(): void {
    if (this.#piped) this.#run.input.destroy();
  }

  get #isPerson(): boolean {
    const { input } = this.#run;
    return "isTTY" in input && input.isTTY === true;
  }

  /** The lines of standard input up to its end, or to an interruption. */
  async *#pipedLines(signal: AbortSignal): AsyncGenerator<ReadLine> {
    const lines = (this.#piped ??= linesIn(this.#run.input));
    const aborted = new Promise<undefined>((resolve) => {
      if (signal.aborted) resolve(undefined);
      signal.addEventListener("abort", () => resolve(undefined), { once: true });
    });
    for (;;) {
      const next = await Promise.race([aborted, lines.next()]);
      if (next === undefined || next.done === true) return;
      yield next.value;
    }
  }

  /** What a person types, with a prompt on standard error, line editing and the lines before. */
  async *#typedLines(signal: AbortSignal): AsyncGenerator<ReadLine> {
    const lines = createInterface({ input: this.#run.input, output: process.stderr, prompt: "a71ch> ", signal });
    // In line editing Ctrl-C is a key and no signal.
    lines.on("SIGINT", () => process.emit("SIGINT"));
    lines.prompt();
    let number = 0;
    try {
      for await (const text of lines) {
        number++;
        yield { text, number, isTail: false };
        lines.prompt();
      }
    } finally {
      lines.close();
      // What is said next begins on a line of its own.
      process.stderr.write("\n");
    }
  }

  async #typedLine(line: ReadLine): Promise<number> {
    if (line.isTail) this.#isRemark(line);
    const words = wordsOf(line.text, / /);
    const nothing = toolError("tool-empty-line", "the line holds no command");
    if (words.length > 0) return this.#run.runLine(words, this);
    // Who types sees that the line is empty.
    return this.#isPerson ? exitStatusOf(nothing) : this.#run.fail(nothing);
  }
}

/** The words of a line: scripts are also separated by carriage returns, an interactive session is not; tabs never separate. */
function wordsOf(line: string, separator: RegExp): string[] {
  return line.split(separator).filter((word) => word !== "");
}

/** A script's line as it is echoed: long hex may be a key. */
function shown(words: readonly string[]): string {
  return words.map((word) => (/^[0-9a-fA-F]{32,}$/.test(word) ? `(${word.length / 2} bytes)` : word)).join(" ");
}
