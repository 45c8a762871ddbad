import { Conflict, type Json, NotFound, utf8Bytes } from "../../codec/index.ts";
import type { Clock } from "../../crypto/index.ts";
import { invalidRequest, type CloudErrorCode } from "../errors.ts";
import { RateAccount } from "../broker/index.ts";
import { ACCOUNT_LIMITS, pageOf, planPage, type Page, type PageRequest } from "../registry/index.ts";
import type { Queries, ShadowRow, Store } from "../store/index.ts";
import { applyChange, deltaOf, writtenAt, type ShadowDocument, type StateChange } from "./document.ts";
import { checkSize, readToken, readUpdate, type ShadowLimits, type UpdateRequest } from "./request.ts";

/** Which shadow: `name` is empty for a thing's classic one. */
export type ShadowId = { readonly thing: string; readonly name: string };

/** What is asked of a shadow. What comes by no connection, as from a rule, is counted towards none. */
export type ShadowRequest = { readonly payload: Uint8Array; readonly connection?: string | undefined };

export type ShadowPorts = {
  readonly store: Store;
  readonly clock: Clock;
  /** Publishes what subscribers of the shadow's topics hear. Must not throw. */
  readonly publish: (topic: string, payload: Uint8Array) => void;
  /** AWS's, without a rate, where none are given. */
  readonly limits?: ShadowLimits;
};

type Stored = { readonly document: ShadowDocument; readonly isDeleted: boolean };

/** Things whose rates are remembered at once; more than ask in a second. */
const REMEMBERED = 100_000;

const NOTHING: ShadowDocument = { state: {}, metadata: {}, version: 0 };

/**
 * Device shadows, classic and named: what should be, what is, and the difference between them. Requests to a shadow take
 * effect in the order in which they come; each is durable before anybody hears of it. AWS IoT Core, "AWS IoT Device
 * Shadow service"
 */
export class Shadows {
  readonly #ports: ShadowPorts;
  /** Requests on their way, by connection and thing. */
  readonly #inFlight = new Map<string, number>();
  /** Rates of things, oldest first. */
  readonly #rates = new Map<string, RateAccount>();
  /** What requests are held to. */
  readonly limits: ShadowLimits;

  constructor(ports: ShadowPorts) {
    this.#ports = ports;
    this.limits = ports.limits ?? ACCOUNT_LIMITS;
  }

  /** A shadow with its delta. `told` runs with the answer in the order of all changes. Throws `NotFound`, `UsageError`. */
  get(id: ShadowId, request: ShadowRequest, told?: (answer: Json) => void): Promise<Json> {
    return this.#inTurn(
      { ...id, ...request },
      async (queries) => {
        const clientToken = readToken(request.payload, this.limits);
        const { document } = await existing(queries, id);
        const { state, metadata, version } = document;
        const delta = deltaOf(document)?.state;
        const whole = { ...state, ...(delta && { delta }) };
        return asJson({ state: whole, metadata, version, timestamp: this.#seconds(), clientToken });
      },
      told,
    );
  }

  /**
   * Changes a shadow, and publishes the difference and the two documents. Throws `UsageError`, `Conflict`
   * `shadow-version`.
   */
  update(id: ShadowId, { payload, connection }: ShadowRequest): Promise<Json> {
    return this.#inTurn(
      { ...id, connection },
      async (queries) => {
        const request = readUpdate(payload, this.limits);
        const before = await find(queries, id);
        const { version } = request;
        const known = before?.document ?? NOTHING;
        if (version !== undefined && version !== known.version) {
          throw new Conflict<CloudErrorCode>("shadow-version", "Version conflict");
        }
        const seconds = this.#seconds();
        const after = applyChange(known, request.state, seconds);
        checkSize(asJson(after.state), this.limits);
        await put(queries, id, { version: after.version, document: JSON.stringify(after) });
        return { request, before: before?.isDeleted === false ? known : undefined, after, seconds };
      },
      (change) => this.#announce(id, change),
    ).then(acceptedOf);
  }

