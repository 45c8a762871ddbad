import { setTimeout } from "node:timers/promises";

import type { Command } from "commander";

import type { OperationResult } from "../cloud/operations/index.ts";
import { printable } from "../trace/index.ts";
import { apiAccess, withApiOptions, type ApiAccess, type ApiOptions } from "./api-access.ts";
import { interruptible } from "./interrupt.ts";
import { examples, numberOption, outputOf, type Output } from "./output.ts";

type LogsOptions = ApiOptions & { readonly follow?: true; readonly limit: number };

type Page = OperationResult<"FunctionLogs">;

/** How often to ask for new runs. */
const POLL_MS = 500;
/** Runs of one answer, at most. */
const PAGE = 100;

/** `hawser logs`: what a function printed. */
export function registerLogsCommands(program: Command): void {
  withApiOptions(program.command("logs"))
    .description("what the last runs of a function printed, oldest first; --json gives one object a run")
    .argument("<function>", "name or ARN of the function")
    .option("--follow", "go on with every run that ends from now on, until interrupted")
    .option("--limit <number>", "how many of the runs until now", numberOption(1, PAGE), 20)
    .addHelpText(
      "after",
      examples("hawser logs hawser-activate --data ./cloud", "hawser logs hawser-activate --data ./cloud --follow"),
    )
    .action(async (name: string, options: LogsOptions, command: Command) => {
      const api = apiAccess(options);
      const output = outputOf(command);
      const first = await api.call("FunctionLogs", { FunctionName: name, limit: options.limit });
      show(first, output);
      if (options.follow) await interruptible((signal) => follow({ api, name, output, signal }, first.cursor));
      else if (first.entries.length === 0) output.note("no run is recorded");
    });
}

type Following = {
  readonly api: ApiAccess;
  readonly name: string;
  readonly output: Output;
  readonly signal: AbortSignal;
};

async function follow({ api, name, output, signal }: Following, from: number): Promise<void> {
  let cursor = from;
  while (!signal.aborted) {
    const page = await api.call("FunctionLogs", { FunctionName: name, after: cursor, limit: PAGE });
    show(page, output);
    cursor = page.cursor;
    // A full page means that more is there already.
    if (page.entries.length < PAGE) await setTimeout(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
}

function show({ entries }: Page, output: Output): void {
  for (const entry of entries) {
    const { time, requestId, outcome, log } = entry;
    const head = `${new Date(time).toISOString()} ${requestId} ${outcome}`;
    // What a function prints may be made for terminals to act upon.
    const lines = log
      .trimEnd()
      .split("\n")
      .map((line) => `  ${printable(line.replaceAll("\t", "  "))}`);
    output.line(entry, [head, ...lines].join("\n"));
  }
}
