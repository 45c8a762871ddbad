import type { Entropy } from "../../crypto/index.ts";
import { invalidRequest } from "../errors.ts";
import type { CertificateEntry } from "./entries.ts";
import { SharedValues } from "./shared-values.ts";

/**
 * Every registered certificate's entry, packed, so that to find one among a million waits for memory once more than among
 * a thousand does. The entries that it gives are made when they are asked for.
 *
 * A certificate has a row in one of the table's parts: in the place that its id says, or in the next free one after it.
 * A row is 12 words of 32 bits:
 *
 *     0    1    2    3    4    5    6    7    8        9       10  11
 *     id (SHA-256)                            profile  things  registeredAt (a double)
 *
 * The profile is what fleets have in common, by its number; a row without one is free. Things are a place in a list of
 * names.
 */
export class CertificateTable {
  readonly #parts: Part[] = Array.from({ length: PARTS }, () => newPart(FIRST_ROWS));
  readonly #profiles = new SharedValues<Profile>();
  readonly #things = new ThingNames();
  /** The id that is being looked for. */
  readonly #key = new Uint32Array(ID_WORDS);
  /** Secret, or certificates could be made whose ids all want the same row. */
  readonly #salt: readonly [number, number, number, number];
  #size = 0;

  constructor(entropy: Entropy) {
    const { buffer, byteOffset } = entropy.bytes(16);
    const view = new DataView(buffer, byteOffset);
    this.#salt = [view.getUint32(0), view.getUint32(4) | 1, view.getUint32(8), view.getUint32(12) | 1];
  }

  get size(): number {
    return this.#size;
  }

  /** The entry of an id in lower-case hex; who asks for anything else finds nothing. */
  get(id: string): CertificateEntry | undefined {
    if (!readId(id, this.#key)) return undefined;
    const hash = this.#hash(this.#key, 0);
    const part = this.#partOf(hash);
    const at = this.#find(part, hash);
    const profile = this.#profiles.at(part.words[at + PROFILE] ?? 0);
    if (!profile) return undefined;
    const { status, caId, mode, policies } = profile;
    const registeredAt = part.times[(at + REGISTERED_AT) / 2] ?? 0;
    return { id, status, caId, mode, registeredAt, policies, things: this.#things.at(part.words[at + THINGS] ?? 0) };
  }

  /** Puts, replaces or (without `entry`) removes. Throws `UsageError` `invalid-request` for an id that is none. */
  set(id: string, entry: CertificateEntry | undefined): void {
    if (!readId(id, this.#key)) throw invalidRequest(`${JSON.stringify(id)} is no certificate id of 64 hex digits`);
    const hash = this.#hash(this.#key, 0);
    const part = this.#partOf(hash);
    const at = this.#find(part, hash);
    const { words, times } = part;
    const [profile = 0, things = 0] = words.subarray(at + PROFILE, at + THINGS + 1);
    if (entry) {
      words.set(this.#key, at);
      // Before the old one is released: what stays is not dropped in between.
      words[at + PROFILE] = this.#profiles.take(profileKey(entry), () => profileOf(entry));
      words[at + THINGS] = this.#things.replace(things, entry.things);
      times[(at + REGISTERED_AT) / 2] = entry.registeredAt;
      if (profile === 0) this.#added(part, hash);
    } else if (profile !== 0) {
      this.#things.replace(things, NONE);
      this.#remove(part, at);
    }
    this.#profiles.release(profile);
  }

  #partOf(hash: number): Part {
    return this.#parts[hash >>> PART_SHIFT] ?? NO_PART;
  }

  /** Where the row of the id that is looked for starts, or, where there is none, the free row for it. */
  #find({ words, mask }: Part, hash: number): number {
    const key = this.#key;
    for (let row = hash & mask; ; row = (row + 1) & mask) {
      const at = row * ROW_WORDS;
      if (words[at + PROFILE] === 0 || isKeyAt(words, at, key)) return at;
    }
  }

  /** Ids are evenly spread already; this is against who chooses them. */
  #hash(words: Uint32Array, at: number): number {
    const [add0, times0, add1, times1] = this.#salt;
    const mixed = Math.imul((words[at] ?? 0) + add0, times0) ^ Math.imul((words[at + 1] ?? 0) + add1, times1);
    const spread = Math.imul(mixed ^ (mixed >>> 16), 0x9e3779b1);
    return (spread ^ (spread >>> 15)) >>> 0;
  }

  #added(part: Part, hash: number): void {
    this.#size += 1;
    part.used += 1;
    if (part.used * 4 > (part.mask + 1) * 3) this.#parts[hash >>> PART_SHIFT] = this.#grown(part);
  }

  /** A part with twice as many rows. One grows at a time: nobody waits until a million certificates have moved. */
  #grown({ words, used, mask }: Part): Part {
    const grown = newPart(2 * (mask + 1));
    grown.used = used;
    for (let at = 0; at < words.length; at += ROW_WORDS) {
      if (words[at + PROFILE] === 0) continue;
      let row = this.#hash(words, at) & grown.mask;
      while (grown.words[row * ROW_WORDS + PROFILE] !== 0) row = (row + 1) & grown.mask;
      grown.words.set(words.subarray(at, at + ROW_WORDS), row * ROW_WORDS);
    }
    return grown;
  }

  /** Frees a row, and moves up what stands behind it as far as it would rather stand there: no search ends too early. */
  #remove(part: Part, at: number): void {
    const { words, mask } = part;
    this.#size -= 1;
    part.used -= 1;
    let hole = at / ROW_WORDS;
    for (let row = (hole + 1) & mask; words[row * ROW_WORDS + PROFILE] !== 0; row = (row + 1) & mask) {
      const home = this.#hash(words, row * ROW_WORDS) & mask;
      if (((row - home) & mask) < ((row - hole) & mask)) continue;
      words.copyWithin(hole * ROW_WORDS, row * ROW_WORDS, (row + 1) * ROW_WORDS);
      hole = row;
    }
    words.fill(0, hole * ROW_WORDS, (hole + 1) * ROW_WORDS);
  }
}

