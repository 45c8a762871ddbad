import type { Value } from "./sql-number.ts";
import { numberOf } from "./sql-value.ts";

const MAX_PATTERN = 256;
/** What JavaScript's dates reach. */
const MAX_TIME = 8.64e15;

/** One piece of a date pattern: letters that mean something, or text that stands for itself. */
type Piece = { readonly letter: string; readonly count: number } | { readonly text: string };

/** Text of a time by a pattern, UTC unless a zone is given. AWS IoT SQL reference, parse_time; patterns as in Joda-Time */
export function parseTime([pattern, time, zone = "UTC"]: readonly Value[]): Value {
  const milliseconds = numberOf(time);
  if (typeof pattern !== "string" || typeof zone !== "string" || milliseconds === undefined) return undefined;
  const pieces = piecesOf(pattern);
  if (!pieces || Math.abs(milliseconds) > MAX_TIME) return undefined;
  const shown = instantIn(Math.trunc(milliseconds), zone);
  if (!shown) return undefined;
  let text = "";
  for (const piece of pieces) {
    const part = "text" in piece ? piece.text : FIELDS[piece.letter]?.write(shown, piece.count);
    if (part === undefined) return undefined;
    text += part;
  }
  return text;
}

/** Milliseconds since 1970 of a text by a pattern, UTC where it names no zone. AWS IoT SQL reference, time_to_epoch */
export function timeToEpoch([text, pattern]: readonly Value[]): Value {
  if (typeof text !== "string" || typeof pattern !== "string" || text.length > MAX_PATTERN) return undefined;
  const pieces = piecesOf(pattern);
  if (!pieces) return undefined;
  const read: Read = { fields: { year: 1970, month: 1, day: 1, hour: 0, minute: 0, second: 0, ms: 0 }, zone: "UTC" };
  let at = 0;
  for (const [i, piece] of pieces.entries()) {
    if ("text" in piece) {
      if (!text.startsWith(piece.text, at)) return undefined;
      at += piece.text.length;
      continue;
    }
    // Where digits follow digits, only the count tells them apart.
    const next = pieces[i + 1];
    const isAdjacent = next !== undefined && "letter" in next;
    const end = FIELDS[piece.letter]?.read?.(read, { text: text.slice(at), count: piece.count, isAdjacent });
    if (end === undefined || end === 0) return undefined;
    at += end;
  }
  return at === text.length ? epochOf(read) : undefined;
}

type Fields = {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly ms: number;
};

/** A time as the clocks of a zone show it. */
type Shown = Fields & {
  readonly weekday: number;
  readonly zone: string;
  readonly offsetMs: number;
  readonly at: number;
};

/** What was read so far. `isPm` is set by AM and PM. */
type Read = { fields: { -readonly [K in keyof Fields]: number }; zone: string; isPm?: boolean };

/** `text` begins where the field begins; a reader gives how much of it the field is. */
type Source = { readonly text: string; readonly count: number; readonly isAdjacent: boolean };

type Field = {
  readonly write: (shown: Shown, count: number) => string | undefined;
  /** 0 or undefined where the text does not begin with such a field. */
  readonly read?: (into: Read, source: Source) => number | undefined;
};

const MONTHS = "January February March April May June July August September October November December".split(" ");
const DAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");

