import type { TraceEvent } from "./events.ts";
import { entriesOf, type Entry, type Lane } from "./timeline-entries.ts";
import { selectEvents, type TimelineFilter } from "./timeline-selection.ts";

const WIDTH: Readonly<Record<Lane, number>> = { chip: 23, host: 29, cloud: 26 };
const TIME_WIDTH = 9;
const LANES = ["chip", "host", "cloud"] as const;

/**
 * What happened to one connection or device, as text of at most 100 columns: a lane each for chip, host and cloud, time
 * in milliseconds downwards, arrows where something passes. `events` may be those of several processes.
 */
export function renderTimeline(events: readonly TraceEvent[], filter: TimelineFilter = {}): string {
  const selected = selectEvents(events, filter);
  const entries = entriesOf(selected);
  const [first] = entries;
  if (!first) return "nothing is recorded about it\n";
  const rule = `${"-".repeat(TIME_WIDTH)}-+-${LANES.map((lane) => "-".repeat(WIDTH[lane])).join("--+--")}`;
  const lines = [
    `from ${new Date(first.time).toISOString()}`,
    line("ms", { chip: "chip", host: "host", cloud: "cloud" }),
    rule,
    ...entries.flatMap((entry) => linesOf(entry, entry.time - first.time)),
    rule,
    summaryOf(selected),
  ];
  return lines.map((each) => `${each.trimEnd()}\n`).join("");
}

type Cells = Partial<Record<Lane, string>>;
type Gutters = { readonly chip?: string; readonly cloud?: string };

function line(time: string, cells: Cells, gutters: Gutters = {}): string {
  const [chip, host, cloud] = LANES.map((lane) => (cells[lane] ?? "").padEnd(WIDTH[lane]));
  return `${time.padStart(TIME_WIDTH)} | ${chip}${gutters.chip ?? "  |  "}${host}${gutters.cloud ?? "  |  "}${cloud}`;
}

/** As many lines as the longest text needs; time and arrow stand on the first. */
function linesOf({ lane, text, passes }: Entry, elapsed: number): string[] {
  const texts = { [lane]: text, ...(passes && { [passes.to]: passes.text }) } as Cells;
  const wrapped = LANES.map((each) => wrap(texts[each] ?? "", WIDTH[each]));
  const height = Math.max(...wrapped.map((rows) => rows.length));
  return Array.from({ length: height }, (_, row) => {
    const cells = Object.fromEntries(LANES.map((each, i) => [each, wrapped[i]?.[row] ?? ""])) as Cells;
    return line(row === 0 ? elapsed.toFixed(1) : "", cells, row === 0 && passes ? arrow(lane, passes) : {});
  });
}

/** The arrow of an entry, in the gutter between the two lanes that it joins. */
function arrow(lane: Lane, { to, way }: NonNullable<Entry["passes"]>): Gutters {
  if (way === "both") return { chip: " <-> " };
  const isToTheRight = (way === "out") === LANES.indexOf(to) > LANES.indexOf(lane);
  const drawn = isToTheRight ? " --> " : " <-- ";
  return [lane, to].includes("chip") ? { chip: drawn } : { cloud: drawn };
}

function wrap(text: string, width: number): string[] {
  const rows = [""];
  // A number is not parted from its unit.
  for (const word of text.split(/ (?!ms$)/)) {
    const row = rows.at(-1) ?? "";
    if (row !== "" && row.length + 1 + word.length <= width) rows[rows.length - 1] = `${row} ${word}`;
    else {
      // A word that is longer than its lane, such as a topic, is cut.
      const pieces = word.match(new RegExp(`.{1,${width}}`, "gu")) ?? [""];
      rows.splice(row === "" ? -1 : rows.length, row === "" ? 1 : 0, ...pieces);
    }
  }
  return rows;
}

function summaryOf(events: readonly TraceEvent[]): string {
  const commands = events.filter((event) => event.kind === "chip.command");
  const exchanges = events.filter((event) => event.kind === "bus.exchange");
  const operations = commands.length > 0 ? commands : exchanges;
  const spent = operations.reduce((sum, { durationMs }) => sum + durationMs, 0);
  const messages = events.filter((event) => event.kind === "tls.message").length;
  const packets = events.filter((event) => event.kind === "mqtt.packet").length;
  return `chip: ${operations.length} operations, ${spent.toFixed(1)} ms; TLS messages: ${messages}; MQTT packets: ${packets}`;
}