  /** Deletes a shadow; its version goes on from there. Throws `NotFound`, `UsageError`. */
  delete(id: ShadowId, { payload, connection }: ShadowRequest): Promise<Json> {
    return this.#inTurn(
      { ...id, connection },
      async (queries) => {
        const clientToken = readToken(payload, this.limits);
        const { version } = (await existing(queries, id)).document;
        await put(queries, id, { version, document: null });
        return asJson({ version, timestamp: this.#seconds(), clientToken });
      },
      (answer) => this.#publish(id, "delete/accepted", answer),
    );
  }

  /** Names of a thing's named shadows, in order. */
  async names(thing: string, request: PageRequest): Promise<Page<string> & { readonly timestamp: number }> {
    const list = `shadows of ${thing}`;
    const plan = planPage(list, { ...request, ascending: true });
    const found = await this.#ports.store.read
      .selectFrom("shadows")
      .select("name")
      .where("thing", "=", thing)
      .where("name", ">", plan.after?.text ?? "")
      .where("document", "is not", null)
      .orderBy("name")
      .limit(plan.limit + 1)
      .execute();
    const rows = found.map(({ name }) => name);
    const page = pageOf(list, plan, { rows, keyOf: (text) => ({ number: 0, text }) });
    return { ...page, timestamp: this.#seconds() };
  }

  /**
   * One request among those of its connection for its thing: refused where too many are on their way, and else done in
   * turn. AWS IoT Core, Device Shadow quotas, "in-flight, unacknowledged messages per thing"
   */
  async #inTurn<T>(
    { thing, connection }: Pick<ShadowId, "thing"> & Pick<ShadowRequest, "connection">,
    work: (queries: Queries) => Promise<T>,
    committed?: (result: T) => void,
  ): Promise<T> {
    const key = connection === undefined ? undefined : `${connection} ${thing}`;
    const { shadowRequests: most } = this.limits;
    if (key !== undefined && (this.#inFlight.get(key) ?? 0) >= most) {
      const message = `Too many requests in flight for thing ${thing} on this connection: at most ${most} (limit shadowRequests=${most})`;
      throw new Conflict<CloudErrorCode>("shadow-busy", message);
    }
    this.#count(thing);
    this.#travel(key, 1);
    try {
      return await this.#ports.store.write(work, committed);
    } finally {
      this.#travel(key, -1);
    }
  }

  #travel(key: string | undefined, more: 1 | -1): void {
    if (key === undefined) return;
    const count = (this.#inFlight.get(key) ?? 0) + more;
    if (count > 0) this.#inFlight.set(key, count);
    else this.#inFlight.delete(key);
  }

  /** Counts a request towards the thing's rate; what is refused does not count. */
  #count(thing: string): void {
    const { shadowRequestsPerSecond: most } = this.limits;
    const rate = this.#rates.get(thing) ?? RateAccount.of(most, this.#ports.clock);
    if (!rate) return;
    if (!rate.has(1)) {
      const message = `Too many requests for thing ${thing}: at most ${most} a second (limit shadowRequestsPerSecond=${most})`;
      throw new Conflict<CloudErrorCode>("throttled", message);
    }
    rate.spend(1);
    this.#rates.delete(thing);
    this.#rates.set(thing, rate);
    if (this.#rates.size > REMEMBERED) this.#rates.delete(this.#rates.keys().next().value ?? "");
  }

  #announce(id: ShadowId, change: Change): void {
    const { request, before, after, seconds } = change;
    const { clientToken } = request;
    const { version } = after;
    this.#publish(id, "update/accepted", acceptedOf(change));
    const delta = deltaOf(after);
    if (delta) this.#publish(id, "update/delta", asJson({ version, timestamp: seconds, ...delta, clientToken }));
    const previous = before ?? null;
    this.#publish(id, "update/documents", asJson({ previous, current: after, timestamp: seconds, clientToken }));
  }

  #publish(id: ShadowId, topic: string, message: Json): void {
    this.#ports.publish(`${topicOf(id)}/${topic}`, utf8Bytes(JSON.stringify(message)));
  }

  #seconds(): number {
    return Math.floor(this.#ports.clock.now() / 1000);
  }
}

/** The topic that all of a shadow's topics begin with. AWS IoT Core, "Device Shadow MQTT topics" */
export function topicOf({ thing, name }: ShadowId): string {
  return `$aws/things/${thing}/shadow${name === "" ? "" : `/name/${name}`}`;
}

type Change = {
  readonly request: UpdateRequest;
  readonly before: ShadowDocument | undefined;
  readonly after: ShadowDocument;
  readonly seconds: number;
};

/** What was asked for, with the time at which it was written. */
function acceptedOf({ request: { state, clientToken }, after: { version }, seconds: timestamp }: Change): Json {
  return asJson({ state, metadata: timesOf(state, timestamp), version, timestamp, clientToken });
}

function timesOf(state: StateChange, seconds: number): Json {
  return writtenAt(asJson(state), seconds);
}

async function find(queries: Queries, { thing, name }: ShadowId): Promise<Stored | undefined> {
  const row = await queries
    .selectFrom("shadows")
    .selectAll()
    .where("thing", "=", thing)
    .where("name", "=", name)
    .executeTakeFirst();
  if (!row) return undefined;
  if (row.document === null) return { document: { ...NOTHING, version: row.version }, isDeleted: true };
  return { document: JSON.parse(row.document) as ShadowDocument, isDeleted: false };
}

async function existing(queries: Queries, id: ShadowId): Promise<Stored> {
  const found = await find(queries, id);
  if (!found || found.isDeleted) {
    const message = `No shadow exists with name: '${id.name === "" ? id.thing : id.name}'`;
    throw new NotFound<CloudErrorCode>("resource-not-found", message);
  }
  return found;
}

async function put(queries: Queries, id: ShadowId, change: Pick<ShadowRow, "version" | "document">): Promise<void> {
  await queries
    .insertInto("shadows")
    .values({ ...id, ...change })
    .onConflict((conflict) => conflict.columns(["thing", "name"]).doUpdateSet(change))
    .execute();
}

/** The same without members that are undefined. */
function asJson(value: unknown): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}

/** Throws `UsageError` where a thing or a shadow could not have this name. */
export function checkShadowId({ thing, name }: ShadowId): void {
  if (!/^[a-zA-Z0-9:_-]{1,128}$/.test(thing)) throw invalidRequest("Invalid thing name");
  if (!/^[$a-zA-Z0-9:_-]{0,64}$/.test(name)) throw invalidRequest("Invalid shadow name");
}
