import { Listeners } from "./changes.ts";

/** A thing group as connections ask for it. */
export type GroupEntry = {
  readonly name: string;
  readonly parent: string | undefined;
  /** Names of attached policies, in order of attachment. */
  readonly policies: readonly string[];
};

const NONE: readonly never[] = [];

/** Groups and their members in memory: which policies a thing inherits, answered without touching the disk. */
export class GroupIndex {
  /** Told of each change of a group, of its policies or of its members, after it can be seen here. */
  readonly changes = new Listeners<void>();
  readonly #groups = new Map<string, GroupEntry>();
  readonly #ofThing = new Map<string, readonly string[]>();
  #epoch = 0;

  /** Rises with every change: an answer is as good as its epoch. */
  get epoch(): number {
    return this.#epoch;
  }

  group(name: string): GroupEntry | undefined {
    return this.#groups.get(name);
  }

  groupsOf(thing: string): readonly string[] {
    return this.#ofThing.get(thing) ?? NONE;
  }

  /** A group with its parents, itself first. */
  lineage(name: string): readonly GroupEntry[] {
    const found: GroupEntry[] = [];
    for (let group = this.#groups.get(name); group;) {
      found.push(group);
      group = group.parent === undefined ? undefined : this.#groups.get(group.parent);
    }
    return found;
  }

  /** Names of the policies that things inherit from their groups and the parents of these; each once. */
  policiesOf(things: readonly string[]): readonly string[] {
    if (this.#groups.size === 0) return NONE;
    const groups = things.flatMap((thing) => this.groupsOf(thing));
    return [...new Set(groups.flatMap((name) => this.lineage(name).flatMap(({ policies }) => policies)))];
  }

  /** Puts, replaces or (without `entry`) removes a group. */
  setGroup(name: string, entry: GroupEntry | undefined): void {
    if (entry) this.#groups.set(name, entry);
    else this.#groups.delete(name);
    this.#changed();
  }

  setGroupsOf(thing: string, groups: readonly string[]): void {
    if (groups.length === 0 && !this.#ofThing.has(thing)) return;
    if (groups.length > 0) this.#ofThing.set(thing, groups);
    else this.#ofThing.delete(thing);
    this.#changed();
  }

  #changed(): void {
    this.#epoch += 1;
    this.changes.tell();
  }
}
