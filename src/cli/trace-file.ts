import { closeSync, openSync, writeSync } from "node:fs";

import { nodeClock } from "../crypto/node.ts";
import { Ledger, silentTrace, type Trace, type TraceEvent } from "../trace/index.ts";

/** A trace that also goes to a file as JSON Lines, one event a line. */
export type TraceFile = { readonly trace: Trace; readonly close: () => void };

/** The trace of a command: into the file of `--trace`, appended, mode 0600; nowhere without one. */
export function traceFile(path: string | undefined): TraceFile {
  if (path === undefined) return { trace: silentTrace, close: () => undefined };
  const trace = new Ledger({ clock: nodeClock, capacity: 1 });
  return { trace, close: appendEvents(trace, path) };
}

/** Appends every event of a ledger to a file from now on; the returned function writes what is left and closes it. */
export function appendEvents(ledger: Ledger, path: string): () => void {
  const file = openSync(path, "a", 0o600);
  let waiting: TraceEvent[] = [];
  // One write for all events of a turn: a broker under load emits thousands.
  const flush = () => {
    const lines = waiting.map((event) => `${JSON.stringify(event)}\n`).join("");
    waiting = [];
    if (lines !== "") writeSync(file, lines);
  };
  const stop = ledger.subscribe((event) => {
    if (waiting.push(event) === 1) setImmediate(flush);
  });
  return () => {
    stop();
    flush();
    closeSync(file);
  };
}
