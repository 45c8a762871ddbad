import { invalidRequest } from "../errors.ts";

/** A cron expression, read: each field's values; a day is asked for by its date or by its weekday, never by both. */
export type Cron = {
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  readonly years: ReadonlySet<number>;
  /** Whether a day, given as midnight UTC, is meant. */
  readonly isDay: (day: Date) => boolean;
};

const MINUTE = 60_000;
const DAY = 86_400_000;
const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
/** A 29 February may be eight years away, over a century without one. */
const SEARCHED_DAYS = 8 * 366;

/**
 * Reads a cron expression of six fields, with or without `cron(…)` around it: minutes, hours, day of month, month, day of
 * week (1 or SUN is Sunday), year, all in UTC. `L` is a month's last day, `5L` its last Thursday, `5#2` its second one.
 *
 * Throws `UsageError` `invalid-request`. Amazon EventBridge, "Cron expressions"
 */
export function parseCron(text: string, at: string): Cron {
  const fields = (/^cron\((.*)\)$/.exec(text.trim())?.[1] ?? text).trim().split(/\s+/);
  const [minutes = "", hours = "", date = "", month = "", weekday = "", year = ""] = fields;
  if (fields.length !== 6) {
    throw invalidRequest(
      `${at} must be a cron expression of six fields (minutes hours day-of-month month day-of-week year), not ${fields.length}`,
    );
  }
  if ((date === "?") === (weekday === "?")) {
    throw invalidRequest(`${at}: exactly one of day-of-month and day-of-week must be ?`);
  }
  return {
    minutes: valuesIn(minutes, { name: `${at}, minutes`, from: 0, to: 59 }),
    hours: valuesIn(hours, { name: `${at}, hours`, from: 0, to: 23 }),
    months: valuesIn(month, { name: `${at}, month`, from: 1, to: 12, words: MONTHS }),
    years: valuesIn(year, { name: `${at}, year`, from: 1970, to: 2199 }),
    isDay: weekday === "?" ? dateTest(date, `${at}, day-of-month`) : weekdayTest(weekday, `${at}, day-of-week`),
  };
}

/** The first time after `after` that a cron expression means, milliseconds since 1970; undefined where none comes in eight years. */
export function nextTime({ minutes, hours, months, years, isDay }: Cron, after: number): number | undefined {
  const first = Math.floor(after / DAY) * DAY;
  for (let i = 0; i <= SEARCHED_DAYS; i++) {
    const midnight = first + i * DAY;
    const day = new Date(midnight);
    if (!years.has(day.getUTCFullYear()) || !months.has(day.getUTCMonth() + 1) || !isDay(day)) continue;
    for (let minute = 0; minute < 1440; minute++) {
      const time = midnight + minute * MINUTE;
      if (time > after && hours.has(Math.floor(minute / 60)) && minutes.has(minute % 60)) return time;
    }
  }
  return undefined;
}

type Field = {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  /** Names of the values from `from` on. */
  readonly words?: readonly string[];
};

function valuesIn(text: string, field: Field): Set<number> {
  const values = new Set<number>();
  for (const part of text.split(",")) {
    const [, range = "", step] = /^([^/]+)(?:\/(\d{1,4}))?$/.exec(part) ?? wrong(text, field);
    const by = step === undefined ? 1 : Number(step);
    const [low, high] = rangeOf(range, step !== undefined, field);
    if (by < 1 || low > high) wrong(text, field);
    for (let value = low; value <= high; value += by) values.add(value);
  }
  return values;
}

/** Both ends of `*`, `a-b` or `a`; `a` before a step goes on to the field's end. */
function rangeOf(range: string, isStepped: boolean, field: Field): readonly [low: number, high: number] {
  if (range === "*") return [field.from, field.to];
  const [low = "", high, ...rest] = range.split("-");
  if (rest.length > 0) wrong(range, field);
  const from = valueOf(low, field);
  return [from, high !== undefined ? valueOf(high, field) : isStepped ? field.to : from];
}

function valueOf(text: string, field: Field): number {
  const word = field.words?.indexOf(text.toUpperCase()) ?? -1;
  const value = word >= 0 ? field.from + word : /^\d{1,4}$/.test(text) ? Number(text) : wrong(text, field);
  return value < field.from || value > field.to ? wrong(text, field) : value;
}

function wrong(text: string, { name, from, to }: Field): never {
  throw invalidRequest(
    `${name} must be of ${from} to ${to}, with * , - and /; not ${JSON.stringify(text.slice(0, 64))}`,
  );
}

function dateTest(text: string, name: string): Cron["isDay"] {
  if (text === "L") return (day) => day.getUTCDate() === lastDateOf(day);
  const dates = valuesIn(text, { name, from: 1, to: 31 });
  return (day) => dates.has(day.getUTCDate());
}

function weekdayTest(text: string, name: string): Cron["isDay"] {
  const field = { name, from: 1, to: 7, words: WEEKDAYS };
  const [, one, last, nth] = /^(\w+?)(?:(L)|#([1-5]))$/.exec(text) ?? [];
  if (one !== undefined && (last ?? nth) !== undefined) {
    const wanted = valueOf(one, field);
    return (day) => {
      const date = day.getUTCDate();
      const isThere = last ? date > lastDateOf(day) - 7 : Math.ceil(date / 7) === Number(nth);
      return day.getUTCDay() + 1 === wanted && isThere;
    };
  }
  const weekdays = valuesIn(text, field);
  return (day) => weekdays.has(day.getUTCDay() + 1);
}

function lastDateOf(day: Date): number {
  return new Date(Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + 1, 0)).getUTCDate();
}
