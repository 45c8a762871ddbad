/** A level of some filters. What is empty is absent: most nodes of a fleet's trie hold one thing only. */
type Node<T> = {
  children?: Map<string, Node<T>>;
  /** Values of the filter that ends here. */
  here?: Set<T>;
  /** Values of the filter that ends here with `/#`. */
  below?: Set<T>;
};

/**
 * Values by topic filter, found by topic name in time proportional to the topic's levels and the matches.
 * MQTT 5.0, section 4.7
 */
export class TopicTrie<T> {
  readonly #root: Node<T> = {};
  readonly #multiLevelMatchesParent: boolean;
  #size = 0;

  constructor(options: { readonly multiLevelMatchesParent: boolean }) {
    this.#multiLevelMatchesParent = options.multiLevelMatchesParent;
  }

  /** How many pairs of filter and value are held. */
  get size(): number {
    return this.#size;
  }

  /** Adds a value under a filter, which must be valid; adding the same value again changes nothing. */
  add(filter: string, value: T): void {
    let node = this.#root;
    const levels = filter.split("/");
    const isMultiLevel = levels.at(-1) === "#";
    if (isMultiLevel) levels.pop();
    for (const level of levels) {
      const children = (node.children ??= new Map());
      let child = children.get(level);
      if (!child) children.set(level, (child = {}));
      node = child;
    }
    const set = isMultiLevel ? (node.below ??= new Set()) : (node.here ??= new Set());
    if (!set.has(value)) this.#size += 1;
    set.add(value);
  }

  /** Takes a value out; gives whether it was there. */
  remove(filter: string, value: T): boolean {
    const levels = filter.split("/");
    const isMultiLevel = levels.at(-1) === "#";
    if (isMultiLevel) levels.pop();
    const path: Node<T>[] = [this.#root];
    for (const level of levels) {
      const child = path.at(-1)?.children?.get(level);
      if (!child) return false;
      path.push(child);
    }
    const last = path.at(-1) ?? this.#root;
    const removed = (isMultiLevel ? last.below : last.here)?.delete(value) ?? false;
    if (removed) this.#size -= 1;
    this.#prune(path, levels);
    return removed;
  }

  /** All values whose filters match a topic name; a value under several matching filters comes several times. */
  match(topic: string): T[] {
    const found: T[] = [];
    const levels = topic.split("/");
    // "The Server MUST NOT match Topic Filters starting with a wildcard character with Topic Names beginning with $"
    this.#collect(this.#root, { levels, at: 0, wildcards: !topic.startsWith("$") }, found);
    return found;
  }

  #collect(node: Node<T>, place: { levels: readonly string[]; at: number; wildcards: boolean }, found: T[]): void {
    const { levels, at, wildcards } = place;
    const ended = at === levels.length;
    if (node.below && wildcards && (!ended || this.#multiLevelMatchesParent)) {
      for (const value of node.below) found.push(value);
    }
    if (ended) {
      if (node.here) for (const value of node.here) found.push(value);
      return;
    }
    const next = { levels, at: at + 1, wildcards: true };
    const child = node.children?.get(levels[at] ?? "");
    if (child) this.#collect(child, next, found);
    const plus = wildcards ? node.children?.get("+") : undefined;
    if (plus) this.#collect(plus, next, found);
  }

  #prune(path: readonly Node<T>[], levels: readonly string[]): void {
    for (let i = levels.length; i > 0; i--) {
      const node = path[i];
      if (!node || node.children?.size || node.here?.size || node.below?.size) return;
      path[i - 1]?.children?.delete(levels[i - 1] ?? "");
    }
  }
}
