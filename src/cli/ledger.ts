import { existsSync, readFileSync } from "node:fs";

import { Option, type Command } from "commander";

import { printable, renderMermaid, renderTimeline, type TraceEvent } from "../trace/index.ts";
import { apiAccess, withApiOptions, type ApiOptions } from "./api-access.ts";
import { badOption } from "./errors.ts";
import { examples, numberOption, outputOf } from "./output.ts";

/** `hawser ledger` and `hawser timeline`: what happened, as events and as a picture. */
export function registerLedgerCommands(program: Command): void {
  registerLedger(program);
  registerTimeline(program);
}

type LedgerFilter = {
  readonly kinds?: string;
  readonly device?: string;
  readonly certificate?: string;
  readonly since?: number;
  readonly limit: number;
};

type LedgerOptions = ApiOptions & LedgerFilter;

/** An event whose fields --json prints as they are. */
type AnyEvent = TraceEvent & Readonly<Record<string, unknown>>;

function registerLedger(program: Command): void {
  withApiOptions(program.command("ledger"))
    .description("what happened in the cloud, oldest first; --json gives the events themselves")
    .option("--kinds <list>", "only these kinds, separated by commas: refusal,onboarding,mqtt.packet,api.call …")
    .option("--device <id>", "only events of this device")
    .option("--certificate <id>", "only events of this certificate")
    .option("--since <number>", "only events from this sequence number", numberOption(0))
    .option("--limit <number>", "at most so many, the newest", numberOption(1, 10_000), 1000)
    .addHelpText(
      "after",
      examples(
        "hawser ledger --data ./cloud --kinds onboarding,refusal",
        "hawser ledger --data ./cloud --json > cloud.jsonl",
      ),
    )
    .action(async (options: LedgerOptions, command: Command) => {
      const output = outputOf(command);
      for (const event of await cloudEvents(options, options)) output.line(event, textOf(event));
    });
}

type TimelineOptions = LedgerOptions & {
  readonly trace: readonly string[];
  readonly connection?: string;
  readonly handshake?: true;
  readonly format: "text" | "mermaid";
};

function registerTimeline(program: Command): void {
  withApiOptions(program.command("timeline"))
    .description("one device or connection as three lanes: chip, host, cloud")
    .option("--trace <files...>", "trace files of chip and device, besides the cloud's ledger", [])
    .option("--device <id>", "chip id, client id or certificate id")
    .option("--connection <id>", "one connection, as the device or the cloud names it")
    .option("--handshake", "only until the cloud has accepted the device, with its CONNACK")
    .option("--limit <number>", "how many events of the cloud to look at", numberOption(1, 10_000), 10_000)
    .addOption(new Option("--format <format>", "how to draw it").choices(["text", "mermaid"]).default("text"))
    .addHelpText("after", examples("hawser timeline --data ./cloud --trace chip.jsonl device.jsonl --device sensor-1"))
    .action(async (options: TimelineOptions, command: Command) => {
      const { connection, device, format } = options;
      if (connection === undefined && device === undefined) throw badOption("--device or --connection is needed");
      const all = [...(await cloudEvents(options, { limit: options.limit })), ...options.trace.flatMap(eventsIn)];
      const events = options.handshake ? untilAccepted(all, connection) : all;
      const filter = {
        ...(connection === undefined ? {} : { connection }),
        ...(device === undefined ? {} : { device }),
      };
      const drawn = format === "mermaid" ? renderMermaid(events, filter) : renderTimeline(events, filter);
      outputOf(command).line({ timeline: drawn }, drawn.trimEnd());
    });
}

/** Up to the first CONNACK that the device received, on the connection if one is given. */
function untilAccepted(events: readonly TraceEvent[], connection: string | undefined): TraceEvent[] {
  const accepted = events.filter(
    (event) =>
      event.kind === "mqtt.packet" &&
      event.packet === "CONNACK" &&
      event.actor === "host" &&
      (connection === undefined || event.connection === connection),
  );
  const end = Math.min(...accepted.map(({ time }) => time));
  return events.filter(({ time }) => time <= end);
}

/** What the cloud's ledger holds, over its control plane. */
export async function cloudEvents(access: ApiOptions, filter: LedgerFilter): Promise<AnyEvent[]> {
  const { kinds, device, certificate, since, limit } = filter;
  const { lines } = await apiAccess(access).call("Ledger", {
    ...(kinds === undefined ? {} : { kinds }),
    ...(device === undefined ? {} : { device }),
    ...(certificate === undefined ? {} : { certificate }),
    ...(since === undefined ? {} : { sinceSeq: since }),
    limit,
  });
  return parseLines(new TextDecoder().decode(lines));
}

/** The events of a trace file. Throws `UsageError` `bad-option` where it is not there, or holds none. */
export function eventsIn(path: string): AnyEvent[] {
  if (!existsSync(path)) throw badOption(`the trace ${path} does not exist`);
  const text = readFileSync(path, "utf8");
  const events = parseLines(text);
  if (events.length === 0 && text.trim() !== "") throw badOption(`the trace ${path} holds no events`);
  return events;
}

/** A crash cuts a line short, and what is written to the file later goes on in it: such lines are left out. */
function parseLines(text: string): AnyEvent[] {
  return text.split("\n").flatMap((line) => {
    try {
      const event: unknown = JSON.parse(line);
      return isEvent(event) ? [event] : [];
    } catch {
      return [];
    }
  });
}

function isEvent(value: unknown): value is AnyEvent {
  if (typeof value !== "object" || value === null) return false;
  const { time, actor, kind } = value as Readonly<Record<string, unknown>>;
  return typeof time === "number" && typeof actor === "string" && typeof kind === "string";
}

const IDS = ["seq", "time", "actor", "kind"];

/** An event as one line: when, who, what, and everything else as name=value. */
function textOf(event: TraceEvent): string {
  const facts = Object.entries(event)
    .filter(([name, value]) => !IDS.includes(name) && value !== "")
    .map(([name, value]) => `${name}=${typeof value === "object" ? JSON.stringify(value) : printable(String(value))}`);
  return [new Date(event.time).toISOString(), event.actor.padEnd(5), event.kind, ...facts].join(" ");
}
