import type { Clock } from "../../crypto/index.ts";

/** For how long an answer is given again: whoever asks without a signature makes the disk write once in this time. */
const HOLDS_MS = 1000;

/**
 * Why a cloud takes no traffic, if so: it is stopping, or its disk does not take what `write` writes. Asked by anybody, and
 * found out once a second at most.
 */
export function readiness(options: {
  readonly clock: Clock;
  readonly isStopping: () => boolean;
  readonly write: () => Promise<unknown>;
}): () => Promise<string | undefined> {
  const { clock, isStopping, write } = options;
  let last: { readonly at: number; readonly answer: Promise<string | undefined> } | undefined;
  const found = async (): Promise<string | undefined> => {
    try {
      await write();
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };
  return async () => {
    if (isStopping()) return "the cloud is stopping";
    const now = clock.now();
    if (!last || now - last.at >= HOLDS_MS) last = { at: now, answer: found() };
    return last.answer;
  };
}
