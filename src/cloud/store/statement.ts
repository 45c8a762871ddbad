import type { Compilable, CompiledQuery, QueryResult } from "kysely";

import type { Queries } from "./port.ts";

/** Stands for a value until the statement runs. */
class Place {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/**
 * A statement that is built once and run with other values each time: to build one takes longer than SQLite needs for a
 * row. `build` gets a stand-in for each value, to be put wherever a query takes a value, and must not look at it.
 */
export class Statement<Values extends object, Row = unknown> {
  readonly #build: (queries: Queries, of: Values) => Compilable<Row>;
  #compiled: CompiledQuery<Row> | undefined;

  constructor(build: (queries: Queries, of: Values) => Compilable<Row>) {
    this.#build = build;
  }

  /** All rows that it gives. */
  async all(queries: Queries, values: Values): Promise<Row[]> {
    return (await this.#run(queries, values)).rows;
  }

  /** The first row that it gives. */
  async first(queries: Queries, values: Values): Promise<Row | undefined> {
    return (await this.#run(queries, values)).rows[0];
  }

  /** How many rows it has changed. */
  async change(queries: Queries, values: Values): Promise<number> {
    return Number((await this.#run(queries, values)).numAffectedRows ?? 0n);
  }

  #run(queries: Queries, values: Values): Promise<QueryResult<Row>> {
    this.#compiled ??= this.#build(queries, PLACES as Values).compile();
    const given = values as Readonly<Record<string, unknown>>;
    const parameters = this.#compiled.parameters.map((each) => (each instanceof Place ? given[each.name] : each));
    return queries.executeQuery<Row>({ ...this.#compiled, parameters });
  }
}

/** A stand-in for each value: what a statement is built with, so that it keeps nobody's values for as long as it lasts. */
export const PLACES: object = new Proxy({}, { get: (_, name) => new Place(String(name)) });

/** These of the values, as an insert or update takes them. */
export function columns<Values extends object, K extends keyof Values>(
  of: Values,
  names: readonly K[],
): Pick<Values, K> {
  return Object.fromEntries(names.map((name) => [name, of[name]])) as Pick<Values, K>;
}
