import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

import { HawserError } from "../codec/index.ts";
import { exitStatusOf, toolError } from "./a71ch-errors.ts";
import { readText } from "./a71ch-files.ts";
import { type A71chCommandLine, type A71chFormName, a71chUsage, parseA71chCommand } from "./a71ch-grammar.ts";
import { infoHandlers } from "./a71ch-info.ts";
import { type A71chHandler, type A71chHandlersOf, done, keyHandlers } from "./a71ch-keys.ts";
import { moduleHandlers } from "./a71ch-module.ts";
import { objectHandlers } from "./a71ch-objects.ts";
import { ToolSession } from "./a71ch-session.ts";
import { type Output, reportFailure } from "./output.ts";

export type ToolRun = {
  /** What was typed behind the program's name. */
  readonly words: readonly string[];
  readonly program: string;
  readonly output: Output;
  readonly environmentAddress: string | undefined;
  /** What `interactive` reads its commands from. */
  readonly input: Readable;
};

/** Runs the Configure tool once and gives its exit status; failures are printed with cause and cure. A71CH Configure tool */
export async function runA71chTool({ words, program, output, environmentAddress, input }: ToolRun): Promise<number> {
  let tool: ToolSession | undefined;
  try {
    const { address, isConnected, command } = targetOf(words);
    if (command.length === 0 || command[0] === "help") {
      output.line({ usage: a71chUsage(program) }, a71chUsage(program));
      return command.length === 0 ? exitStatusOf(toolError("tool-usage", "")) : 0;
    }
    // Before the chip is touched: a slip of the pen reaches no chip.
    const first = parseA71chCommand(command);
    tool = new ToolSession({ address, environmentAddress, output });
    if (isConnected) await tool.connect();
    return await carryOut(tool, first, input);
  } catch (error) {
    return failed(error, output);
  } finally {
    await tool?.close();
  }
}

const handlers: A71chHandlersOf<Exclude<A71chFormName, "help" | "interactive" | "script">> = {
  ...keyHandlers,
  ...objectHandlers,
  ...infoHandlers,
  ...moduleHandlers,
  "connect open": async (tool) => tool.connect(),
  "connect close": async (tool) => {
    await tool.close();
    done(tool, {}, "closed the connection to the chip");
  },
};

async function carryOut(tool: ToolSession, { name, given }: A71chCommandLine, input: Readable): Promise<number> {
  if (name === "script") return runScript(tool, readText(String(given.scriptFile)));
  if (name === "interactive") return runInteractive(tool, input);
  await runSimple(tool, { name, given });
  return 0;
}

async function runSimple(tool: ToolSession, { name, given }: A71chCommandLine): Promise<void> {
  if (name === "help") return tool.output.line({ usage: a71chUsage("") }, a71chUsage(""));
  if (name === "script" || name === "interactive") throw toolError("tool-usage", `${name} does not nest`);
  // The grammar made the given values by the form that the handler is typed from.
  await (handlers[name] as A71chHandler<A71chFormName>)(tool, given);
}

/** One command a line, `#` begins a remark, `quit` ends; the first failure ends the script with its exit status. */
async function runScript(tool: ToolSession, text: string): Promise<number> {
  for (const line of text.split(/\r?\n/)) {
    const words = wordsOf(line);
    if (words[0] === "quit") break;
    if (words.length === 0) continue;
    tool.output.note(`> ${shown(words)}`);
    const status = await runLine(tool, words);
    if (status !== 0) return status;
  }
  return 0;
}

/** Commands from standard input; failures are told and passed over. The status is that of the last one, 0 after `quit`. */
async function runInteractive(tool: ToolSession, input: Readable): Promise<number> {
  let status = 0;
  for await (const line of createInterface({ input })) {
    const words = wordsOf(line);
    if (words[0] === "quit") return 0;
    if (words.length > 0) status = await runLine(tool, words);
  }
  return status;
}

async function runLine(tool: ToolSession, words: readonly string[]): Promise<number> {
  try {
    await runSimple(tool, parseA71chCommand(words));
    return 0;
  } catch (error) {
    return failed(error, tool.output);
  }
}

/** The address and `nc` in front of a command. Throws `tool-absent` for a bus that this tool does not reach. */
function targetOf(words: readonly string[]): { address?: string; isConnected: boolean; command: readonly string[] } {
  const [first = ""] = words;
  if (/^(sci2c|i2c|vcom|com\d+)(:.*)?$/i.test(first) || first.startsWith("/dev/")) {
    throw toolError("tool-absent", `${first}: SCI2C and serial lines are not built`);
  }
  const hasAddress = /^[^-\s].*:\d+$/.test(first);
  const rest = words.slice(hasAddress ? 1 : 0);
  const isConnected = rest[0] !== "nc";
  if (!isConnected && rest.length === 1) throw toolError("tool-usage", "no command follows nc");
  return { ...(hasAddress ? { address: first } : {}), isConnected, command: isConnected ? rest : rest.slice(1) };
}

function wordsOf(line: string): string[] {
  return line
    .replace(/#.*/, "")
    .split(/\s+/)
    .filter((word) => word !== "");
}

/** A script's line as it is echoed: long hex may be a key. */
function shown(words: readonly string[]): string {
  return words.map((word) => (/^[0-9a-fA-F]{32,}$/.test(word) ? `(${word.length / 2} bytes)` : word)).join(" ");
}

async function failed(error: unknown, output: Output): Promise<number> {
  await reportFailure(error, output.json);
  // Not one of ours: a defect, which reportFailure shows whole.
  return error instanceof HawserError ? exitStatusOf(error) : 1;
}
