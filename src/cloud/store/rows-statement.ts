import type { Compilable, CompiledQuery } from "kysely";

import type { Queries } from "./port.ts";
import { columns, PLACES } from "./statement.ts";

/** Rows of one statement: few sizes, so that each is built and prepared once, and below what databases bind at most. */
const SIZES = [256, 32, 4, 1] as const;

/**
 * A statement over any number of rows, whose only values are theirs, row by row and in the order of `names`. `build` gets
 * stand-ins for them, as that of a `Statement` does.
 */
export class RowsStatement<Row extends object> {
  readonly #names: readonly (keyof Row)[];
  readonly #build: (queries: Queries, rows: readonly Row[]) => Compilable;
  readonly #compiled = new Map<number, CompiledQuery>();

  constructor(names: readonly (keyof Row)[], build: (queries: Queries, rows: readonly Row[]) => Compilable) {
    this.#names = names;
    this.#build = build;
  }

  async run(queries: Queries, rows: readonly Row[]): Promise<void> {
    for (let at = 0; at < rows.length;) {
      const size = SIZES.find((each) => each <= rows.length - at) ?? 1;
      const some = rows.slice(at, at + size);
      at += size;
      const parameters = some.flatMap((row): unknown[] => this.#names.map((name) => row[name]));
      await queries.executeQuery({ ...this.#ofSize(queries, size), parameters });
    }
  }

  #ofSize(queries: Queries, size: number): CompiledQuery {
    const known = this.#compiled.get(size);
    if (known) return known;
    // All columns that are named, and so all that the rows have.
    const row = columns(PLACES as Row, this.#names) as Row;
    const rows = Array.from({ length: size }, () => row);
    const compiled = this.#build(queries, rows).compile();
    this.#compiled.set(size, compiled);
    return compiled;
  }
}
