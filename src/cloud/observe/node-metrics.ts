import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

import type { Ledger, TraceEvent } from "../../trace/index.ts";

/** What is read when somebody asks for the metrics, and not before. */
export type MetricSources = {
  readonly ledger: Ledger;
  /** Sessions with a live connection, and those that wait for their client. */
  readonly sessions: () => Iterable<{ readonly connected: boolean }>;
  readonly retained: () => number;
  /** How many of each resource the registry holds. */
  readonly resources: () => Readonly<Record<string, number>>;
  /** Calls `listener` with each accepted message; the returned function ends that. */
  readonly onPublish: (listener: () => void) => () => void;
};

/** The metrics of one cloud in Prometheus's text format. */
export type CloudMetrics = {
  readonly contentType: string;
  text(): Promise<string>;
  close(): void;
};

/** Seconds: from what a look into memory takes to what a caller would call hanging. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Counts what the ledger tells from now on. Labels hold table values only: nobody outside can make new series. */
export function openMetrics(sources: MetricSources): CloudMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  // Gauges under a counter's name: the ones that tell the kinds apart remain. Prometheus, "Metric and label naming"
  for (const what of ["handles", "requests", "resources"]) registry.removeSingleMetric(`nodejs_active_${what}_total`);
  const count = countersOf(registry);
  readAtScrape(registry, sources);
  let published = 0;
  const messages = new Counter({
    name: "hawser_mqtt_messages_total",
    help: "MQTT messages that were accepted, from clients and from the cloud itself.",
    registers: [registry],
    collect() {
      this.reset();
      this.inc(published);
    },
  });
  messages.inc(0);
  const ends = [sources.ledger.subscribe(count), sources.onPublish(() => void published++)];
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    close() {
      for (const end of ends) end();
      registry.clear();
    },
  };
}

function countersOf(registry: Registry): (event: TraceEvent) => void {
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Counter<L>({ name, help, labelNames, registers });
  const seconds = (name: string, help: string) => new Histogram({ name, help, buckets: BUCKETS, registers });
  const refusals = counter("hawser_refusals_total", "Refusals, by their cause as hawser why names it.", ["cause"]);
  const steps = counter("hawser_onboarding_total", "Steps of devices' onboarding.", ["step"]);
  const calls = counter("hawser_api_calls_total", "Calls of the control plane.", ["operation", "status"]);
  const callSeconds = seconds("hawser_api_call_seconds", "How long calls of the control plane took.");
  const runs = counter("hawser_function_runs_total", "Runs of functions.", ["outcome"]);
  const runSeconds = seconds("hawser_function_run_seconds", "How long functions ran.");
  const record = ruleMetrics(registers);
  const failures = counter("hawser_rule_failures_total", "Actions of rules that failed.", ["action", "code"]);
  const warnings = counter("hawser_warnings_total", "Warnings of the process.", []);
  return (event) => {
    if (event.kind === "refusal") refusals.inc({ cause: event.cause });
    else if (event.kind === "onboarding") steps.inc({ step: event.step });
    else if (event.kind === "api.call") {
      calls.inc({ operation: operationLabel(event.operation), status: String(event.status) });
      callSeconds.observe(event.durationMs / 1000);
    } else if (event.kind === "function.run") {
      runs.inc({ outcome: event.outcome });
      runSeconds.observe(event.durationMs / 1000);
    } else if (event.kind === "rule.record") record(event);
    else if (event.kind === "rule.failed") failures.inc({ action: event.action, code: event.code });
    else if (event.kind === "process" && event.what === "warning") warnings.inc();
  };
}

/** How many series rules may make: what they are called may come from messages. */
const MAX_RULE_SERIES = 500;

function ruleMetrics(registers: Registry[]): (event: Extract<TraceEvent, { kind: "rule.record" }>) => void {
  const help = "The last value that rules gave each metric (action cloudwatchMetric).";
  const last = new Gauge({ name: "hawser_rule_metric", help, labelNames: ["metric", "unit"], registers });
  const known = new Set<string>();
  return ({ what, name, unit, value }) => {
    if (what !== "metric") return;
    const key = `${name} ${unit}`;
    if (known.size >= MAX_RULE_SERIES && !known.has(key)) return;
    known.add(key);
    last.set({ metric: name, unit }, Number(value));
  };
}

function readAtScrape(registry: Registry, { sessions, retained, resources }: MetricSources): void {
  const gauge = <L extends string>(name: string, help: string, labels: readonly L[], read: (to: Gauge<L>) => void) => {
    const made: Gauge<L> = new Gauge({
      name,
      help,
      labelNames: labels,
      registers: [registry],
      collect: () => read(made),
    });
    return made;
  };
  gauge("hawser_mqtt_sessions", "MQTT sessions that are connected, or away.", ["state"], (to) => {
    const counts = { connected: 0, away: 0 };
    for (const { connected } of sessions()) counts[connected ? "connected" : "away"]++;
    for (const [state, value] of Object.entries(counts)) to.set({ state }, value);
  });
  gauge("hawser_mqtt_retained_messages", "Retained MQTT messages.", [], (to) => to.set(retained()));
  gauge("hawser_registry_resources", "Resources of the registry.", ["resource"], (to) => {
    for (const [resource, value] of Object.entries(resources())) to.set({ resource }, value);
  });
}

/** An unknown request is told with its method and path, which strangers choose. */
function operationLabel(operation: string): string {
  return /^[A-Za-z:]{1,64}$/.test(operation) ? operation : "unknown";
}
