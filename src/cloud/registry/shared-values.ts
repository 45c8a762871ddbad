/** Values that many have in common: each is kept once, under a number, for as long as somebody uses it. */
export class SharedValues<T> {
  readonly #numbers = new Map<string, number>();
  /** By number, of which the first stands for no value. */
  readonly #kept: (Kept<T> | undefined)[] = [undefined];
  readonly #free: number[] = [];

  /** The number of a value, which `key` tells from all others; for one user more. */
  take(key: string, value: () => T): number {
    const known = this.#numbers.get(key);
    const kept = known === undefined ? undefined : this.#kept[known];
    if (known !== undefined && kept) {
      kept.uses += 1;
      return known;
    }
    const number = this.#free.pop() ?? this.#kept.length;
    this.#kept[number] = { key, value: value(), uses: 1 };
    this.#numbers.set(key, number);
    return number;
  }

  /** The value of a number; undefined for 0. */
  at(number: number): T | undefined {
    return this.#kept[number]?.value;
  }

  /** One user less; the last takes the value along. */
  release(number: number): void {
    const kept = this.#kept[number];
    if (!kept || --kept.uses > 0) return;
    this.#kept[number] = undefined;
    this.#numbers.delete(kept.key);
    this.#free.push(number);
  }

  /** How many values are kept. */
  get size(): number {
    return this.#numbers.size;
  }
}

type Kept<T> = { readonly key: string; readonly value: T; uses: number };
