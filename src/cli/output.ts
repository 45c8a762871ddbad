import { CommanderError, InvalidArgumentError, type Command } from "commander";

import { HawserError, UsageError } from "../codec/index.ts";
import { type CliErrorCode, CLI_ERRORS } from "./errors.ts";

/** Where a command tells what it does: for a person as text, for a program as one JSON object a line. */
export interface Output {
  readonly json: boolean;
  /** One line on standard output: `fields` under --json, `text` otherwise. */
  line(fields: Readonly<Record<string, unknown>>, text: string): void;
  /** A remark for a person alone; --json leaves it out. */
  note(text: string): void;
  /** A warning on standard error, in either form. */
  warn(text: string): void;
}

/** The output that a command's `--json` asks for. */
export function outputOf(command: Command): Output {
  return lineOutput(command.optsWithGlobals<{ json?: boolean }>().json === true);
}

/** An output on the process's own streams. */
export function lineOutput(json: boolean): Output {
  return {
    json,
    line: (fields, text) => writeOut(json ? JSON.stringify(fields) : text),
    note: (text) => void (json || writeOut(text)),
    warn: (text) => writeErr(json ? JSON.stringify({ warning: text }) : `warning: ${text}`),
  };
}

/** Help text with examples, as every command shows it: `command.addHelpText("after", examples("hawser up …"))`. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}\n`).join("")}`;
}

/** A secret as a log may show it: its first four characters. */
export function masked(secret: string): string {
  return `${secret.slice(0, 4)}${"*".repeat(8)}`;
}

/** Parses a TCP port for an option; 0 means any free one. */
export function portOption(value: string): number {
  const port = Number(value);
  if (!/^\d+$/.test(value) || port > 65_535) throw new InvalidArgumentError("a port is a number from 0 to 65535.");
  return port;
}

/** Parses a whole number of at least `least` for an option. */
export function numberOption(least: number, most = Number.MAX_SAFE_INTEGER): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < least || number > most) {
      throw new InvalidArgumentError(`a whole number from ${least} to ${most} is needed.`);
    }
    return number;
  };
}

const USAGE_CODES: readonly string[] = ["bad-option", "unknown-command", "mqtt-setting"];

/** Exit status of a failure: 2 where the command was typed wrongly, 1 otherwise. */
export type ExitStatus = 0 | 1 | 2;

/** Prints a failure with its cause and cure to standard error and gives the exit status. */
export async function reportFailure(error: unknown, json: boolean): Promise<ExitStatus> {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    // Commander has shown a group's help, which answers better than a message; a program gets an object.
    return error.code === "commander.help" && !json ? 2 : reportFailure(mistyped(error), json);
  }
  const { code, message, detail } = describe(error);
  // The tables of all rooms: only a failure loads them.
  const { explain } = await import("./error-tables.ts");
  const entry = explain(code, error instanceof Error ? error.stack : "") ?? CLI_ERRORS.internal;
  if (json) {
    writeErr(JSON.stringify({ error: { code, message, cause: entry.cause, cure: entry.cure } }));
  } else {
    writeErr(`${detail}error: ${message}\ncause: ${entry.cause}\ncure:  ${entry.cure}`);
  }
  return error instanceof UsageError && USAGE_CODES.includes(error.code) ? 2 : 1;
}

/** What commander says of a line that was typed wrongly, as an error of ours. */
function mistyped({ code, message }: CommanderError): UsageError<CliErrorCode> {
  if (code === "commander.help") return new UsageError("unknown-command", "the command needs a sub-command");
  const said = message.replace(/^error: /, "").replaceAll("\n", " ");
  return new UsageError(code === "commander.unknownCommand" ? "unknown-command" : "bad-option", said);
}

/** Ends the process in silence when a reader of our output went away: `hawser ledger | head`. */
export function surviveClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit();
      throw error;
    });
  }
}

function describe(error: unknown): { code: string; message: string; detail: string } {
  if (error instanceof HawserError) return { code: error.code, message: chained(error), detail: "" };
  if (error instanceof AggregateError && error.errors.length > 0) return describe(error.errors[0]);
  if (!(error instanceof Error)) return { code: "internal", message: String(error), detail: "" };
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  if (code !== undefined && ("syscall" in error || Object.hasOwn(CLI_ERRORS, code))) {
    return { code: systemCode(code, error), message: error.message, detail: "" };
  }
  return { code: "internal", message: error.message, detail: `${error.stack ?? ""}\n` };
}

/** The row for what the operating system refused. */
function systemCode(code: string, error: Error): CliErrorCode {
  // A folder is made with all above it, so ENOENT there is Node's word for a place that takes none.
  if (code === "ENOENT" && "syscall" in error && error.syscall === "mkdir") return "EROFS";
  return Object.hasOwn(CLI_ERRORS, code) ? (code as CliErrorCode) : "operating-system";
}

/** A message with those of its causes, as far as they add something. */
function chained(error: Error): string {
  const { cause } = error;
  if (!(cause instanceof Error) || cause.message === "" || error.message.includes(cause.message)) return error.message;
  return `${error.message}: ${chained(cause)}`;
}

function writeOut(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** What standard output gets from here to the end of this turn of the loop leaves in one write, which the loop waits for. */
export function gatherLines(): void {
  const { stdout } = process;
  if (stdout.writableCorked > 0) return;
  stdout.cork();
  const release = (): void => {
    process.off("exit", release);
    stdout.uncork();
  };
  setImmediate(release);
  // Who ends the process at once gets its last lines too.
  process.on("exit", release);
}

function writeErr(line: string): void {
  process.stderr.write(`${line}\n`);
}
