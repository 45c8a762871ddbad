import { appendFileSync, writeFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";

import type { Command } from "commander";

import { printable } from "../trace/index.ts";
import { apiAccess, withApiOptions, type ApiAccess, type ApiOptions } from "./api-access.ts";
import { badOption } from "./errors.ts";
import { interruptible } from "./interrupt.ts";
import { examples, numberOption, outputOf, type Output } from "./output.ts";
import { lineOf, payloadShown, type Recorded } from "./rules-messages.ts";

type RecordOptions = ApiOptions & {
  readonly filter: readonly string[];
  readonly out?: string;
  readonly count: number;
  readonly seconds?: number;
};

/** How often to ask for new messages. */
const POLL_MS = 200;
/** Messages of one line on the terminal are cut there. */
const SHOWN = 200;

/** `hawser rules record`: live traffic, for `hawser rules try --recorded`. */
export function registerRecord(rules: Command): void {
  withApiOptions(rules.command("record"))
    .description("live traffic as JSON Lines, for rules try --recorded; until --count, --seconds or Ctrl-C")
    .option("--filter <filters...>", "topic filters of what to record; # leaves topics that begin with $ out", ["#"])
    .option("--out <file>", "a new file for the messages; with --json alone they are on standard output")
    .option("--count <number>", "how many messages", numberOption(1, 1_000_000), 10_000)
    .option("--seconds <number>", "for how long", numberOption(1, 86_400))
    .addHelpText(
      "after",
      examples(
        "hawser rules record --data ./cloud --filter 'site/+' --count 100 --out messages.jsonl",
        "hawser rules record --data ./cloud --filter '$aws/events/#' --json > events.jsonl",
        "hawser rules try --name activate --data ./cloud --recorded messages.jsonl",
      ),
    )
    .action(async (options: RecordOptions, command: Command) => {
      const api = apiAccess(options);
      const output = outputOf(command);
      await interruptible((signal) => record({ api, options, output, signal }));
    });
}

type Session = {
  readonly api: ApiAccess;
  readonly options: RecordOptions;
  readonly output: Output;
  readonly signal: AbortSignal;
};

async function record({ api, options, output, signal }: Session): Promise<void> {
  const { filter, out, count, seconds } = options;
  const { recordingId } = await api.call("StartRecording", { topicFilters: filter });
  const late = seconds === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(seconds * 1000)]);
  let [kept, missed, after] = [0, 0, 0];
  try {
    if (out !== undefined) begin(out);
    output.note(`recording ${filter.join(", ")}${out === undefined ? "" : ` to ${out}`}; Ctrl-C ends it`);
    for (;;) {
      // What had come when the end came is still fetched.
      const isLast = late.aborted;
      const page = await api.call("FetchRecording", { recordingId, after });
      const wanted = page.messages.slice(0, count - kept);
      keep(wanted, { out, output });
      kept += wanted.length;
      after = page.messages.at(-1)?.seq ?? after;
      missed = page.missed;
      if (kept >= count || (isLast && page.messages.length === 0)) break;
      if (page.messages.length === 0) await setTimeout(POLL_MS, undefined, { signal: late }).catch(() => undefined);
    }
  } finally {
    // The cloud ends a recording by itself, too, where this cannot tell it to.
    await api.call("StopRecording", { recordingId }).catch(() => undefined);
  }
  if (missed > 0) output.warn(`${missed} messages came faster than they could be fetched and are missing`);
  output.note(`${kept} messages recorded`);
}

/** A recording never takes the place of another. */
function begin(out: string): void {
  try {
    writeFileSync(out, "", { flag: "wx", mode: 0o600 });
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === "EEXIST";
    const why = isThere ? "exists already" : error instanceof Error ? error.message : String(error);
    throw badOption(`--out ${out}: ${why}`);
  }
}

function keep(messages: readonly Recorded[], { out, output }: { out: string | undefined; output: Output }): void {
  const lines = messages.map(lineOf);
  if (out !== undefined) appendFileSync(out, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  for (const [i, message] of messages.entries()) {
    const { time, topic, clientId, origin } = message;
    const who = clientId === "" ? origin : clientId;
    const text = `${new Date(time).toISOString()} ${topic} from ${who}: ${payloadShown(message)}`;
    output.line({ ...lines[i] }, printable(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text));
  }
}
