import type { Entropy } from "../crypto/index.ts";

/** How long a device waits between attempts. Times in milliseconds. */
export type ReconnectPolicy = {
  /** The ceiling of the wait after the first failure; it doubles with each further one. */
  readonly firstMs: number;
  readonly maxMs: number;
  /** A connection that lived at least so long starts the back-off anew. */
  readonly stableMs: number;
  /** Failures in a row after which the device gives up; Infinity never does. */
  readonly maxFailures: number;
  /**
   * Connections in a row that may end, none of them stable, while one message waits for its acknowledgement: an MQTT
   * 3.1.1 broker says "you may not publish this" by closing the connection, each time again.
   */
  readonly maxLosses: number;
};

/** Quick enough for just-in-time registration, slow enough for a fleet after an outage. */
export const DEFAULT_RECONNECT: ReconnectPolicy = {
  firstMs: 250,
  maxMs: 30_000,
  stableMs: 10_000,
  maxFailures: Number.POSITIVE_INFINITY,
  maxLosses: Number.POSITIVE_INFINITY,
};

/** How many failures lie behind the device since its last stable connection. */
export type ReconnectState = { readonly failures: number };

/** What became of a connection: it never came up, or it was lost after `livedMs`. `final` failures cannot be cured by waiting. */
export type ReconnectInput =
  | { readonly on: "failed"; readonly final: boolean }
  | { readonly on: "lost"; readonly livedMs: number };

export type ReconnectOutput =
  | { readonly do: "wait"; readonly delayMs: number; readonly failures: number }
  | { readonly do: "give-up"; readonly failures: number };

export const FIRST_ATTEMPT: ReconnectState = { failures: 0 };

/**
 * Exponential back-off with equal jitter: half of the ceiling for certain, the other half by chance, so that a fleet that
 * lost its cloud at one moment does not come back at one moment.
 */
export function reconnectStep(
  state: ReconnectState,
  input: ReconnectInput,
  { policy, entropy }: { readonly policy: ReconnectPolicy; readonly entropy: Entropy },
): [ReconnectState, ReconnectOutput] {
  const before = input.on === "lost" && input.livedMs >= policy.stableMs ? 0 : state.failures;
  const failures = before + 1;
  if ((input.on === "failed" && input.final) || failures >= policy.maxFailures) {
    return [{ failures }, { do: "give-up", failures }];
  }
  // The exponent is bounded so that a device that fails for years does not compute Infinity.
  const ceiling = Math.min(policy.maxMs, policy.firstMs * 2 ** Math.min(before, 40));
  const delayMs = ceiling / 2 + (ceiling / 2) * fraction(entropy);
  return [{ failures }, { do: "wait", delayMs, failures }];
}

/** A number from 0 (inclusive) to 1 (exclusive) from four random bytes. */
function fraction(entropy: Entropy): number {
  const bytes = entropy.bytes(4);
  return bytes.reduce((sum, byte) => sum * 256 + byte, 0) / 2 ** 32;
}
