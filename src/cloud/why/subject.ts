import type { TraceEvent } from "../../trace/index.ts";

/** Shorter prefixes of a certificate id would match too much. */
const MIN_PREFIX = 8;

/** Whether an event speaks of the subject itself: a device, certificate id, client id, connection or address. */
function speaksOf(event: TraceEvent, subject: string): boolean {
  // No id is empty, but a client id is where none is known.
  if (subject === "") return false;
  if (event.device === subject || event.connection === subject || clientIdOf(event) === subject) return true;
  if (event.kind === "refusal" && event.address === subject) return true;
  const prefix = certificatePrefix(subject);
  return prefix !== undefined && event.certificate !== undefined && event.certificate.startsWith(prefix);
}

/** The client id that an event carries, or "" where it has none. */
export function clientIdOf(event: TraceEvent): string {
  return "clientId" in event ? event.clientId : "";
}

/** A certificate id or the beginning of one, alone or at the end of an ARN. */
function certificatePrefix(subject: string): string | undefined {
  const id = subject.slice(subject.lastIndexOf("/") + 1).toLowerCase();
  return id.length >= MIN_PREFIX && /^[0-9a-f]{1,64}$/.test(id) ? id : undefined;
}

/**
 * The events that tell the subject's story: those that speak of it, and those that share a certificate or a connection
 * with one of them. Neither an address nor a client id leads on: many devices can stand behind either.
 */
export function eventsAbout(subject: string, events: readonly TraceEvent[]): TraceEvent[] {
  const direct = events.filter((event) => speaksOf(event, subject));
  const certificates = new Set(direct.map((event) => event.certificate).filter((id) => id !== undefined));
  const connections = new Set(direct.filter((event) => event.connection !== undefined).map(connectionKey));
  const isClient = direct.some((event) => clientIdOf(event) === subject);
  return events.filter((event) => {
    if (speaksOf(event, subject)) return true;
    // Another client's trouble with the same certificate is not an answer to a question about this client.
    if (isClient && clientIdOf(event) !== "") return false;
    if (event.connection !== undefined && connections.has(connectionKey(event))) return true;
    return event.certificate !== undefined && certificates.has(event.certificate);
  });
}

/** Each side names connections for itself. */
function connectionKey(event: TraceEvent): string {
  return `${event.actor} ${event.connection}`;
}
