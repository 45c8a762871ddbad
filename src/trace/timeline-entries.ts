import type { Actor, FieldValue, OnboardingStep, TraceEvent } from "./events.ts";
import { printable } from "./printable.ts";

/** Where an entry stands, from the device's silicon to the cloud. What a PKI does stands with the cloud. */
export type Lane = "chip" | "host" | "cloud";

/** One line of a timeline: something in one lane, or something that passes between two neighbours. */
export type Entry = {
  readonly time: number;
  readonly lane: Lane;
  readonly text: string;
  /** What passes: away from this lane, towards it, or there and back. `text` is what the neighbour calls it. */
  readonly passes?: { readonly to: Lane; readonly way: "out" | "in" | "both"; readonly text: string };
};

type EventOf<Kind extends TraceEvent["kind"]> = Extract<TraceEvent, { kind: Kind }>;

/** The lines that events make. A command that both chip and host recorded is one line; events without a line are left out. */
export function entriesOf(events: readonly TraceEvent[]): Entry[] {
  const commands = Map.groupBy(
    events.filter((event) => event.kind === "chip.command"),
    ({ name, command }) => `${name} ${command}`,
  );
  const entries: Entry[] = [];
  const isPaired = new Set<TraceEvent>();
  for (const exchange of events.filter((event) => event.kind === "bus.exchange")) {
    const command = commands.get(`${exchange.name} ${exchange.command}`)?.shift();
    if (!command) continue;
    isPaired.add(command).add(exchange);
    entries.push(exchangeEntry(exchange, commandText(command)));
  }
  for (const event of events) {
    if (isPaired.has(event)) continue;
    const entry = entryOf(event);
    if (entry) entries.push(entry);
  }
  return entries.toSorted((a, b) => a.time - b.time);
}

function entryOf(event: TraceEvent): Entry | undefined {
  const here = { time: event.time, lane: laneOf(event.actor) };
  switch (event.kind) {
    case "chip.command":
      return { ...here, text: commandText(event), passes: { to: "host", way: "both", text: "" } };
    case "bus.exchange":
      return exchangeEntry(event, event.name);
    case "tls.message":
      return { ...here, text: `${event.message} ${event.bytes} B`, passes: passing(here.lane, event.direction) };
    case "tls.alert":
      return { ...here, text: `alert ${event.alert}`, passes: passing(here.lane, event.direction) };
    case "mqtt.packet":
      return { ...here, text: packetText(event), passes: passing(here.lane, event.direction) };
    case "process":
      return undefined;
    default:
      return { ...here, text: printable(noteText(event)) };
  }
}

type Noted = Exclude<
  TraceEvent,
  { kind: "chip.command" | "bus.exchange" | "tls.message" | "tls.alert" | "mqtt.packet" | "process" }
>;

function noteText(event: Noted): string {
  switch (event.kind) {
    case "tls.operation":
      return `${event.operation} by ${event.performer} ${ms(event.durationMs)}`;
    case "tls.connected":
      return `${event.protocol} ${event.suite}`;
    case "onboarding":
      return STEPS[event.step];
    case "refusal":
      return `refused: ${event.cause}`;
    case "function.run":
      return `function ${event.function} ${event.outcome} ${ms(event.durationMs)}`;
    case "rule.record":
      return `rule ${event.rule}: ${event.what} ${event.name}`;
    case "rule.failed":
      return `rule ${event.rule}: ${event.action} failed`;
    case "api.call":
      return `${event.operation} ${event.status}`;
    case "pkcs11.call":
      return `${event.call} ${event.result} ${ms(event.durationMs)}`;
    case "pki.issued":
      return `${event.what} of ${event.subject} signed by ${event.performer}`;
    default:
      return `${event.what} refused: ${event.code}`;
  }
}

const STEPS: Readonly<Record<OnboardingStep, string>> = {
  registered: "certificate PENDING_ACTIVATION",
  "event-published": "registration event published",
  "connection-dropped": "connection dropped",
  activated: "certificate ACTIVE",
  deactivated: "certificate no longer ACTIVE",
  "policy-attached": "policy attached",
  "thing-created": "thing created",
  provisioned: "provisioned by a template",
  "provisioning-failed": "provisioning template failed",
  connected: "admitted",
  "session-closed": "session closed",
};

function commandText({ name, fields, statusWord, durationMs }: EventOf<"chip.command">): string {
  const shown = Object.entries(fields).map(([field, value]) => `${field}=${short(value)}`);
  const failure = statusWord === 0x9000 ? [] : [`SW=${statusWord.toString(16).padStart(4, "0").toUpperCase()}`];
  return printable([name, ...shown, ...failure, ms(durationMs)].join(" "));
}

/** Bytes stand in full in the events; here it matters only which object they belong to. */
function short(value: FieldValue): string {
  const text = String(value);
  return text.length > 12 ? `${text.slice(0, 8)}…` : text;
}

function exchangeEntry(exchange: EventOf<"bus.exchange">, text: string): Entry {
  const { time, sentBytes, receivedBytes, durationMs } = exchange;
  const bus = `bus ${sentBytes}+${receivedBytes} B ${ms(durationMs)}`;
  return { time, lane: "host", text: bus, passes: { to: "chip", way: "both", text } };
}

function packetText({ packet, topic, reasonCode }: EventOf<"mqtt.packet">): string {
  const failure = reasonCode === 0 ? "" : ` 0x${reasonCode.toString(16).padStart(2, "0")}`;
  return `${packet.toUpperCase()}${topic === "" ? "" : ` ${printable(topic)}`}${failure}`;
}

function passing(lane: Lane, direction: "sent" | "received"): NonNullable<Entry["passes"]> {
  return { to: lane === "cloud" ? "host" : "cloud", way: direction === "sent" ? "out" : "in", text: "" };
}

function laneOf(actor: Actor): Lane {
  return actor === "pki" ? "cloud" : actor;
}

function ms(duration: number): string {
  return `${duration.toFixed(1)} ms`;
}
