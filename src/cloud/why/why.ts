import { REFUSALS, type FieldValue, type RefusalCause, type TraceEvent } from "../../trace/index.ts";
import { cureFor } from "./cure.ts";
import { storyOf, type Step } from "./story.ts";
import { clientIdOf, eventsAbout } from "./subject.ts";

type Refusal = Extract<TraceEvent, { kind: "refusal" }>;

/** One reason why a device was refused, however often it was. Times are in milliseconds since 1970. */
export type Finding = {
  readonly cause: RefusalCause;
  readonly explanation: string;
  /** What to do, with ids filled in. */
  readonly cure: string;
  readonly first: number;
  readonly last: number;
  readonly times: number;
  readonly clientId: string;
  readonly address: string;
  readonly device?: string;
  readonly connection?: string;
  readonly certificate?: string;
  readonly evidence: Readonly<Record<string, FieldValue>>;
  /** What is recorded about the same certificate or client around and after the refusal, oldest first. */
  readonly story: readonly Step[];
  /** When the device got in after all. */
  readonly resolvedAt?: number;
};

/**
 * The answer to "why was it refused". "unknown" means that no refusal is recorded, not that there was none;
 * "connected" that none is recorded and the subject did connect; "resolved" that it connected since its last refusal.
 */
export type Answer = {
  readonly subject?: string;
  readonly verdict: "refused" | "resolved" | "connected" | "unknown";
  readonly note: string;
  /** Newest first. */
  readonly findings: readonly Finding[];
};

/**
 * Explains the last refusals of a device, certificate id (or at least 8 digits of it), client id or address; without a
 * subject, the very last refusal. It only joins what `events` hold, from the ring, from disk, or from both at once.
 */
export function why(
  subject: string | undefined,
  events: readonly TraceEvent[],
  { limit = 5 }: { readonly limit?: number } = {},
): Answer {
  const all = inOrder(events);
  const related = subject === undefined ? all : eventsAbout(subject, all);
  const refusals = related.filter((event) => event.kind === "refusal");
  const chosen = subject === undefined ? refusals.slice(-1) : refusals;
  const findings = rootsFirst(
    grouped(chosen)
      .map((group) => findingOf(group, all))
      .toReversed(),
  ).slice(0, limit);
  return { ...(subject !== undefined && { subject }), findings, ...verdictOf({ subject, related, findings }) };
}

/** Events of several sources, each once, in the order of time. */
function inOrder(events: readonly TraceEvent[]): TraceEvent[] {
  const unique = new Map(events.map((event) => [`${event.time} ${event.seq} ${event.actor} ${event.kind}`, event]));
  return [...unique.values()].toSorted((a, b) => a.time - b.time || a.seq - b.seq);
}

/** Refusals for the same reason, with the same evidence, are one finding; it stands where its last one stood. */
function grouped(refusals: readonly Refusal[]): Refusal[][] {
  const groups = new Map<string, Refusal[]>();
  for (const refusal of refusals) {
    const { cause, clientId, certificate, evidence } = refusal;
    const key = JSON.stringify([cause, clientId, certificate, evidence]);
    const group = groups.get(key) ?? [];
    groups.delete(key);
    groups.set(key, [...group, refusal]);
  }
  return [...groups.values()];
}

/** Why a device goes on waiting: `certificate-pending` says only that it does. */
const ROOTS: readonly RefusalCause[] = [
  "registration-unheard",
  "registration-rule-disabled",
  "function-missing",
  "function-permission",
  "function-failed",
  "function-timeout",
  "function-memory",
  "provisioning-failed",
];

/** Newest first, but a certificate's waiting stands behind the reason for it, whichever was told later. */
function rootsFirst(findings: readonly Finding[]): Finding[] {
  const rootOf = ({ cause, certificate }: Finding) =>
    cause !== "certificate-pending" || certificate === undefined
      ? undefined
      : findings.find((other) => other.certificate === certificate && ROOTS.includes(other.cause));
  const waiting = new Map(findings.map((finding) => [finding, rootOf(finding)]));
  return findings.flatMap((finding) => {
    if (waiting.get(finding)) return [];
    return [finding, ...findings.filter((each) => waiting.get(each) === finding)];
  });
}

