const STATUS = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Runs `work` with a signal that SIGINT and SIGTERM abort, so that it can put things away first.
 * Work that then returns (a server that was asked to stop) ends the process with status 0; work that throws was cut
 * short and ends it with 128 plus the signal's number. The same signal again ends the process at once; the other one
 * does not, since a terminal's Ctrl-C is often followed by a parent's SIGTERM.
 */
export async function interruptible(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  let first: keyof typeof STATUS | undefined;
  const onSignal = (name: keyof typeof STATUS) => {
    if (first === name) process.exit(STATUS[name]);
    first ??= name;
    controller.abort();
  };
  const onInterrupt = () => onSignal("SIGINT");
  const onTerminate = () => onSignal("SIGTERM");
  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", onTerminate);
  try {
    await work(controller.signal);
  } catch (error) {
    if (!first) throw error;
    process.exitCode = STATUS[first];
  } finally {
    process.off("SIGINT", onInterrupt);
    process.off("SIGTERM", onTerminate);
  }
}

/** Settles when the signal aborts: what a server waits for. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
