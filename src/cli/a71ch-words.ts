import { fromHex, toHex, UsageError } from "../codec/index.ts";
import { type A71chToolErrorCode, toolError } from "./a71ch-errors.ts";

/** Part of a command line: what it looks like in the help, and how it is taken from the words that are left. */
export type Part<Given> = {
  readonly usage: string;
  readonly flags: readonly string[];
  readonly optional: boolean;
  take(words: Words): void;
  /** Never set; carries the type of what is given. */
  readonly given?: Given;
};

/** What the parts of a form give together. */
export type GivenBy<Parts extends readonly Part<unknown>[]> = Intersection<
  { [K in keyof Parts]: Parts[K] extends Part<infer Given> ? Given : never }[number]
>;

// Functions of each type, taken together, take what is all of them.
type Intersection<Union> = (Union extends unknown ? (of: Union) => void : never) extends (of: infer All) => void
  ? All
  : never;

/** The words of a command, taken in pairs from the front, and what is to be said of those that the original tool passes over. */
export class Words {
  readonly given: Record<string, unknown> = {};
  readonly remarks: string[] = [];
  readonly #words: readonly string[];
  #at = 0;

  constructor(words: readonly string[]) {
    this.#words = words;
  }

  get next(): string | undefined {
    return this.#words[this.#at];
  }

  /** The value behind a flag. Throws `tool-count` where the words end before it, `tool-option` for another flag. */
  valueOf(flags: readonly string[]): string {
    const [flag, value] = this.#words.slice(this.#at, this.#at + 2);
    if (flag === undefined || value === undefined) {
      throw toolError("tool-count", flag === undefined ? `${flags.join(" or ")} is missing` : `${flag} has no value`);
    }
    if (!flags.includes(flag)) throw toolError("tool-option", `${flags.join(" or ")} belongs here, not ${flag}`);
    return value;
  }

  /** Goes on behind a flag and its value. */
  taken(): void {
    this.#at += 2;
  }

  /** Throws `tool-count` where words are left over. */
  endHere(): void {
    if (this.next !== undefined) throw toolError("tool-count", `${this.next} is one word too many`);
  }

  /** Passes over what is left, as the original tool does, and remarks on it: `why`, or that it is too much. */
  passOver(why?: string): void {
    const left = this.#words.slice(this.#at);
    this.#at = this.#words.length;
    if (left.length === 0 || left[0]?.startsWith("#")) return;
    // What stands there may be a key.
    const shown = left.map((word) => (word.length < 32 ? word : `(${word.length} characters)`)).join(" ");
    const cause = why ?? "the command takes no more, or not in this order";
    this.remarks.push(`"${shown}" was passed over: ${cause}; "help" gives the options in their order`);
  }
}

/** What an option's value may be; `text` stands for it in the help. What is read otherwise than it looks is remarked on. */
export type ValueForm<T> = { readonly text: string; read(value: string, flag: string, remarks: string[]): T };

/** A flag and its value, which is given under `name`. */
export function option<Name extends string, T>(
  flag: string,
  name: Name,
  form: ValueForm<T>,
): Part<Readonly<Record<Name, T>>> {
  return {
    usage: `${flag} <${form.text}>`,
    flags: [flag],
    optional: false,
    take(words) {
      words.given[name] = form.read(words.valueOf([flag]), flag, words.remarks);
      words.taken();
    },
  };
}

/** A part that may be missing. */
export function maybe<Given>(part: Part<Given>): Part<Partial<Given>> {
  return { usage: `[${part.usage}]`, flags: part.flags, optional: true, take: (words) => part.take(words) };
}

/**
 * A part that may be missing, and that counts as missing, with all that follows, where the original tool takes no notice
 * of these faults.
 */
export function lenient<Given>(part: Part<Given>, ...faults: readonly A71chToolErrorCode[]): Part<Partial<Given>> {
  return {
    ...maybe(part),
    take(words) {
      try {
        part.take(words);
      } catch (error) {
        if (!(error instanceof UsageError) || !faults.some((fault) => fault === error.code)) throw error;
        words.passOver(error.message);
      }
    },
  };
}

/** Parts one behind the other, as one. */
export function all<Parts extends readonly Part<unknown>[]>(...parts: Parts): Part<GivenBy<Parts>> {
  return {
    usage: parts.map((part) => part.usage).join(" "),
    flags: parts[0]?.flags ?? [],
    optional: false,
    take: (words) => takeAll(parts, words),
  };
}

/** One of several parts; the flag in front tells which. */
export function either<Parts extends readonly Part<unknown>[]>(...parts: Parts): Part<Partial<GivenBy<Parts>>> {
  const flags = parts.flatMap((part) => part.flags);
  return {
    usage: `[${parts.map((part) => part.usage).join(" | ")}]`,
    flags,
    optional: false,
    take(words) {
      const found = parts.find((part) => part.flags.includes(words.next ?? ""));
      if (found) found.take(words);
      else words.valueOf(flags);
    },
  };
}

/** Takes parts in their order; an optional one whose flag is not next is passed over. */
export function takeAll(parts: readonly Part<unknown>[], words: Words): void {
  for (const part of parts) {
    if (!part.optional || part.flags.includes(words.next ?? "")) part.take(words);
  }
}

