import type { Compilable, CompiledQuery } from "kysely";

import type { Queries } from "./port.ts";
import { columns } from "./statement.ts";

/** Rows of one statement: few sizes, so that each is built and prepared once, and below what databases bind at most. */
const SIZES = [256, 32, 4, 1] as const;

/** A statement over any number of rows, whose only values are theirs, column by column. */
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
      await queries.executeQuery({ ...this.#ofSize(queries, some), parameters });
    }
  }

  #ofSize(queries: Queries, rows: readonly Row[]): CompiledQuery {
    const known = this.#compiled.get(rows.length);
    if (known) return known;
    const inOrder = rows.map((row) => columns(row, this.#names));
    const compiled = this.#build(queries, inOrder).compile();
    this.#compiled.set(rows.length, compiled);
    return compiled;
  }
}
