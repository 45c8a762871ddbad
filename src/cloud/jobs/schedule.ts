import { invalidRequest } from "../errors.ts";
import { nextTime, parseCron, type Cron } from "./cron.ts";

/** When a job may be rolled out. */
export type Scheduling = {
  readonly startTime?: string | undefined;
  readonly endTime?: string | undefined;
  readonly endBehavior?: "STOP_ROLLOUT" | "CANCEL" | "FORCE_CANCEL" | undefined;
  readonly maintenanceWindows?: readonly MaintenanceWindow[] | undefined;
};

/** A recurring time of rollout: a cron expression for its start, and how long it lasts. */
export type MaintenanceWindow = { readonly startTime: string; readonly durationInMinutes: number };

type Scheduled = {
  readonly targetSelection: "SNAPSHOT" | "CONTINUOUS";
  readonly schedulingConfig?: Scheduling | undefined;
};

const MINUTE = 60_000;
const YEAR = 366 * 86_400_000;
/** How many coming windows a job's description lists. AWS IoT API, Job, scheduledJobRollouts */
const LISTED_WINDOWS = 7;

/**
 * When a new job is to begin; undefined where it begins now. Throws `UsageError` `invalid-request` where its schedule makes no
 * sense. AWS IoT API, SchedulingConfig
 */
export function startOf({ targetSelection, schedulingConfig = {} }: Scheduled, now: number): number | undefined {
  const { startTime, endTime, maintenanceWindows = [] } = schedulingConfig;
  const starts = startTime === undefined ? undefined : timeIn(startTime, "startTime");
  const ends = endTime === undefined ? undefined : timeIn(endTime, "endTime");
  if (starts !== undefined && starts < now - MINUTE) throw wrong(`startTime ${startTime ?? ""} is over`);
  if (starts !== undefined && starts > now + YEAR) throw wrong("startTime must come within a year");
  if (ends !== undefined && ends <= (starts ?? now)) throw wrong("endTime must be after the start");
  if (ends !== undefined && ends > (starts ?? now) + 2 * YEAR) throw wrong("endTime must come within two years");
  if (maintenanceWindows.length > 0 && targetSelection !== "CONTINUOUS") {
    throw wrong("maintenanceWindows are for jobs whose targetSelection is CONTINUOUS");
  }
  const first = Math.max(starts ?? now, now);
  const opens = closedUntil({ schedulingConfig }, first);
  if (opens === Infinity) throw wrong("maintenanceWindows never come");
  return opens ?? (first > now ? first : undefined);
}

/** The end that a schedule gives, milliseconds since 1970. */
export function endOf({ schedulingConfig: { endTime } = {} }: Pick<Scheduled, "schedulingConfig">): number | undefined {
  return endTime === undefined ? undefined : timeIn(endTime, "endTime");
}

/** When the next maintenance window opens; undefined where one is open or there are none, Infinity where none comes. */
export function closedUntil(
  { schedulingConfig: { maintenanceWindows = [] } = {} }: Pick<Scheduled, "schedulingConfig">,
  now: number,
): number | undefined {
  let opens = Infinity;
  for (const { cron, ms } of windowsOf(maintenanceWindows)) {
    const next = nextTime(cron, now - ms) ?? Infinity;
    if (next <= now) return undefined;
    opens = Math.min(opens, next);
  }
  return maintenanceWindows.length === 0 ? undefined : opens;
}

/** The starts of the next windows, milliseconds since 1970. */
export function comingWindows(
  { schedulingConfig: { maintenanceWindows = [] } = {} }: Pick<Scheduled, "schedulingConfig">,
  now: number,
): readonly number[] {
  const found = new Set<number>();
  for (const { cron } of windowsOf(maintenanceWindows)) {
    for (let i = 0, time: number | undefined = now; i < LISTED_WINDOWS && time !== undefined; i++) {
      time = nextTime(cron, time);
      if (time !== undefined) found.add(time);
    }
  }
  return [...found].sort((a, b) => a - b).slice(0, LISTED_WINDOWS);
}

/** Checks windows before they are kept. Throws `UsageError` `invalid-request`. */
export function checkWindows(windows: readonly MaintenanceWindow[] = []): void {
  windowsOf(windows);
}

function windowsOf(windows: readonly MaintenanceWindow[]): readonly { readonly cron: Cron; readonly ms: number }[] {
  return windows.map(({ startTime, durationInMinutes }, i) => {
    return { cron: parseCron(startTime, `maintenanceWindows[${i}].startTime`), ms: durationInMinutes * MINUTE };
  });
}

function timeIn(text: string, name: string): number {
  const time = Date.parse(/([zZ]|[+-]\d\d:\d\d)$/.test(text) ? text : `${text.replace(" ", "T")}Z`);
  if (Number.isNaN(time)) throw wrong(`${name} must be a time such as 2026-01-31T13:05:00Z`);
  return time;
}

function wrong(message: string) {
  return invalidRequest(`schedulingConfig: ${message}`);
}
