export {
  DURABLE_KINDS,
  isDurable,
  type Actor,
  type Correlation,
  type EventBody,
  type FieldValue,
  type OnboardingStep,
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
export { REFUSALS, type RefusalCause } from "./refusals.ts";
