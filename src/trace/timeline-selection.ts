import type { TraceEvent } from "./events.ts";

/** Whose story is told: one connection, as a side names it; or all of a device, by chip id, client id or certificate id. */
export type TimelineFilter = { readonly connection?: string; readonly device?: string };

/**
 * The events of one story out of those of several processes, in the order of time. Each process has its own names for
 * connections and devices; what joins them is the device id and, between device and cloud, the certificate.
 */
export function selectEvents(events: readonly TraceEvent[], filter: TimelineFilter): TraceEvent[] {
  const ordered = events.toSorted((a, b) => a.time - b.time || a.seq - b.seq);
  const seeds = ordered.filter((event) => isSeed(event, filter));
  const devices = new Set(seeds.flatMap(namesOf));
  const certificates = new Set(seeds.flatMap(({ certificate }) => certificate ?? []));
  const isRelated = (event: TraceEvent) =>
    namesOf(event).some((name) => devices.has(name)) ||
    (event.certificate !== undefined && certificates.has(event.certificate)) ||
    isSeed(event, filter);
  const related = ordered.filter(isRelated);
  const [first, last] = [seeds[0], seeds.at(-1)];
  if (filter.connection === undefined || !first || !last) return related;
  // Of the other sides, what happened while the connection was up, and the rest of the connections that this belongs to.
  // An operation is recorded when it ends.
  const begin = first.time - ("durationMs" in first ? first.durationMs : 0);
  const isDuring = ({ time }: TraceEvent) => time >= begin && time <= last.time;
  const connections = new Set(related.filter(isDuring).map(connectionOf));
  return related.filter(
    (event) => isDuring(event) || (event.connection !== undefined && connections.has(connectionOf(event))),
  );
}

function isSeed(event: TraceEvent, { connection, device }: TimelineFilter): boolean {
  if (connection !== undefined) return event.connection === connection;
  return device === undefined || event.certificate === device || namesOf(event).includes(device);
}

/** The names by which an event knows its device. */
function namesOf(event: TraceEvent): string[] {
  const clientId = "clientId" in event && event.clientId !== "" ? [event.clientId] : [];
  return event.device === undefined ? clientId : [event.device, ...clientId];
}

function connectionOf({ actor, connection }: TraceEvent): string | undefined {
  return connection === undefined ? undefined : `${actor} ${connection}`;
}
