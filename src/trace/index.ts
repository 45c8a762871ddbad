export {
  DURABLE_KINDS,
  isDurable,
  type Actor,
  type Correlation,
  type EventBody,
  type FieldValue,
  type OnboardingStep,
  type Repeated,
  type TlsOperation,
  type TraceEvent,
} from "./events.ts";
export {
  correlated,
  Ledger,
  matches,
  silentTrace,
  type DurableSink,
  type EventFilter,
  type LedgerOptions,
  type Trace,
} from "./ledger.ts";
export { printable } from "./printable.ts";
export { REFUSALS, type RefusalCause } from "./refusals.ts";
export { renderMermaid } from "./timeline-mermaid.ts";
export type { TimelineFilter } from "./timeline-selection.ts";
export { renderTimeline } from "./timeline.ts";
