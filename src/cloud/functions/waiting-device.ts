import type { FieldValue, RefusalCause, Trace } from "../../trace/index.ts";

/** A run about a certificate belongs to that certificate's story. */
export function correlationOf(event: string): { certificate?: string } {
  if (!event.includes('"certificateId"')) return {};
  const { certificateId } = (JSON.parse(event) ?? {}) as { certificateId?: unknown };
  return typeof certificateId === "string" && /^[0-9a-f]{64}$/.test(certificateId)
    ? { certificate: certificateId }
    : {};
}

type Reason = {
  readonly cause: Extract<RefusalCause, `function-${string}`>;
  readonly evidence: Readonly<Record<string, FieldValue>>;
};

/**
 * Tells why a device goes on waiting that an event is about: a function that was to activate it did not run, or failed.
 * Functions on other events refuse nobody.
 */
export function tellWaiting(trace: Trace, event: string, { cause, evidence }: Reason): void {
  const ids = correlationOf(event);
  if (ids.certificate === undefined || !event.includes('"PENDING_ACTIVATION"')) return;
  trace.emit("cloud", { kind: "refusal", cause, clientId: "", address: "", evidence }, ids);
}
