import { notFound, ResourceExists } from "../errors.ts";
import { Statement, type Queries, type ResourceRow } from "../store/index.ts";
import { beyond, pageOf, planPage, type Page, type PageRequest } from "./pages.ts";

/** A named resource: what it says, and when it was made and changed last, in milliseconds since 1970. */
export type Resource<Body> = {
  readonly name: string;
  readonly body: Body;
  readonly createdAt: number;
  readonly modifiedAt: number;
};

/** One kind of named resource: small, read whole, joined with nothing. */
export type ResourceKind<Body> = {
  /** Its word in the store. */
  readonly kind: string;
  /** Its word in messages, such as "Role alias". */
  readonly title: string;
  find(queries: Queries, name: string): Promise<Resource<Body> | undefined>;
  /** Throws `NotFound`. */
  named(queries: Queries, name: string): Promise<Resource<Body>>;
  /** Throws `Conflict` `resource-exists`, which carries `arn`. */
  insert(queries: Queries, resource: Resource<Body>, arn: string): Promise<void>;
  replace(queries: Queries, resource: Resource<Body>): Promise<void>;
  /** Whether there was one. */
  remove(queries: Queries, name: string): Promise<boolean>;
  /** All of them in order of their names. */
  all(queries: Queries): Promise<Resource<Body>[]>;
  /** By creation date, newest first unless `ascending`; `matches` leaves some out. */
  page(
    queries: Queries,
    request: PageRequest & { readonly matches?: (resource: Resource<Body>) => boolean },
  ): Promise<Page<Resource<Body>>>;
  /** By name, last first unless `ascending`; `matches` leaves some out. */
  pageByName(
    queries: Queries,
    request: PageRequest & { readonly matches?: (resource: Resource<Body>) => boolean },
  ): Promise<Page<Resource<Body>>>;
};

const RESOURCE_NAMED = new Statement<{ kind: string; name: string }, ResourceRow>((queries, of) =>
  select(queries, of.kind).where("name", "=", of.name),
);

/** How many rows a page looks at for one that matches, at a time. */
const SCAN = 500;

/** The functions over one kind of resource. Its body travels through JSON. */
export function resourceKind<Body>(kind: string, title: string): ResourceKind<Body> {
  const read = ({ name, body, created_at, modified_at }: ResourceRow): Resource<Body> => {
    return { name, body: JSON.parse(body) as Body, createdAt: created_at, modifiedAt: modified_at };
  };
  const self: ResourceKind<Body> = {
    kind,
    title,
    async find(queries, name) {
      const row = await RESOURCE_NAMED.first(queries, { kind, name });
      return row && read(row);
    },
    async named(queries, name) {
      const found = await self.find(queries, name);
      if (!found) throw notFound(`${title} ${name}`);
      return found;
    },
    async insert(queries, { name, body, createdAt, modifiedAt }, arn) {
      if (await self.find(queries, name)) {
        throw new ResourceExists(`${title} ${name} already exists`, { resourceId: name, resourceArn: arn });
      }
      const row = { kind, name, body: JSON.stringify(body), created_at: createdAt, modified_at: modifiedAt };
      await queries.insertInto("resources").values(row).execute();
    },
    async replace(queries, { name, body, modifiedAt }) {
      const changes = { body: JSON.stringify(body), modified_at: modifiedAt };
      await queries.updateTable("resources").set(changes).where("kind", "=", kind).where("name", "=", name).execute();
    },
    async remove(queries, name) {
      const { numDeletedRows } = await queries
        .deleteFrom("resources")
        .where("kind", "=", kind)
        .where("name", "=", name)
        .executeTakeFirstOrThrow();
      return numDeletedRows > 0n;
    },
    async all(queries) {
      return (await select(queries, kind).orderBy("name").execute()).map(read);
    },
    async page(queries, { matches = () => true, ...request }) {
      const plan = planPage(kind, request);
      const rows: Resource<Body>[] = [];
      for (let { after } = plan; rows.length <= plan.limit;) {
        const found = await select(queries, kind)
          .where((eb) => beyond(eb, { ...plan, after }, ["created_at", "name"]))
          .orderBy("created_at", plan.direction)
          .orderBy("name", plan.direction)
          .limit(SCAN)
          .execute();
        rows.push(...found.map(read).filter(matches));
        const last = found.at(-1);
        if (!last || found.length < SCAN) break;
        after = { number: last.created_at, text: last.name };
      }
      const shown = rows.slice(0, plan.limit + 1);
      return pageOf(kind, plan, { rows: shown, keyOf: ({ name, createdAt }) => ({ number: createdAt, text: name }) });
    },
    async pageByName(queries, { matches = () => true, ...request }) {
      const plan = planPage(`${kind} by name`, request);
      let query = select(queries, kind);
      if (plan.after) query = query.where("name", plan.operator, plan.after.text);
      const found = (await query.orderBy("name", plan.direction).execute()).map(read).filter(matches);
      const keyOf = ({ name }: Resource<Body>) => ({ number: 0, text: name });
      return pageOf(`${kind} by name`, plan, { rows: found.slice(0, plan.limit + 1), keyOf });
    },
  };
  return self;
}

/** A resource that is made now. */
export function newResource<Body>(name: string, body: Body, now: number): Resource<Body> {
  const at = Math.floor(now);
  return { name, body, createdAt: at, modifiedAt: at };
}

/** The resource with another body, changed now. */
export function changedResource<Body>(resource: Resource<Body>, body: Body, now: number): Resource<Body> {
  return { ...resource, body, modifiedAt: Math.floor(now) };
}

function select(queries: Queries, kind: string) {
  return queries.selectFrom("resources").selectAll().where("kind", "=", kind);
}