/**
 * A whole number within bounds: `tool-value` where it is none, `tool-range` outside. It ends at the first character that
 * is no decimal digit, as in the original tool: 0x1 is 0.
 */
export function integer(least: number, most: number): ValueForm<number> {
  return {
    text: "int",
    read(value, flag, remarks) {
      const [, digits, rest] = /^\s*([+-]?\d+)(.*)$/s.exec(value) ?? [];
      if (digits === undefined) throw toolError("tool-value", `${flag} ${value} is not a whole number`);
      const number = Number(digits);
      if (number < least || number > most) {
        throw toolError("tool-range", `${flag} ${value} is not within ${least}..${most}`);
      }
      if (rest !== "") remarks.push(takenAsDecimal(flag, value, number));
      return number + 0;
    },
  };
}

function takenAsDecimal(flag: string, value: string, number: number): string {
  const meant = /^\s*0x[0-9a-f]+$/i.test(value)
    ? `; if you mean ${Number(value.trim())}, type ${flag} ${Number(value.trim())}`
    : "";
  return `${flag} ${value} is taken as ${number}: numbers are decimal and end at the first other character${meant}`;
}

/**
 * Bytes in hex of one of these lengths; two lengths with `to` between are a range. Each two characters are a byte, read as
 * the original tool reads them: a space, sign or 0x in front of the digits counts as a character of its own byte.
 */
export function hex(
  ...lengths: readonly (number | { readonly from: number; readonly to: number })[]
): ValueForm<Uint8Array> {
  const fits = (bytes: number) =>
    lengths.some((each) => (typeof each === "number" ? bytes === each : bytes >= each.from && bytes <= each.to));
  const names = lengths.map((each) => (typeof each === "number" ? String(each) : `${each.from}..${each.to}`));
  return {
    text: "hex",
    read(value, flag, remarks) {
      if (value.length % 2 !== 0 || !fits(value.length / 2)) {
        throw toolError(
          "tool-value",
          `${flag} has ${value.length} hex digits, not those of ${names.join(" or ")} bytes`,
        );
      }
      if (/^[0-9a-fA-F]*$/.test(value)) return fromHex(value.toLowerCase());
      const bytes = (value.match(/../gs) ?? []).map(looseByte);
      // The value may be a key: it is not repeated.
      if (bytes.includes(undefined)) throw toolError("tool-value", `${flag} is followed by other than hex digits`);
      const at = bytes.findIndex((_, i) => !/^[0-9a-fA-F]{2}$/.test(value.slice(2 * i, 2 * i + 2)));
      remarks.push(
        `${flag} is not all hex digits, and its byte ${at + 1} is taken as ${toHex(Uint8Array.of(bytes[at] ?? 0))}: two characters are a byte; write hex without 0x, spaces and signs`,
      );
      return Uint8Array.from(bytes, (byte) => byte ?? 0);
    },
  };
}

/** Two characters as the C library's strtoul reads them in base 16; undefined where it reads no digit. C17, section 7.22.1.4 */
function looseByte(pair: string): number | undefined {
  const [, sign, digits] = /^\s*([+-]?)([0-9a-fA-F]+)/.exec(pair) ?? [];
  if (digits === undefined) return undefined;
  const value = Number.parseInt(digits, 16);
  return (sign === "-" ? -value : value) & 0xff;
}

/** A big-endian number of two bytes in hex; `text` says of what. */
export function hexNumber(text: string): ValueForm<number> {
  const form = hex(2);
  return {
    text,
    read: (value, flag, remarks) => form.read(value, flag, remarks).reduce((number, byte) => number * 256 + byte, 0),
  };
}

/** A file's name. */
export function file(text: string): ValueForm<string> {
  return {
    text,
    read(value, flag) {
      if (value.includes("\0")) throw toolError("tool-value", `${flag} needs the name of a file`);
      return value;
    },
  };
}

/** One of a few words, which stand for values. The first `shown` of them are named in the help. */
export function choice<T>(words: Readonly<Record<string, T>>, shown: number): ValueForm<T> {
  const names = Object.keys(words).slice(0, shown).join("|");
  return {
    text: names,
    read(value, flag) {
      if (!Object.hasOwn(words, value)) throw toolError("tool-value", `${flag} ${value} is not ${names}`);
      return words[value] as T;
    },
  };
}

/** A byte in hex that one of these should be; another is `tool-range` where it is refused, else remarked on. */
export function oneByte(text: string, known: readonly number[], refusesOthers: boolean): ValueForm<number> {
  return {
    text,
    read(value, flag, remarks) {
      const [byte = 0] = hex(1).read(value, flag, remarks);
      if (!known.includes(byte) && refusesOthers) throw toolError("tool-range", `${flag} ${value} is not ${text}`);
      if (!known.includes(byte))
        remarks.push(`${flag} ${value} is not ${text}: no program will find a key by this class`);
      return byte;
    },
  };
}

/** A part whose faulty value is told as if its flag did not belong there: the original tool then looks for another flag. */
export function orAnotherFlag<Given>(part: Part<Given>): Part<Given> {
  return {
    ...part,
    take(words) {
      try {
        part.take(words);
      } catch (error) {
        if (!(error instanceof UsageError) || error.code !== "tool-value") throw error;
        throw toolError("tool-option", `${error.message}, and no other option stands there`, { cause: error });
      }
    },
  };
}