/** Refusals that end when the device gets in; those of single packets do not. */
const PER_PACKET: readonly RefusalCause[] = [
  "policy-denies-publish",
  "policy-denies-subscribe",
  "policy-denies-receive",
  "policy-denies-retain",
  "api-unauthorized",
  "api-unsigned",
  "api-unknown-key",
  "api-clock-skew",
  "api-signature",
  "session-token",
  "session-not-allowed",
  "credentials-thing",
];

/** What a policy refused besides the connection itself goes on being refused, too. */
function isPerPacket({ cause, evidence: { action } }: Refusal): boolean {
  return PER_PACKET.includes(cause) || (action !== undefined && action !== "iot:Connect");
}

function findingOf(group: readonly Refusal[], events: readonly TraceEvent[]): Finding {
  const refusal = group.at(-1) as Refusal;
  const { cause, clientId, address, device, connection, certificate, evidence } = refusal;
  const later = events.slice(events.indexOf(refusal) + 1).filter((event) => isSameDevice(event, refusal));
  const connected = isPerPacket(refusal) ? undefined : later.find(isConnected);
  const ids = { clientId, ...(certificate !== undefined && { certificateId: certificate }) };
  return {
    cause,
    explanation: REFUSALS[cause].cause,
    cure: cureFor(cause, { ...ids, ...evidence }),
    first: Math.min(...group.map(({ repeated, time }) => repeated?.since ?? time)),
    last: refusal.time,
    times: group.reduce((sum, { repeated }) => sum + (repeated?.times ?? 1), 0),
    clientId,
    address,
    ...(device !== undefined && { device }),
    ...(connection !== undefined && { connection }),
    ...(certificate !== undefined && { certificate }),
    evidence,
    // The first drop of a device that registers itself is part of a longer story, which begins before it.
    story: storyOf(cause === "certificate-pending" ? events.filter((event) => isSameDevice(event, refusal)) : later),
    ...(connected && { resolvedAt: connected.time }),
  };
}

/** By certificate where one is known: a client id can be used by anybody. */
function isSameDevice(event: TraceEvent, refusal: Refusal): boolean {
  if (refusal.certificate !== undefined) return event.certificate === refusal.certificate;
  return refusal.clientId !== "" && clientIdOf(event) === refusal.clientId;
}

/** Admissions are kept on disk where they change something; every CONNACK is in the ring for a while. */
function isConnected(event: TraceEvent): boolean {
  if (event.kind === "mqtt.packet")
    return event.direction === "sent" && event.packet.toLowerCase() === "connack" && event.reasonCode === 0;
  return event.kind === "onboarding" && event.step === "connected";
}

type Outcome = {
  readonly subject: string | undefined;
  readonly related: readonly TraceEvent[];
  readonly findings: readonly Finding[];
};

function verdictOf({ subject, related, findings }: Outcome): Pick<Answer, "verdict" | "note"> {
  const [latest] = findings;
  if (latest?.resolvedAt !== undefined)
    return { verdict: "resolved", note: "It has connected since its last refusal." };
  if (latest) return { verdict: "refused", note: "Nothing recorded since says that it got in." };
  if (subject === undefined) return { verdict: "unknown", note: "No refusal is recorded." };
  if (related.some(isConnected))
    return { verdict: "connected", note: "It connected, and no refusal of it is recorded." };
  return related.length === 0
    ? {
        verdict: "unknown",
        note: "Nothing is recorded about it: no connection reached this cloud, or it was too long ago.",
      }
    : { verdict: "unknown", note: `It occurs in ${related.length} events, but no refusal of it is recorded.` };
}
