import type { Readable } from "node:stream";

import { HawserError } from "../codec/index.ts";
import { A71CH_TOOL_ERRORS, exitStatusOf, toolError } from "./a71ch-errors.ts";
import { type A71chCommandLine, type A71chFormName, parseA71chCommand } from "./a71ch-grammar.ts";
import { a71chHelp } from "./a71ch-help.ts";
import { infoHandlers } from "./a71ch-info.ts";
import { type A71chHandler, type A71chHandlersOf, done, keyHandlers } from "./a71ch-keys.ts";
import { CommandLines } from "./a71ch-lines.ts";
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
  let lines: CommandLines | undefined;
  try {
    const { address, isConnected, command } = targetOf(words);
    const session = new ToolSession({ address, environmentAddress, output });
    tool = session;
    const help = helpOn(command, program);
    if (help !== undefined) {
      output.line({ usage: help.text }, help.text);
      // Whoever asks for help needs no chip; a line that is none does, as in the original tool.
      if (help.status === 0 || (address === undefined && command[0]?.startsWith("-"))) return 0;
      if (isConnected) await session.start();
      return help.status;
    }
    const line = await readLine(session, command, isConnected);
    const fail = (error: unknown) => failed(error, output);
    const runLine = (typed: readonly string[], from: CommandLines) =>
      runWords(session, { words: typed, lines: from, program });
    lines = new CommandLines({ output, input, runLine, fail });
    return await carryOut(session, line, lines);
  } catch (error) {
    return failed(error, output);
  } finally {
    lines?.close();
    await tool?.close();
  }
}

/**
 * The first command, and the connection that it is for. As in the original tool, a chip that cannot be reached counts before
 * what is wrong with the line; both are told. Throws what `start` and `parseA71chCommand` do.
 */
async function readLine(tool: ToolSession, words: readonly string[], isConnected: boolean): Promise<A71chCommandLine> {
  const line = parsedOrMistake(words);
  try {
    if (isConnected) await tool.start();
  } catch (error) {
    if (line instanceof HawserError)
      tool.output.warn(`the command is mistyped besides: ${line.message}; ${cureOf(line)}`);
    throw error;
  }
  if (line instanceof HawserError) throw line;
  return line;
}

function parsedOrMistake(words: readonly string[]): A71chCommandLine | HawserError {
  try {
    return parseA71chCommand(words);
  } catch (error) {
    if (error instanceof HawserError) return error;
    throw error;
  }
}

function cureOf({ code }: HawserError): string {
  const table: Readonly<Record<string, { readonly cure: string } | undefined>> = A71CH_TOOL_ERRORS;
  return table[code]?.cure ?? "";
}

const handlers: A71chHandlersOf<Exclude<A71chFormName, "help" | "interactive" | "script">> = {
  ...keyHandlers,
  ...objectHandlers,
  ...infoHandlers,
  ...moduleHandlers,
  "connect open": async (tool) => tool.reopen(),
  "connect close": async (tool) => {
    await tool.close();
    done(tool, {}, "closed the connection to the chip");
  },
};

/** A command on a line of a script or of an interactive session; what fails is told. */
async function runWords(
  tool: ToolSession,
  { words, lines, program }: { words: readonly string[]; lines: CommandLines; program: string },
): Promise<number> {
  try {
    const help = helpOn(words, program);
    if (help === undefined) return await carryOut(tool, parseA71chCommand(words), lines);
    tool.output.line({ usage: help.text }, help.text);
    return help.status;
  } catch (error) {
    return failed(error, tool.output);
  }
}

async function carryOut(tool: ToolSession, line: A71chCommandLine, lines: CommandLines): Promise<number> {
  const { name, given, remarks } = line;
  for (const remark of remarks) tool.output.warn(remark);
  if (name === "script") return lines.script(String(given.scriptFile));
  if (name === "interactive") return lines.interactive();
  // The grammar made the given values by the form that the handler is typed from.
  if (name !== "help") await (handlers[name] as A71chHandler<A71chFormName>)(tool, given);
  return 0;
}

/**
 * The help that is asked for, by `help` or `-h` in front or behind a command, or by nothing at all; undefined where a
 * command was typed. The status is the original tool's, which gives help on no command: that of the words as they stand.
 */
function helpOn(words: readonly string[], program: string): { text: string; status: number } | undefined {
  if (words.length === 0) return { text: a71chHelp(program), status: exitStatusOf(toolError("tool-usage", "")) };
  if (words[0] === "help") return { text: a71chHelp(program, words.slice(1)), status: 0 };
  if (!["help", "-h", "--help"].includes(words.at(-1) ?? "")) return undefined;
  const status = statusOf(words);
  // Where the word is needed, it is the name of a file; and -h is an option of many commands, which may be passed over.
  const isTaken = words.at(-1) === "-h" || statusOf(words.slice(0, -1)) !== 0;
  if (status === 0 && isTaken) return undefined;
  return { text: a71chHelp(program, words), status };
}

function statusOf(words: readonly string[]): number {
  try {
    parseA71chCommand(words);
    return 0;
  } catch (error) {
    return exitStatusOf(error);
  }
}

/** The address and `nc` in front of a command. Throws `tool-absent` for a bus that this tool does not reach. */
function targetOf(words: readonly string[]): { address?: string; isConnected: boolean; command: readonly string[] } {
  const [first = ""] = words;
  if (/^(sci2c|i2c|vcom|com\d+)(:.*)?$/i.test(first) || first.startsWith("/dev/")) {
    throw toolError("tool-absent", `${first}: SCI2C and serial lines are not built`);
  }
  const hasAddress = /^[^-\s].*:\d+$/.test(first);
  // Whoever gives an address without its port means a chip, and reaches none.
  if (!hasAddress && /^[^-\s]*[.:]/.test(first)) {
    const host = /^[0-9a-f:]*::[0-9a-f]*$/i.test(first) ? `[${first}]` : first.replace(/:[^\]]*$/, "");
    const hint = host === "" ? "" : `: an address needs its port: ${host}:8050`;
    throw toolError("tool-unreachable", `${first} is no ip:port${hint}`);
  }
  const rest = words.slice(hasAddress ? 1 : 0);
  const isConnected = rest[0] !== "nc";
  if (!isConnected && rest.length === 1) throw toolError("tool-count", "no command follows nc");
  return { ...(hasAddress ? { address: first } : {}), isConnected, command: isConnected ? rest : rest.slice(1) };
}

async function failed(error: unknown, output: Output): Promise<number> {
  await reportFailure(error, output.json);
  // Not one of ours: a defect, which reportFailure shows whole.
  return error instanceof HawserError ? exitStatusOf(error) : 1;
}
