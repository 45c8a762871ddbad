import { fromHex } from "../codec/index.ts";
import { toolError } from "./a71ch-errors.ts";

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

/** The words of a command, taken in pairs from the front. */
export class Words {
  readonly given: Record<string, unknown> = {};
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
    this.#at += 2;
    return value;
  }

  /** Throws `tool-count` where words are left over. */
  end(): void {
    if (this.next !== undefined) throw toolError("tool-count", `${this.next} is one word too many`);
  }
}

/** What an option's value may be; `text` stands for it in the help. */
export type ValueForm<T> = { readonly text: string; read(value: string, flag: string): T };

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
    take: (words) => void (words.given[name] = form.read(words.valueOf([flag]), flag)),
  };
}

/** A part that may be missing. */
export function maybe<Given>(part: Part<Given>): Part<Partial<Given>> {
  return { usage: `[${part.usage}]`, flags: part.flags, optional: true, take: (words) => part.take(words) };
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

/** A whole number within bounds: `tool-value` where it is none, `tool-range` outside. */
export function integer(least: number, most: number): ValueForm<number> {
  return {
    text: "int",
    read(value, flag) {
      if (!/^[+-]?\d{1,9}$/.test(value)) throw toolError("tool-value", `${flag} ${value} is not a whole number`);
      const number = Number(value);
      if (number < least || number > most) {
        throw toolError("tool-range", `${flag} ${value} is not within ${least}..${most}`);
      }
      return number;
    },
  };
}

/** Bytes in hex of one of these lengths; two lengths with `to` between are a range. */
export function hex(
  ...lengths: readonly (number | { readonly from: number; readonly to: number })[]
): ValueForm<Uint8Array> {
  const fits = (bytes: number) =>
    lengths.some((each) => (typeof each === "number" ? bytes === each : bytes >= each.from && bytes <= each.to));
  const names = lengths.map((each) => (typeof each === "number" ? String(each) : `${each.from}..${each.to}`));
  return {
    text: "hex",
    read(value, flag) {
      // The value may be a key: it is not repeated.
      if (!/^[0-9a-fA-F]*$/.test(value)) throw toolError("tool-value", `${flag} is followed by other than hex digits`);
      if (value.length % 2 !== 0 || !fits(value.length / 2)) {
        throw toolError(
          "tool-value",
          `${flag} has ${value.length} hex digits, not those of ${names.join(" or ")} bytes`,
        );
      }
      return fromHex(value.toLowerCase());
    },
  };
}

/** A big-endian number of two bytes in hex. */
export const hexOffset: ValueForm<number> = {
  text: "hex offset",
  read: (value, flag) =>
    hex(2)
      .read(value, flag)
      .reduce((number, byte) => number * 256 + byte, 0),
};

/** A file's name. */
export function file(text: string): ValueForm<string> {
  return {
    text,
    read(value, flag) {
      if (value === "" || value.includes("\0")) throw toolError("tool-value", `${flag} needs the name of a file`);
      return value;
    },
  };
}

/** One of a few words, which stand for values; letters may be large or small. */
export function choice<T>(words: Readonly<Record<string, T>>, code: "tool-value" | "tool-range"): ValueForm<T> {
  const names = Object.keys(words).join("|");
  return {
    text: names,
    read(value, flag) {
      const key = value.toLowerCase();
      if (!Object.hasOwn(words, key)) throw toolError(code, `${flag} ${value} is not ${names}`);
      return words[key] as T;
    },
  };
}
