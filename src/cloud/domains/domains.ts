import { Conflict, NotFound } from "../../codec/index.ts";
import { isDnsName } from "../../pki/index.ts";
import { describeAuthorizer, type AuthorizerChoice } from "../authorizers/index.ts";
import { invalidRequest, ResourceExists, type CloudErrorCode } from "../errors.ts";
import {
  changedResource,
  iotArn,
  limitNamed,
  newResource,
  putTags,
  removeTags,
  resourceKind,
  type Page,
  type PageRequest,
  type Registry,
  type Resource,
  type Tag,
} from "../registry/index.ts";

export type DomainBody = {
  /** The server name that clients ask for, in lower case; null where the configuration has none yet to be chosen by. */
  readonly domainName: string | null;
  readonly serviceType: "DATA" | "CREDENTIAL_PROVIDER" | "JOBS";
  readonly authorizer: AuthorizerChoice | null;
  readonly status: "ENABLED" | "DISABLED";
  readonly securityPolicy: string;
  /** In milliseconds since 1970. */
  readonly statusChangedAt: number;
};

/** What is special about connections that ask for one server name. */
export type DomainConfiguration = Resource<DomainBody>;

/** TLS 1.2 and 1.3, as every listener offers. AWS IoT Core, "Transport security", security policies */
export const DEFAULT_SECURITY_POLICY = "IotSecurityPolicy_TLS13_1_2_2022_10";
/** TLS 1.3 and nothing else. */
export const TLS_13_POLICY = "IotSecurityPolicy_TLS13_1_3_2022_10";

const DOMAINS = resourceKind<DomainBody>("domain-configuration", "Domain configuration");

export type NewDomain = {
  readonly domainName?: string | undefined;
  readonly serviceType?: DomainBody["serviceType"] | undefined;
  readonly authorizer?: AuthorizerChoice | undefined;
  readonly securityPolicy?: string | undefined;
  readonly tags?: readonly Tag[] | undefined;
};

export type DomainChange = {
  readonly authorizer?: AuthorizerChoice | undefined;
  readonly removeAuthorizer?: boolean | undefined;
  readonly status?: DomainBody["status"] | undefined;
  readonly securityPolicy?: string | undefined;
};

/** The domain configurations of a registry, and their answers by server name, which touch no disk. */
export class Domains {
  readonly #registry: Registry;
  readonly #byServerName = new Map<string, DomainConfiguration>();

  static async open(registry: Registry): Promise<Domains> {
    return new Domains(registry, await DOMAINS.all(registry.store.read));
  }

  private constructor(registry: Registry, kept: readonly DomainConfiguration[]) {
    this.#registry = registry;
    for (const each of kept) this.#put(each);
  }

  /** The configuration that is in force for a server name, RFC 6066, section 3. */
  forServerName(name: string | undefined): DomainConfiguration | undefined {
    return name === undefined ? undefined : this.#byServerName.get(name.toLowerCase());
  }

  /** Makes one, ENABLED. Throws `Conflict`, `UsageError`. AWS IoT API, CreateDomainConfiguration */
  async create(name: string, given: NewDomain): Promise<void> {
    const { store, clock, account, limits } = this.#registry;
    const now = Math.floor(clock.now());
    const domainName = given.domainName === undefined ? null : serverNameIn(given.domainName);
    const body: DomainBody = {
      domainName,
      serviceType: given.serviceType ?? "DATA",
      authorizer: given.authorizer ?? null,
      status: "ENABLED",
      securityPolicy: policyIn(given.securityPolicy ?? DEFAULT_SECURITY_POLICY),
      statusChangedAt: now,
    };
    await this.#checkAuthorizer(body.authorizer);
    const arn = iotArn(account, "domainconfiguration", name);
    const made = newResource(name, body, now);
    await store.write(
      async (queries) => {
        const all = await DOMAINS.all(queries);
        const other = all.find((each) => each.body.domainName !== null && each.body.domainName === domainName);
        if (other && other.name !== name) {
          const resource = { resourceId: other.name, resourceArn: iotArn(account, "domainconfiguration", other.name) };
          throw new ResourceExists(`Domain configuration ${other.name} already has ${domainName}`, resource);
        }
        await DOMAINS.insert(queries, made, arn);
        if (all.length >= limits.domainConfigurations) {
          const limit = limitNamed(limits, "domainConfigurations");
          throw new Conflict<CloudErrorCode>(
            "limit-exceeded",
            `an account has no more domain configurations (${limit})`,
          );
        }
        await putTags(queries, arn, given.tags);
      },
      () => this.#put(made),
    );
  }

