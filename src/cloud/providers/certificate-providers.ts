import { Conflict, HawserError } from "../../codec/index.ts";
import type { Certificate } from "../../pki/index.ts";
import { invalidRequest, type CloudErrorCode } from "../errors.ts";
import {
  acceptedRequest,
  certificateSignedElsewhere,
  changedResource,
  iotArn,
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
import type { AskFunction } from "../templates/index.ts";

/** A function that signs certificate requests in place of the cloud's own CA. */
export type CertificateProvider = Resource<{ readonly functionArn: string }>;

/** Who asks for a certificate: both empty for an operator. */
export type CsrSender = { readonly principalId: string; readonly clientId: string };

const PROVIDERS = resourceKind<CertificateProvider["body"]>("certificate-provider", "Certificate provider");

/** How long a provider's function may take. AWS IoT Core, "Self-managed certificate signing" */
const LIMIT_MS = 5000;

/**
 * The account's certificate provider, of which there is one at most: all requests for a certificate go to it while it is
 * there, and to the cloud's own CA otherwise. AWS IoT Core, "Self-managed certificate signing"
 */
export class CertificateProviders {
  readonly #registry: Registry;
  readonly #ask: AskFunction;

  constructor(registry: Registry, ask: AskFunction) {
    this.#registry = registry;
    this.#ask = ask;
  }

  /** Makes it. Throws `Conflict` `resource-exists`, `limit-exceeded`. AWS IoT API, CreateCertificateProvider */
  async create(
    name: string,
    { functionArn, tags }: { readonly functionArn: string; readonly tags?: readonly Tag[] | undefined },
  ): Promise<void> {
    const { store, clock } = this.#registry;
    const arn = this.arnOf(name);
    await store.write(async (queries) => {
      await PROVIDERS.insert(queries, newResource(name, { functionArn }, clock.now()), arn);
      await putTags(queries, arn, tags);
      if ((await PROVIDERS.all(queries)).length === 1) return;
      throw new Conflict<CloudErrorCode>("limit-exceeded", "an account has one certificate provider; delete it first");
    });
  }

  /** Throws `NotFound`. */
  describe(name: string): Promise<CertificateProvider> {
    return PROVIDERS.named(this.#registry.store.read, name);
  }

  /** Gives it another function. Throws `NotFound`. */
  async update(name: string, functionArn: string | undefined): Promise<void> {
    const { store, clock } = this.#registry;
    await store.write(async (queries) => {
      const known = await PROVIDERS.named(queries, name);
      const body = { functionArn: functionArn ?? known.body.functionArn };
      await PROVIDERS.replace(queries, changedResource(known, body, clock.now()));
    });
  }

  /** Throws `NotFound`. */
  async delete(name: string): Promise<void> {
    await this.#registry.store.write(async (queries) => {
      await PROVIDERS.named(queries, name);
      await PROVIDERS.remove(queries, name);
      await removeTags(queries, this.arnOf(name));
    });
  }

  /** By name, last first unless `ascending`. AWS IoT API, ListCertificateProviders */
  list(request: PageRequest): Promise<Page<CertificateProvider>> {
    return PROVIDERS.pageByName(this.#registry.store.read, request);
  }

  arnOf(name: string): string {
    return iotArn(this.#registry.account, "certificateprovider", name);
  }

  /**
   * The certificate that the provider's function gives for a request, checked; undefined where there is no provider.
   * Throws `UsageError` `invalid-request` with what was wrong: with the request, the function, or its certificate.
   */
  async certificateFor(csr: string, sender: CsrSender): Promise<Certificate | undefined> {
    const [provider] = await PROVIDERS.all(this.#registry.store.read);
    if (!provider) return undefined;
    await acceptedRequest(this.#registry, csr);
    const { account } = this.#registry;
    const caller = { service: "iot.amazonaws.com", sourceArn: this.arnOf(provider.name), sourceAccount: account.id };
    const event = { certificateSigningRequest: csr, ...sender };
    try {
      const answer = await this.#ask(caller, provider.body.functionArn, { event, limitMs: LIMIT_MS });
      const pem = typeof answer === "object" && answer !== null && "certificatePem" in answer && answer.certificatePem;
      if (typeof pem !== "string") throw invalidRequest("it answered no certificatePem");
      return await certificateSignedElsewhere(this.#registry, { csr, certificatePem: pem });
    } catch (cause) {
      if (!(cause instanceof HawserError)) throw cause;
      throw invalidRequest(`certificate provider ${provider.name} gave no certificate: ${cause.message}`, { cause });
    }
  }
}