/** @table Pattern letters and what they show; years are those of the Gregorian calendar. */
const FIELDS: Readonly<Record<string, Field>> = {
  G: {
    write: ({ year }) => (year > 0 ? "AD" : "BC"),
    read: (_, { text }) => (/^(AD|BC)/.test(text) ? 2 : 0),
  },
  y: year(),
  u: year(),
  Y: year(),
  M: { write: writeMonth, read: readMonth },
  L: { write: writeMonth, read: readMonth },
  d: digits("day"),
  D: { write: (shown, count) => padded(dayOfYear(shown), count) },
  E: {
    write: ({ weekday }, count) => named(DAYS, weekday, count),
    read: (_, { text }) => nameIn(DAYS, text)?.length,
  },
  e: { write: ({ weekday }, count) => padded(weekday === 0 ? 7 : weekday, count) },
  a: {
    write: ({ hour }) => (hour < 12 ? "AM" : "PM"),
    read(into, { text }) {
      const half = /^(AM|PM)/i.exec(text)?.[0];
      if (half !== undefined) into.isPm = half.toUpperCase() === "PM";
      return half?.length;
    },
  },
  H: digits("hour"),
  k: { write: ({ hour }, count) => padded(hour === 0 ? 24 : hour, count) },
  K: { write: ({ hour }, count) => padded(hour % 12, count) },
  h: {
    write: ({ hour }, count) => padded(hour % 12 === 0 ? 12 : hour % 12, count),
    read(into, source) {
      const end = digits("hour").read?.(into, source);
      into.fields.hour %= 12;
      into.isPm ??= false;
      return end;
    },
  },
  m: digits("minute"),
  s: digits("second"),
  S: {
    write: ({ ms }, count) => `${padded(ms, 3)}${"0".repeat(Math.max(0, count - 3))}`.slice(0, count),
    read(into, { text, count }) {
      const fraction = new RegExp(`^\\d{${Math.min(count, 9)}}`).exec(text)?.[0];
      if (fraction !== undefined) into.fields.ms = Math.trunc(Number(`0.${fraction}`) * 1000 + 1e-9);
      return fraction?.length;
    },
  },
  z: {
    write: ({ at, zone, offsetMs }, count) => zoneName({ at, zone, offsetMs }, count < 4 ? "short" : "long"),
    read: readZone,
  },
  V: { write: ({ zone }) => zone, read: readZone },
  Z: {
    write: ({ zone, offsetMs }, count) => (count > 2 ? zone : offsetText(offsetMs, count === 2 ? ":" : "")),
    read: readZone,
  },
  X: {
    write: ({ offsetMs }, count) => (offsetMs === 0 ? "Z" : offsetText(offsetMs, count > 2 ? ":" : "")),
    read: readZone,
  },
  x: { write: ({ offsetMs }, count) => offsetText(offsetMs, count > 2 ? ":" : ""), read: readZone },
};

function year(): Field {
  return {
    write: ({ year }, count) => (count === 2 ? padded(Math.abs(year) % 100, 2) : padded(Math.abs(year), count)),
    read(into, { text, count, isAdjacent }) {
      const found = new RegExp(count === 2 ? "^\\d{2}" : isAdjacent ? `^\\d{${count}}` : "^\\d{1,6}").exec(text)?.[0];
      if (found !== undefined) into.fields.year = Number(found) + (count === 2 ? 2000 : 0);
      return found?.length;
    },
  };
}

function digits(field: keyof Fields): Field {
  return {
    write: (shown, count) => padded(shown[field], count),
    read(into, { text, count, isAdjacent }) {
      const found = new RegExp(isAdjacent ? `^\\d{${count}}` : `^\\d{${Math.min(count, 2)},2}`).exec(text)?.[0];
      if (found !== undefined) into.fields[field] = Number(found);
      return found?.length;
    },
  };
}

function writeMonth({ month }: Shown, count: number): string {
  return count > 2 ? named(MONTHS, month - 1, count) : padded(month, count);
}

function readMonth(into: Read, source: Source): number | undefined {
  if (source.count < 3) return digits("month").read?.(into, source);
  const found = nameIn(MONTHS, source.text);
  if (found) into.fields.month = found.index + 1;
  return found?.length;
}

/** A name in full or its first three letters, in any case. */
function nameIn(names: readonly string[], text: string): { index: number; length: number } | undefined {
  const lower = text.toLowerCase();
  const index = names.findIndex((name) => lower.startsWith(name.slice(0, 3).toLowerCase()));
  const name = names[index];
  if (name === undefined) return undefined;
  return { index, length: lower.startsWith(name.toLowerCase()) ? name.length : 3 };
}

function named(names: readonly string[], index: number, count: number): string {
  const name = names[index] ?? "";
  return count > 3 ? name : name.slice(0, 3);
}

function padded(value: number, count: number): string {
  return String(value).padStart(Math.min(count, 32), "0");
}

function offsetText(offsetMs: number, colon: string): string {
  const minutes = Math.round(Math.abs(offsetMs) / 60_000);
  return `${offsetMs < 0 ? "-" : "+"}${padded(Math.trunc(minutes / 60), 2)}${colon}${padded(minutes % 60, 2)}`;
}

function dayOfYear({ year, month, day }: Shown): number {
  return Math.round((utc({ year, month, day }) - utc({ year, month: 1, day: 1 })) / 86_400_000) + 1;
}