/** What of its entry a certificate shares with others. */
type Profile = Pick<CertificateEntry, "status" | "caId" | "mode" | "policies">;

/** Rows, also as the doubles in them, of which at most three quarters are used. */
type Part = { readonly words: Uint32Array; readonly times: Float64Array; readonly mask: number; used: number };

const NONE: readonly never[] = [];

const ID_WORDS = 8;
const PROFILE = 8;
const THINGS = 9;
const REGISTERED_AT = 10;
const ROW_WORDS = 12;

/** The highest bits of the hash say which part, the lowest which row. */
const PART_SHIFT = 26;
const PARTS = 1 << (32 - PART_SHIFT);
const FIRST_ROWS = 8;
const NO_PART = newPart(0);

function newPart(rows: number): Part {
  const words = new Uint32Array(rows * ROW_WORDS);
  return { words, times: new Float64Array(words.buffer), mask: rows - 1, used: 0 };
}

function profileKey({ status, mode, caId = "", policies }: Profile): string {
  // No name has a line break in it.
  return `${status}\n${mode}\n${caId}\n${policies.join("\n")}`;
}

function profileOf({ status, mode, caId, policies }: Profile): Profile {
  return { status, mode, caId, policies: Object.freeze([...policies]) };
}

function isKeyAt(words: Uint32Array, at: number, key: Uint32Array): boolean {
  for (let i = 0; i < ID_WORDS; i++) if (words[at + i] !== key[i]) return false;
  return true;
}

/** Names of things by place, of which 0 has none. Nearly every certificate has one, which is kept without a list. */
class ThingNames {
  readonly #ones: string[] = [""];
  readonly #lists = new Map<number, readonly string[]>();
  readonly #free: number[] = [];

  at(place: number): readonly string[] {
    if (place === 0) return NONE;
    const list = this.#lists.size === 0 ? undefined : this.#lists.get(place);
    return list ?? [this.#ones[place] ?? ""];
  }

  /** Puts names in place of others; the place where they are now. */
  replace(place: number, [first, ...others]: readonly string[]): number {
    if (first === undefined) return this.#drop(place);
    const at = place === 0 ? (this.#free.pop() ?? this.#ones.length) : place;
    this.#ones[at] = first;
    if (others.length > 0) this.#lists.set(at, Object.freeze([first, ...others]));
    else this.#lists.delete(at);
    return at;
  }

  #drop(place: number): number {
    if (place === 0) return 0;
    this.#ones[place] = "";
    this.#lists.delete(place);
    this.#free.push(place);
    return 0;
  }
}

/** By character code: the value of a lower-case hex digit, and 255 of everything else. */
const DIGITS = new Uint8Array(128).fill(255);
for (let value = 0; value < 16; value++) DIGITS[value.toString(16).charCodeAt(0)] = value;

/** Reads an id into words; false where it is none. */
function readId(id: string, words: Uint32Array): boolean {
  if (id.length !== ID_WORDS * 8) return false;
  let seen = 0;
  for (let i = 0; i < ID_WORDS; i++) {
    let word = 0;
    for (let at = 8 * i; at < 8 * i + 8; at++) {
      const digit = DIGITS[id.charCodeAt(at)] ?? 255;
      seen |= digit;
      word = (word << 4) | digit;
    }
    words[i] = word;
  }
  return seen < 16;
}
