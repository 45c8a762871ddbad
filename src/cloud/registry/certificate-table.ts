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
 * The profile is what fleets have in common, by its number; a row without one is free. Things are none, one or several:
 * their names stand beside the rows, where a processor fetches them before it has seen the row.
 */
export class CertificateTable {
  readonly #parts: Part[] = Array.from({ length: PARTS }, () => newPart(FIRST_ROWS));
  readonly #profiles = new SharedValues<Profile>();
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

  /** How many different profiles its certificates have. */
  get profiles(): number {
    return this.#profiles.size;
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
    return { id, status, caId, mode, registeredAt, policies, things: thingsAt(part, at) };
  }

  /** Puts, replaces or (without `entry`) removes. Throws `UsageError` `invalid-request` for an id that is none. */
  set(id: string, entry: CertificateEntry | undefined): void {
    if (!readId(id, this.#key)) throw invalidRequest(`${JSON.stringify(id)} is no certificate id of 64 hex digits`);
    const hash = this.#hash(this.#key, 0);
    const part = this.#partOf(hash);
    const at = this.#find(part, hash);
    const { words, times } = part;
    const profile = words[at + PROFILE] ?? 0;
    if (entry) {
      words.set(this.#key, at);
      // Before the old one is released: what stays is not dropped in between.
      words[at + PROFILE] = this.#profiles.take(profileKey(entry), () => profileOf(entry));
      putThings(part, at, entry.things);
      times[(at + REGISTERED_AT) / 2] = entry.registeredAt;
      if (profile === 0) this.#added(part, hash);
    } else if (profile !== 0) {
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
  #grown({ words, things, used, mask }: Part): Part {
    const grown = newPart(2 * (mask + 1));
    grown.used = used;
    for (let row = 0; row <= mask; row++) {
      const at = row * ROW_WORDS;
      if (words[at + PROFILE] === 0) continue;
      let to = this.#hash(words, at) & grown.mask;
      while (grown.words[to * ROW_WORDS + PROFILE] !== 0) to = (to + 1) & grown.mask;
      grown.words.set(words.subarray(at, at + ROW_WORDS), to * ROW_WORDS);
      grown.things[to] = things[row];
    }
    return grown;
  }

  /** Frees a row, and moves up what stands behind it as far as it would rather stand there: no search ends too early. */
  #remove(part: Part, at: number): void {
    const { words, things, mask } = part;
    this.#size -= 1;
    part.used -= 1;
    let hole = at / ROW_WORDS;
    for (let row = (hole + 1) & mask; words[row * ROW_WORDS + PROFILE] !== 0; row = (row + 1) & mask) {
      const home = this.#hash(words, row * ROW_WORDS) & mask;
      if (((row - home) & mask) < ((row - hole) & mask)) continue;
      words.copyWithin(hole * ROW_WORDS, row * ROW_WORDS, (row + 1) * ROW_WORDS);
      things[hole] = things[row];
      hole = row;
    }
    words.fill(0, hole * ROW_WORDS, (hole + 1) * ROW_WORDS);
    things[hole] = undefined;
  }
}

/** What of its entry a certificate shares with others. */
type Profile = Pick<CertificateEntry, "status" | "caId" | "mode" | "policies">;

/** Rows, also as the doubles in them, and the things of each; at most three quarters are used. */
type Part = {
  readonly words: Uint32Array;
  readonly times: Float64Array;
  readonly things: Things[];
  readonly mask: number;
  used: number;
};

/** Nearly every certificate has one, whose name is kept without a list. */
type Things = undefined | string | readonly string[];

const NONE: readonly never[] = [];

const ID_WORDS = 8;
const PROFILE = 8;
const THINGS = 9;
const ONE = 1;
const SEVERAL = 2;
const REGISTERED_AT = 10;
const ROW_WORDS = 12;

/** The highest bits of the hash say which part, the lowest which row. */
const PART_SHIFT = 26;
const PARTS = 1 << (32 - PART_SHIFT);
const FIRST_ROWS = 8;
const NO_PART = newPart(0);

function newPart(rows: number): Part {
  const words = new Uint32Array(rows * ROW_WORDS);
  const things = Array<Things>(rows).fill(undefined);
  return { words, times: new Float64Array(words.buffer), things, mask: rows - 1, used: 0 };
}

function thingsAt({ words, things }: Part, at: number): readonly string[] {
  const names = things[at / ROW_WORDS];
  // To ask the names themselves what they are would wait for memory once more.
  switch (words[at + THINGS]) {
    case ONE:
      return [names as string];
    case SEVERAL:
      return names as readonly string[];
    default:
      return NONE;
  }
}

function putThings({ words, things }: Part, at: number, [first, ...others]: readonly string[]): void {
  words[at + THINGS] = first === undefined ? 0 : others.length === 0 ? ONE : SEVERAL;
  things[at / ROW_WORDS] = first === undefined || others.length === 0 ? first : Object.freeze([first, ...others]);
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
