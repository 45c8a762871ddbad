import { certificatesFromPem, signedBy, type Certificate } from "../../pki/index.ts";
import { invalidRequest, notFound, ResourceExists } from "../errors.ts";
import {
  checkIsCa,
  describePolicy,
  iotArn,
  newResource,
  resourceKind,
  type Registry,
  type Resource,
} from "../registry/index.ts";

/** What a registry says of itself, as it is kept. */
type Body = {
  readonly caCertificates: string;
  readonly policies: readonly string[];
  readonly autoRegister: boolean;
  readonly derSignatures: boolean;
};

/** A group of devices that log in by JWT, defined by the CA that issues their certificates (AN-7648, "Basics"). */
export type DeviceRegistry = {
  readonly name: string;
  /** The registry's JWT_CA; more than one while it is being replaced. */
  readonly cas: readonly Certificate[];
  /** What a certificate is given that registers itself by its first login. */
  readonly policies: readonly string[];
  /** Whether a certificate of the JWT_CA that comes along with a token is registered, and ACTIVE, at once. */
  readonly autoRegister: boolean;
  /** Whether ECDSA signatures of tokens may be DER, as some secure elements' hosts send them against RFC 7518. */
  readonly derSignatures: boolean;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
};

export type DeviceRegistryOrder = {
  readonly caCertificates: string;
  readonly policies?: readonly string[] | undefined;
  readonly autoRegister?: boolean | undefined;
  readonly derSignatures?: boolean | undefined;
};

const KIND = resourceKind<Body>("device-registry", "Device registry");

const MAX_CAS = 5;

/** How many certificates' membership is remembered. */
const REMEMBERED = 100_000;

/** The device registries of an account, in memory and in the store. */
export class DeviceRegistries {
  readonly #registry: Registry;
  readonly #byName = new Map<string, DeviceRegistry>();
  /** Which registry's CA signed a certificate is worked out once: a token then costs one signature check. */
  readonly #members = new Map<string, boolean>();

  private constructor(registry: Registry) {
    this.#registry = registry;
  }

  static async open(registry: Registry): Promise<DeviceRegistries> {
    const opened = new DeviceRegistries(registry);
    for (const resource of await KIND.all(registry.store.read)) opened.#byName.set(resource.name, read(resource));
    return opened;
  }

  get size(): number {
    return this.#byName.size;
  }

  find(name: string): DeviceRegistry | undefined {
    return this.#byName.get(name);
  }

  /** Throws `NotFound`. */
  named(name: string): DeviceRegistry {
    const found = this.#byName.get(name);
    if (!found) throw notFound(`Device registry ${name}`);
    return found;
  }

  /** In order of their names. */
  all(): readonly DeviceRegistry[] {
    return [...this.#byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /**
   * Makes a registry. Throws `Conflict` `resource-exists`; `Denied` `certificate-validation` for what is no CA;
   * `UsageError` for a CA that defines another registry; `NotFound` for a policy.
   */
  async create(name: string, order: DeviceRegistryOrder): Promise<DeviceRegistry> {
    const { store, clock, account } = this.#registry;
    const { caCertificates, policies = [], autoRegister = false, derSignatures = false } = order;
    const made = newResource<Body>(name, { caCertificates, policies, autoRegister, derSignatures }, clock.now());
    const registry = read(made);
    if (registry.cas.length === 0 || registry.cas.length > MAX_CAS) {
      throw invalidRequest(`caCertificates must hold 1 to ${MAX_CAS} certificates, not ${registry.cas.length}`);
    }
    for (const ca of registry.cas) this.#checkCa(ca);
    for (const policy of policies) await describePolicy(this.#registry, policy);
    await store.write(
      (queries) => KIND.insert(queries, made, iotArn(account, "deviceregistry", name)),
      () => this.#set(name, registry),
    );
    return registry;
  }

  /** Deletes a registry: its devices' certificates stay, their tokens are refused from now on. Throws `NotFound`. */
  async delete(name: string): Promise<void> {
    await this.#registry.store.write(
      async (queries) => {
        if (!(await KIND.remove(queries, name))) throw notFound(`Device registry ${name}`);
      },
      () => this.#set(name, undefined),
    );
  }

  /** Whether one of the registry's CAs issued the certificate. */
  async isMember({ name, cas }: DeviceRegistry, certificate: Certificate): Promise<boolean> {
    const key = `${name} ${certificate.id}`;
    const known = this.#members.get(key);
    if (known !== undefined) return known;
    let isMember = false;
    for (const ca of cas) isMember ||= await signedBy(certificate, ca, this.#registry.verifier);
    if (this.#members.size >= REMEMBERED) this.#members.clear();
    this.#members.set(key, isMember);
    return isMember;
  }

  #checkCa(ca: Certificate): void {
    checkIsCa(ca, this.#registry.clock.now());
    const other = this.all().find(({ cas }) => cas.some(({ id }) => id === ca.id));
    if (!other) return;
    const { account } = this.#registry;
    const resource = { resourceId: other.name, resourceArn: iotArn(account, "deviceregistry", other.name) };
    throw new ResourceExists(`${ca.subject.text} defines the device registry ${other.name} already`, resource);
  }

  #set(name: string, registry: DeviceRegistry | undefined): void {
    this.#members.clear();
    if (registry) this.#byName.set(name, registry);
    else this.#byName.delete(name);
  }
}

function read({ name, body, createdAt }: Resource<Body>): DeviceRegistry {
  const { caCertificates, ...rest } = body;
  return { name, cas: certificatesFromPem(caCertificates), ...rest, createdAt };
}
