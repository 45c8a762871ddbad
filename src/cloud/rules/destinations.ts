import { toHex, utf8Bytes } from "../../codec/index.ts";
import type { Clock, Entropy, Hash } from "../../crypto/index.ts";
import type { Trace } from "../../trace/index.ts";
import {
  type DestinationOperations,
  type TopicRuleDestination,
  pageRequestOf,
  tokenPage,
} from "../operations/index.ts";
import { invalidRequest, ResourceExists } from "../errors.ts";
import {
  ACCOUNT_LIMITS,
  changedResource,
  iotArn,
  newResource,
  resourceKind,
  uuid,
  type Account,
  type Resource,
} from "../registry/index.ts";
import type { Store } from "../store/index.ts";
import { destinationDenied } from "./errors.ts";
import type { HttpSender } from "./http-delivery.ts";
import { problemOf } from "./perform.ts";

export type DestinationPorts = {
  /** How long a confirmation may take; as an HTTP action where none is given. */
  readonly timeoutMs?: number;
  readonly account: Account;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly hash: Hash;
  readonly trace: Trace;
  readonly store: Store;
  readonly sender: HttpSender;
  /** What is wrong with a confirmation URL, beside its form. */
  readonly problemWith: (url: string) => string | undefined;
  /** URL of the control plane, for the answer to a confirmation. */
  readonly controlPlane: () => string;
};

type Status = "IN_PROGRESS" | "ENABLED" | "DISABLED" | "ERROR";

/** `tokenHash` is the SHA-256 of the token that was sent, in hex; empty once it was used. */
type Body = {
  readonly confirmationUrl: string;
  readonly status: Status;
  readonly statusReason: string;
  readonly tokenHash: string;
};

type Destination = Resource<Body>;
type Input<Name extends keyof DestinationOperations> = Parameters<DestinationOperations[Name]>[0];

const DESTINATIONS = resourceKind<Body>("rule-destination", "Topic rule destination");

/** How long a token can be used. */
const TOKEN_MS = 3 * 24 * 3_600_000;
const MAX_DESTINATIONS = 1000;

/**
 * Where HTTP actions may send to: whoever serves a URL confirms with the token that was posted there.
 * AWS IoT Core, "Working with HTTP topic rule destinations"
 */
export class Destinations implements DestinationOperations {
  readonly #ports: DestinationPorts;
  readonly #byName = new Map<string, Destination>();
  readonly #pending = new Set<Promise<void>>();

  private constructor(ports: DestinationPorts) {
    this.#ports = ports;
  }

  static async open(ports: DestinationPorts): Promise<Destinations> {
    const opened = new Destinations(ports);
    for (const each of await DESTINATIONS.all(ports.store.read)) opened.#byName.set(each.name, each);
    return opened;
  }