  /** One of them. Throws `NotFound`. */
  describe(name: string): Promise<DomainConfiguration> {
    return DOMAINS.named(this.#registry.store.read, name);
  }

  /** Changes one, in force for the next connection. Throws `NotFound`, `UsageError`. AWS IoT API, UpdateDomainConfiguration */
  async update(name: string, change: DomainChange): Promise<void> {
    if (change.authorizer && change.removeAuthorizer) {
      throw invalidRequest("authorizerConfig and removeAuthorizerConfig exclude each other");
    }
    await this.#checkAuthorizer(change.authorizer ?? null);
    const { store, clock } = this.#registry;
    await store.write(
      async (queries) => {
        const known = await DOMAINS.named(queries, name);
        const { body } = known;
        const status = change.status ?? body.status;
        const after: DomainBody = {
          ...body,
          authorizer: change.removeAuthorizer ? null : (change.authorizer ?? body.authorizer),
          securityPolicy: policyIn(change.securityPolicy ?? body.securityPolicy),
          status,
          statusChangedAt: status === body.status ? body.statusChangedAt : Math.floor(clock.now()),
        };
        const changed = changedResource(known, after, clock.now());
        await DOMAINS.replace(queries, changed);
        return changed;
      },
      (changed) => this.#put(changed),
    );
  }

  /** Deletes one that is DISABLED. Throws `NotFound`, `UsageError` `invalid-request`. AWS IoT API, DeleteDomainConfiguration */
  async delete(name: string): Promise<void> {
    const { store, account } = this.#registry;
    await store.write(
      async (queries) => {
        const { body } = await DOMAINS.named(queries, name);
        if (body.status === "ENABLED") {
          throw invalidRequest(`Domain configuration ${name} must be DISABLED before it can be deleted`);
        }
        await DOMAINS.remove(queries, name);
        await removeTags(queries, iotArn(account, "domainconfiguration", name));
        return body.domainName;
      },
      (domainName) => domainName !== null && this.#byServerName.delete(domainName),
    );
  }

  /** By creation date, oldest first; of one service where given. */
  list({
    serviceType,
    ...request
  }: PageRequest & { readonly serviceType?: DomainBody["serviceType"] | undefined }): Promise<
    Page<DomainConfiguration>
  > {
    const matches = ({ body }: DomainConfiguration) => serviceType === undefined || body.serviceType === serviceType;
    return DOMAINS.page(this.#registry.store.read, { ...request, ascending: true, matches });
  }

  #put(configuration: DomainConfiguration): void {
    const { domainName } = configuration.body;
    if (domainName !== null) this.#byServerName.set(domainName, configuration);
  }

  async #checkAuthorizer(choice: AuthorizerChoice | null): Promise<void> {
    const name = choice?.defaultAuthorizerName;
    if (name === undefined) return;
    try {
      await describeAuthorizer(this.#registry, name);
    } catch (cause) {
      if (!(cause instanceof NotFound)) throw cause;
      throw invalidRequest(`authorizerConfig.defaultAuthorizerName: ${cause.message}`, { cause });
    }
  }
}

function serverNameIn(domainName: string): string {
  const name = domainName.toLowerCase();
  if (isDnsName(name, { wildcard: false })) return name;
  throw invalidRequest(`domainName must be a DNS name, not ${JSON.stringify(domainName.slice(0, 64))}`);
}

function policyIn(name: string): string {
  if (name === DEFAULT_SECURITY_POLICY || name === TLS_13_POLICY) return name;
  throw invalidRequest(
    `tlsConfig.securityPolicy must be ${DEFAULT_SECURITY_POLICY} or ${TLS_13_POLICY}, not ${name.slice(0, 64)}`,
  );
}
