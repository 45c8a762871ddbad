import { Writer } from "../../codec/index.ts";
import type { Clock } from "../../crypto/index.ts";

/** What timestamps count: how often power came, from when on, and what was told last. */
export type Timekeeping = { readonly power: number; readonly since: number; told: bigint };

/**
 * Timekeeping from a moment in milliseconds on. A new chip's count of power begins with the moment's seconds, which
 * needs no writing and goes on over restarts; a former count goes on by one.
 */
export function keepTime(since: number, former?: Timekeeping): Timekeeping {
  const seconds = Math.floor(Math.max(0, since) / 1000);
  return { power: (former ? former.power + 1 : seconds) >>> 0, since, told: -1n };
}

/**
 * A timestamp of 12 bytes: the count of power in four, the microseconds since then in eight, and each greater than the
 * one before it. SE05x command table, tier a; NXP plug-and-trust 04.03, example of timestamps
 */
export function timestampOf({ clock, time }: { readonly clock: Clock; readonly time: Timekeeping }): Uint8Array {
  const passed = BigInt(Math.max(0, Math.floor(clock.now() - time.since))) * 1000n;
  time.told = passed > time.told ? passed : time.told + 1n;
  return new Writer(12).u32(time.power).u64(time.told).finish();
}
