import { UsageError } from "../../codec/index.ts";
import { invalidRequest, notFound, notImplemented, type CloudErrorCode } from "../errors.ts";
import {
  allThingGroups,
  ancestorsOf,
  describeThing,
  type Page,
  type PageRequest,
  type Registry,
  type ThingGroup,
} from "../registry/index.ts";
import { configureIndex, indexingConfiguration, type IndexingConfiguration } from "./configuration.ts";
import {
  groupDocument,
  thingDocument,
  thingDocuments,
  type Connectivity,
  type IndexedThing,
  type Sources,
} from "./documents.ts";
import { numberOf, parseQuery, type IndexedDocument } from "./query.ts";

/** The indices that can be asked. */
export const INDICES = { things: "AWS_Things", groups: "AWS_ThingGroups" } as const;

/** Numbers about a field's values. AWS IoT API, Statistics */
export type FieldStatistics = {
  readonly count: number;
  readonly average: number;
  readonly sum: number;
  readonly minimum: number;
  readonly maximum: number;
  readonly sumOfSquares: number;
  readonly variance: number;
  readonly stdDeviation: number;
};

/** A query over an index, with the field that a statistic is about. */
export type FieldQuery = { readonly indexName: string; readonly query: string; readonly field: string };

/** Searches things and groups. The index is the registry itself, read whole: an answer is never behind. */
export class FleetIndex {
  readonly #registry: Registry;
  readonly #connectivity: Connectivity;

  constructor(registry: Registry, connectivity: Connectivity) {
    this.#registry = registry;
    this.#connectivity = connectivity;
  }

  configuration(): Promise<IndexingConfiguration> {
    return indexingConfiguration(this.#registry);
  }

  configure(change: Partial<IndexingConfiguration>): Promise<void> {
    return configureIndex(this.#registry, change);
  }

  /** Things that a query finds, by name. Throws `UsageError` `invalid-query`, `index-not-ready`. */
  async things(query: string, { limit = 100, token }: PageRequest): Promise<Page<IndexedThing>> {
    await this.#ready("things");
    const matches = parseQuery(query);
    const rows: IndexedThing[] = [];
    for await (const found of thingDocuments(await this.#sources(), token === undefined ? "" : nameIn(token))) {
      if (!matches(found.document)) continue;
      if (rows.length === limit) return { rows, next: tokenOf(rows.at(-1)?.thing.name ?? "") };
      rows.push(found);
    }
    return { rows };
  }

  /** Groups that a query finds, with the groups above each. Throws `UsageError` `invalid-query`, `index-not-ready`. */
  async groups(query: string): Promise<{ readonly group: ThingGroup; readonly parents: readonly string[] }[]> {
    await this.#ready("groups");
    const matches = parseQuery(query);
    const found = [];
    for (const group of await allThingGroups(this.#registry.store.read)) {
      const parents = await ancestorsOf(this.#registry.store.read, group);
      if (matches(groupDocument(group, parents))) found.push({ group, parents });
    }
    return found;
  }

  /** Whether a client of a thing's name is connected, and since when. Throws `NotFound`, `UsageError` `index-not-ready`. */
  async connectivityOf(name: string): Promise<number | undefined> {
    await this.#ready("things");
    await this.#ready("connectivity");
    await describeThing(this.#registry, name);
    return this.#connectivity.connected().get(name);
  }

  /** Names of the things in a dynamic group. */
  async membersOf(query: string, request: PageRequest): Promise<Page<string>> {
    const { rows, ...page } = await this.things(query, request);
    return { ...page, rows: rows.map(({ thing }) => thing.name) };
  }

  /** Whether a query finds a thing. */
  async finds(query: string, thingName: string): Promise<boolean> {
    const thing = await describeThing(this.#registry, thingName);
    return parseQuery(query)((await thingDocument(await this.#sources(), thing)).document);
  }

  /** Numbers about the field's values. Throws `UsageError` `invalid-aggregation` where one is no number. */
  async statistics(asked: FieldQuery): Promise<FieldStatistics> {
    const numbers = await this.#numbers(asked);
    const count = numbers.length;
    const sum = numbers.reduce((total, each) => total + each, 0);
    const sumOfSquares = numbers.reduce((total, each) => total + each * each, 0);
    const average = count === 0 ? 0 : sum / count;
    const variance = count === 0 ? 0 : numbers.reduce((total, each) => total + (each - average) ** 2, 0) / count;
    const minimum = numbers[0] ?? 0;
    const maximum = numbers.at(-1) ?? 0;
    return { count, average, sum, minimum, maximum, sumOfSquares, variance, stdDeviation: Math.sqrt(variance) };
  }

  /** How many different values the field has. */
  async cardinality(asked: FieldQuery): Promise<number> {
    return new Set(await this.#values(asked)).size;
  }

  /** How often each value occurs, the commonest first. */
  async buckets(asked: FieldQuery): Promise<{ readonly value: string; readonly count: number }[]> {
    const counts = new Map<string, number>();
    for (const value of await this.#values(asked)) counts.set(value, (counts.get(value) ?? 0) + 1);
    const buckets = [...counts].map(([value, count]) => ({ value, count }));
    return buckets.sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
  }

  /** The values at or below which given percents of all values lie. Throws as `statistics`. */
  async percentiles(
    asked: FieldQuery,
    percents: readonly number[],
  ): Promise<{ readonly percent: number; readonly value: number }[]> {
    const numbers = await this.#numbers(asked);
    return percents.flatMap((percent) => {
      const value = numbers[Math.max(0, Math.ceil((percent / 100) * numbers.length) - 1)];
      return value === undefined ? [] : [{ percent, value }];
    });
  }

  /** In rising order. */
  async #numbers(asked: FieldQuery): Promise<number[]> {
    const values = await this.#values(asked);
    const numbers = values.map((value) => {
      const number = numberOf(value);
      if (number !== undefined) return number;
      const message = `${asked.field} holds ${JSON.stringify(value.slice(0, 64))}, which is no number`;
      throw new UsageError<CloudErrorCode>("invalid-aggregation", message);
    });
    return numbers.sort((a, b) => a - b);
  }

  async #values({ indexName, query, field }: FieldQuery): Promise<string[]> {
    const documents: IndexedDocument[] = [];
    if (indexName === INDICES.groups) {
      for (const { group, parents } of await this.groups(query)) documents.push(groupDocument(group, parents));
    } else if (indexName === INDICES.things) {
      await this.#ready("things");
      const matches = parseQuery(query);
      for await (const { document } of thingDocuments(await this.#sources())) {
        if (matches(document)) documents.push(document);
      }
    } else throw notFound(`Index ${indexName}`);
    return documents.flatMap((document) => document.get(field) ?? []);
  }

  async #sources(): Promise<Sources> {
    const [registry, connectivity] = [this.#registry, this.#connectivity];
    return { registry, connectivity, configuration: await this.configuration() };
  }

  async #ready(what: "things" | "groups" | "connectivity"): Promise<void> {
    if ((await this.configuration())[what] !== "OFF") return;
    throw new UsageError<CloudErrorCode>("index-not-ready", `the index of ${what} is switched off`);
  }
}

/** Refuses what the index does not hold. */
export function refuseUnindexed(asked: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(asked)) {
    if (value !== undefined && value !== "OFF") throw notImplemented(`${name} ${value}`);
  }
}

function tokenOf(name: string): string {
  return btoa(name);
}

function nameIn(token: string): string {
  try {
    return atob(token);
  } catch (cause) {
    throw invalidRequest("nextToken was not given by SearchIndex", { cause });
  }
}
