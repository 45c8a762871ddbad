import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

import { exitStatusOf, toolError } from "./a71ch-errors.ts";
import { isFolder, readText } from "./a71ch-files.ts";
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
    const text = readText(path, "tool-file");
    if (text === "") return 0;
    if (this.#depth >= MAX_DEPTH) throw toolError("tool-depth", `${path} would be script ${MAX_DEPTH + 1} in another`);
    this.#depth++;
    try {
      return await this.#script(path, text.replace(/\n$/, "").split("\n"));
    } finally {
      this.#depth--;
    }
  }

  async #script(path: string, lines: readonly string[]): Promise<number> {
    let status = 0;
    await interruptible(async (signal) => {
      for (const [i, line] of lines.entries()) {
        if (signal.aborted) {
          status = await this.#run.fail(
            toolError("tool-interrupted", `stopped before line ${i + 1} of ${path}: ${line}`),
          );
        }
        if (status !== 0 || line.startsWith("quit")) return;
        if (/^\s*#/.test(line)) continue;
        status = await this.#scriptLine(line.replace(/#.*/, ""), `line ${i + 1} of ${path}`);
      }
    });
    return status;
  }

  async #scriptLine(line: string, where: string): Promise<number> {
    const words = wordsOf(line);
    if (words.length === 0) return this.#run.fail(toolError("tool-empty-line", `${where} is empty`));
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
      const typed = this.#typedLines(signal);
      for await (const line of typed) {
        if (line.startsWith("quit")) {
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

  get #isPerson(): boolean {
    const { input } = this.#run;
    return "isTTY" in input && input.isTTY === true;
  }

  /** The lines of standard input; a person gets a prompt on standard error, line editing and the lines before. */
  async *#typedLines(signal: AbortSignal): AsyncGenerator<string> {
    const { input } = this.#run;
    const isPerson = this.#isPerson;
    const lines = createInterface({
      input,
      ...(isPerson ? { output: process.stderr, prompt: "a71ch> " } : {}),
      signal,
    });
    // In line editing Ctrl-C is a key and no signal.
    lines.on("SIGINT", () => process.emit("SIGINT"));
    if (isPerson) lines.prompt();
    try {
      for await (const line of lines) {
        yield line;
        if (isPerson) lines.prompt();
      }
    } finally {
      lines.close();
      // What is said next begins on a line of its own.
      if (isPerson) process.stderr.write("\n");
    }
  }

  async #typedLine(line: string): Promise<number> {
    const words = wordsOf(line);
    const nothing = toolError("tool-empty-line", "the line holds no command");
    // Who types sees that the line is empty.
    if (words.length === 0) return this.#isPerson ? exitStatusOf(nothing) : this.#run.fail(nothing);
    const remark = words.findIndex((word, i) => i > 0 && word.startsWith("#"));
    return this.#run.runLine(remark === -1 ? words : words.slice(0, remark), this);
  }
}

function wordsOf(line: string): string[] {
  return line.split(/\s+/).filter((word) => word !== "");
}

/** A script's line as it is echoed: long hex may be a key. */
function shown(words: readonly string[]): string {
  return words.map((word) => (/^[0-9a-fA-F]{32,}$/.test(word) ? `(${word.length / 2} bytes)` : word)).join(" ");
}
