import { destination as openDestination, pino } from "pino";

import { REFUSALS, type Ledger, type TraceEvent } from "../../trace/index.ts";
import { cureFor } from "../why/index.ts";

/** How much of what happens is logged. */
export const LOG_LEVELS = ["error", "warn", "info", "debug", "trace"] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

export type LogOptions = {
  readonly ledger: Ledger;
  /** A file, appended to and made with mode 0600; or a descriptor such as 2. */
  readonly destination: string | number;
  readonly level: LogLevel;
};

/** A log that is being written. */
export type OpenLog = {
  /** How much it tells from now on; undefined for nothing at all. */
  setLevel(level: LogLevel | undefined): void;
  /** Flushes and closes. */
  close(): void;
};

/** Writes the ledger's events as JSON Lines in pino's form from now on. */
export function openLog({ ledger, destination, level }: LogOptions): OpenLog {
  const stream = openDestination({ dest: destination, append: true, mode: 0o600, sync: true });
  const logger = pino({ level, base: null, timestamp: false }, stream);
  const end = ledger.subscribe((event) => {
    const { time, seq, actor, kind, ...rest } = event;
    const fields = { time, seq, actor, event: kind, ...rest, ...cureOf(event) };
    logger[levelOf(event)](fields, textOf(event));
  });
  return {
    setLevel(next) {
      logger.level = next ?? "silent";
    },
    close() {
      end();
      stream.flushSync();
      stream.end();
    },
  };
}

function levelOf(event: TraceEvent): LogLevel {
  switch (event.kind) {
    case "refusal":
      // The first contact of every device is refused so.
      return event.cause === "certificate-pending" ? "info" : "warn";
    case "api.call":
      if (event.status >= 500) return "error";
      return event.status >= 400 ? "warn" : "debug";
    case "function.run":
      return event.outcome === "succeeded" ? "info" : "warn";
    case "rule.failed":
      return "warn";
    case "process":
      return event.what === "warning" ? "warn" : "info";
    case "onboarding":
      return "info";
    case "mqtt.packet":
      return "trace";
    default:
      return "debug";
  }
}

function cureOf(event: TraceEvent): { readonly cure?: string } {
  return event.kind === "refusal"
    ? { cure: cureFor(event.cause, { clientId: event.clientId, ...event.evidence }) }
    : {};
}

function textOf(event: TraceEvent): string {
  switch (event.kind) {
    case "refusal":
      return `refused: ${REFUSALS[event.cause].cause}`;
    case "onboarding":
      return event.step.replaceAll("-", " ");
    case "api.call":
      return `${event.operation} ${event.status}`;
    case "function.run":
      return `function ${event.function} ${event.outcome}`;
    case "rule.failed":
      return `rule ${event.rule}: ${event.action} failed: ${event.detail}`;
    case "process":
      return `${event.what}: ${event.detail}`;
    default:
      return event.kind;
  }
}