  isEnabled(confirmationUrl: string): boolean {
    const url = normal(confirmationUrl);
    return [...this.#byName.values()].some(({ body }) => body.status === "ENABLED" && body.confirmationUrl === url);
  }

  /** Makes a destination where there is none of this URL. Throws `UsageError` `invalid-request`. */
  async ensure(confirmationUrl: string): Promise<void> {
    if (!this.#withUrl(confirmationUrl)) await this.#create(confirmationUrl);
  }

  /** Throws `UsageError` `invalid-request` for a URL that may not be one. */
  check(confirmationUrl: string): void {
    const problem = URL.canParse(confirmationUrl) ? this.#ports.problemWith(confirmationUrl) : "it is no URL";
    if (problem !== undefined) throw invalidRequest(`the confirmation URL cannot be used: ${problem}`);
  }

  /** Resolves when no confirmation is on its way. */
  async whenIdle(): Promise<void> {
    await Promise.all(this.#pending);
  }

  /** Throws `Conflict` `resource-exists`. */
  async createTopicRuleDestination({ destinationConfiguration }: Input<"createTopicRuleDestination">) {
    const { confirmationUrl } = destinationConfiguration.httpUrlConfiguration ?? {};
    if (confirmationUrl === undefined)
      throw invalidRequest("destinationConfiguration.httpUrlConfiguration is required");
    const known = this.#withUrl(confirmationUrl);
    if (known) {
      const resource = { resourceId: known.name, resourceArn: this.#arnOf(known) };
      throw new ResourceExists(`There is a destination with this confirmation URL already`, resource);
    }
    return { topicRuleDestination: this.#described(await this.#create(confirmationUrl)) };
  }

  /** Throws `Denied` `rule-access-denied` for a token that was not given out, was used, or is too old. */
  async confirmTopicRuleDestination({ confirmationToken }: Input<"confirmTopicRuleDestination">): Promise<void> {
    const { clock } = this.#ports;
    const tokenHash = this.#hashed(confirmationToken);
    const found = [...this.#byName.values()].find(({ body }) => body.tokenHash === tokenHash);
    if (!found || found.body.status !== "IN_PROGRESS" || clock.now() - found.modifiedAt > TOKEN_MS) {
      throw destinationDenied("of this token");
    }
    await this.#change(found, { status: "ENABLED", statusReason: "", tokenHash: "" });
  }

  /** Throws `Denied` `rule-access-denied`. */
  async getTopicRuleDestination({ arn }: Input<"getTopicRuleDestination">) {
    return { topicRuleDestination: this.#described(this.#named(arn)) };
  }

  async updateTopicRuleDestination({ arn, status }: Input<"updateTopicRuleDestination">): Promise<void> {
    const known = this.#named(arn);
    const { status: now } = known.body;
    if (status === "IN_PROGRESS") return this.#askToConfirm(known);
    const isStep = (status === "ENABLED" && now === "DISABLED") || (status === "DISABLED" && now === "ENABLED");
    if (isStep) return this.#change(known, { status, statusReason: "" });
    if (status === now) return;
    const how = "ENABLED and DISABLED follow each other; IN_PROGRESS sends another confirmation";
    throw invalidRequest(`status cannot go from ${now} to ${status}: ${how}`);
  }

  async listTopicRuleDestinations(input: Input<"listTopicRuleDestinations">) {
    const page = await DESTINATIONS.page(this.#ports.store.read, pageRequestOf(input));
    return tokenPage("destinationSummaries", page, (each) => {
      const { httpUrlProperties, ...facts } = this.#described(each);
      return { ...facts, httpUrlSummary: httpUrlProperties };
    });
  }

  /** Throws `Denied` `rule-access-denied`. */
  async deleteTopicRuleDestination({ arn }: Input<"deleteTopicRuleDestination">): Promise<void> {
    const { name } = this.#named(arn);
    await this.#ports.store.write(
      (queries) => DESTINATIONS.remove(queries, name),
      () => void this.#byName.delete(name),
    );
  }

  async #create(url: string): Promise<Destination> {
    const { clock, entropy, store } = this.#ports;
    this.check(url);
    if (this.#byName.size >= MAX_DESTINATIONS)
      throw invalidRequest(`there are ${MAX_DESTINATIONS} destinations already`);
    const body: Body = { confirmationUrl: normal(url), status: "IN_PROGRESS", statusReason: "", tokenHash: "" };
    const made = newResource(uuid(entropy), body, clock.now());
    await store.write(
      (queries) => DESTINATIONS.insert(queries, made, this.#arnOf(made)),
      () => void this.#byName.set(made.name, made),
    );
    await this.#askToConfirm(made);
    return this.#byName.get(made.name) ?? made;
  }

  /** Posts a new token to the confirmation URL; what comes of it is the destination's status. */
  async #askToConfirm(destination: Destination): Promise<void> {
    const token = this.#ports.entropy.bytes(32).toBase64({ alphabet: "base64url", omitPadding: true });
    await this.#change(destination, { status: "IN_PROGRESS", statusReason: "", tokenHash: this.#hashed(token) });
    const asked = this.#post(destination.name, token).finally(() => this.#pending.delete(asked));
    this.#pending.add(asked);
  }

  async #post(name: string, token: string): Promise<void> {
    const destination = this.#byName.get(name);
    if (!destination) return;
    const { sender, trace, controlPlane, timeoutMs = ACCOUNT_LIMITS.httpActionMs } = this.#ports;
    const arn = this.#arnOf(destination);
    const url = new URL(destination.body.confirmationUrl);
    url.searchParams.set("confirmationToken", token);
    const enableUrl = `${controlPlane()}/confirmdestination/${token}`;
    const message = { arn, confirmationToken: token, enableUrl, messageType: "DestinationConfirmation" };
    const headers = {
      "content-type": "application/json",
      "x-amz-rules-engine-message-type": "DestinationConfirmation",
      "x-amz-rules-engine-destination-arn": arn,
    };
    const request = { url: url.href, headers, body: utf8Bytes(JSON.stringify(message)) };
    let problem: string | undefined;
    try {
      const { status } = await sender.send(request, timeoutMs);
      if (status < 200 || status > 299) problem = `the confirmation URL answered ${status}`;
    } catch (error) {
      problem = problemOf(error);
    }
    if (problem === undefined) return;
    const detail = `destination ${destination.body.confirmationUrl} cannot be confirmed: ${problem}`;
    trace.emit("cloud", { kind: "process", what: "warning", detail });
    const latest = this.#byName.get(name);
    // Somebody may have confirmed by hand, or asked again, meanwhile.
    const isOurs = latest?.body.status === "IN_PROGRESS" && latest.body.tokenHash === this.#hashed(token);
    if (isOurs) await this.#change(latest, { status: "ERROR", statusReason: problem.slice(0, 512) });
  }

  async #change(known: Destination, change: Partial<Body>): Promise<void> {
    const changed = changedResource(known, { ...known.body, ...change }, this.#ports.clock.now());
    await this.#ports.store.write(
      (queries) => DESTINATIONS.replace(queries, changed),
      () => void (this.#byName.has(known.name) && this.#byName.set(known.name, changed)),
    );
  }

  #withUrl(confirmationUrl: string): Destination | undefined {
    const url = normal(confirmationUrl);
    return [...this.#byName.values()].find(({ body }) => body.confirmationUrl === url);
  }

  #named(arn: string): Destination {
    const found = [...this.#byName.values()].find((each) => this.#arnOf(each) === arn);
    if (!found) throw destinationDenied(arn);
    return found;
  }

  #arnOf({ name }: Destination): string {
    return iotArn(this.#ports.account, "ruledestination", `http/${name}`);
  }

  #hashed(token: string): string {
    return toHex(this.#ports.hash.digest("sha256", utf8Bytes(token)));
  }

  #described(destination: Destination): TopicRuleDestination {
    const { body, createdAt, modifiedAt } = destination;
    return {
      arn: this.#arnOf(destination),
      status: body.status,
      createdAt: createdAt / 1000,
      lastUpdatedAt: modifiedAt / 1000,
      ...(body.statusReason !== "" && { statusReason: body.statusReason }),
      httpUrlProperties: { confirmationUrl: body.confirmationUrl },
    };
  }
}

/** One spelling of a URL. */
function normal(url: string): string {
  return URL.parse(url)?.href ?? url;
}