function piecesOf(pattern: string): readonly Piece[] | undefined {
  if (pattern.length > MAX_PATTERN) return undefined;
  const pieces: Piece[] = [];
  const parts = pattern.matchAll(/([A-Za-z])\1*|'((?:[^']|'')*)'|([^A-Za-z']+)|(')/g);
  for (const [all, letter, quoted, plain] of parts) {
    if (letter !== undefined) pieces.push({ letter, count: all.length });
    else if (quoted !== undefined) pieces.push({ text: quoted === "" ? "'" : quoted.replaceAll("''", "'") });
    else if (plain !== undefined) pieces.push({ text: plain });
    else return undefined;
  }
  return pieces.some((piece) => "letter" in piece && !Object.hasOwn(FIELDS, piece.letter)) ? undefined : pieces;
}

/** `+01:00`, `UTC+01:00`, `Z`, or undefined where the text names no fixed distance. */
function fixedOffset(zone: string): number | undefined {
  if (/^(UTC|GMT|UT|Z)$/i.test(zone)) return 0;
  const match = /^(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d{2}))?$/.exec(zone);
  if (!match) return undefined;
  const [, sign, hours, minutes = "0"] = match;
  const total = Number(hours) * 60 + Number(minutes);
  return total > 18 * 60 ? undefined : (sign === "-" ? -total : total) * 60_000;
}

function readZone(into: Read, { text }: Source): number | undefined {
  const zone = /^(?:(?:UTC|GMT|UT)?[+-]\d{1,2}(?::?\d{2})?|[A-Za-z]+(?:[/_-][A-Za-z_]+)*)/.exec(text)?.[0];
  if (zone === undefined || offsetAt(0, zone) === undefined) return undefined;
  into.zone = zone;
  return zone.length;
}

/** How far a zone's clocks are ahead of UTC at a time, or undefined for a zone that is none. */
function offsetAt(at: number, zone: string): number | undefined {
  const fixed = fixedOffset(zone);
  if (fixed !== undefined) return fixed;
  const parts = partsIn(at, zone);
  return parts && utc(parts) - Math.floor(at / 1000) * 1000;
}

function partsIn(at: number, timeZone: string): Fields | undefined {
  try {
    const options = { timeZone, hourCycle: "h23", era: "short" } as const;
    const numeric = { year: "numeric", month: "numeric", day: "numeric" } as const;
    const time = { hour: "numeric", minute: "numeric", second: "numeric" } as const;
    const parts = new Intl.DateTimeFormat("en-US", { ...options, ...numeric, ...time }).formatToParts(at);
    const of = (type: string) => Number(parts.find((part) => part.type === type)?.value);
    const era = parts.find((part) => part.type === "era")?.value;
    const year = era === "BC" ? 1 - of("year") : of("year");
    return {
      year,
      month: of("month"),
      day: of("day"),
      hour: of("hour"),
      minute: of("minute"),
      second: of("second"),
      ms: 0,
    };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function instantIn(at: number, zone: string): Shown | undefined {
  const offsetMs = offsetAt(at, zone);
  if (offsetMs === undefined || Math.abs(at + offsetMs) > MAX_TIME) return undefined;
  const date = new Date(at + offsetMs);
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    ms: date.getUTCMilliseconds(),
    weekday: date.getUTCDay(),
    zone,
    offsetMs,
    at,
  };
}

function zoneName({ at, zone, offsetMs }: Pick<Shown, "at" | "zone" | "offsetMs">, form: "short" | "long"): string {
  if (fixedOffset(zone) !== undefined) return offsetMs === 0 ? "UTC" : offsetText(offsetMs, ":");
  const parts = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: form }).formatToParts(at);
  return parts.find((part) => part.type === "timeZoneName")?.value ?? zone;
}

function epochOf({ fields, zone, isPm }: Read): Value {
  const { year, month, day, hour, minute, second } = fields;
  const isDate = month >= 1 && month <= 12 && day >= 1 && day <= 31;
  if (!isDate || hour > 23 || minute > 59 || second > 59) return undefined;
  const local = utc({ ...fields, hour: hour + (isPm === true && hour < 12 ? 12 : 0) });
  // 31 February would be March.
  if (new Date(utc({ year, month, day })).getUTCDate() !== day) return undefined;
  const guess = offsetAt(local, zone);
  if (guess === undefined) return undefined;
  // The distance at the time itself: around a change of the clocks it is another than at the guess.
  const offset = offsetAt(local - guess, zone) ?? guess;
  return local - offset;
}

type SomeFields = Pick<Fields, "year" | "month" | "day"> & Partial<Fields>;

function utc({ year, month, day, hour = 0, minute = 0, second = 0, ms = 0 }: SomeFields): number {
  // Years below 100 are not the twentieth century's.
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second, ms);
  return date.getTime();
}
