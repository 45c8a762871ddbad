import { Conflict, parsePem } from "../../codec/index.ts";
import { invalidRequest, notFound, type CloudErrorCode } from "../errors.ts";
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
import type { Queries } from "../store/index.ts";

type Body = {
  readonly functionArn: string;
  readonly tokenKeyName: string | undefined;
  /** PEM public keys by name: a token is good if one of them signed it. */
  readonly publicKeys: Readonly<Record<string, string>>;
  readonly status: "ACTIVE" | "INACTIVE";
  readonly signingDisabled: boolean;
  readonly caching: boolean;
};

/** A function that says who a client is, from a token or from user name and password. */
export type Authorizer = Resource<Body>;

const AUTHORIZERS = resourceKind<Body>("authorizer", "Authorizer");
const DEFAULT = resourceKind<{ readonly authorizer: string }>("default-authorizer", "Default authorizer");
const ONLY = "default";

export type AuthorizerChange = Partial<Omit<Body, "signingDisabled">>;

/** Makes an authorizer, INACTIVE unless asked otherwise. Throws `Conflict`, `UsageError`. AWS IoT API, CreateAuthorizer */
export async function createAuthorizer(
  registry: Registry,
  name: string,
  given: Partial<Body> & { readonly functionArn: string; readonly tags?: readonly Tag[] | undefined },
): Promise<void> {
  const { tags, ...rest } = given;
  const body: Body = {
    functionArn: rest.functionArn,
    tokenKeyName: rest.tokenKeyName,
    publicKeys: rest.publicKeys ?? {},
    status: rest.status ?? "INACTIVE",
    signingDisabled: rest.signingDisabled ?? false,
    caching: rest.caching ?? false,
  };
  checkKeys(body);
  const arn = iotArn(registry.account, "authorizer", name);
  await registry.store.write(async (queries) => {
    await AUTHORIZERS.insert(queries, newResource(name, body, registry.clock.now()), arn);
    await putTags(queries, arn, tags);
    await checkRoom(registry, queries);
  });
}

/** An authorizer. Throws `NotFound`. */
export function describeAuthorizer({ store }: Registry, name: string): Promise<Authorizer> {
  return AUTHORIZERS.named(store.read, name);
}

/** Changes an authorizer; public keys are added to those it has. Throws `NotFound`, `UsageError`, `Conflict`. AWS IoT API, UpdateAuthorizer */
export async function updateAuthorizer(registry: Registry, name: string, change: AuthorizerChange): Promise<void> {
  await registry.store.write(async (queries) => {
    const known = await AUTHORIZERS.named(queries, name);
    const { body } = known;
    const after: Body = {
      functionArn: change.functionArn ?? body.functionArn,
      tokenKeyName: change.tokenKeyName ?? body.tokenKeyName,
      publicKeys: { ...body.publicKeys, ...change.publicKeys },
      status: change.status ?? body.status,
      signingDisabled: body.signingDisabled,
      caching: change.caching ?? body.caching,
    };
    checkKeys(after);
    await AUTHORIZERS.replace(queries, changedResource(known, after, registry.clock.now()));
    if (known.body.status !== "ACTIVE") await checkRoom(registry, queries);
  });
}

/** Deletes an authorizer that is INACTIVE and not the default. Throws `NotFound`, `Conflict` `delete-conflict`. */
export async function deleteAuthorizer({ store, account }: Registry, name: string): Promise<void> {
  await store.write(async (queries) => {
    const { body } = await AUTHORIZERS.named(queries, name);
    const isDefault = (await DEFAULT.find(queries, ONLY))?.body.authorizer === name;
    if (body.status === "ACTIVE" || isDefault) {
      const why = isDefault ? "it is the default" : "it is ACTIVE";
      throw new Conflict<CloudErrorCode>("delete-conflict", `Cannot delete authorizer ${name}: ${why}`);
    }
    await AUTHORIZERS.remove(queries, name);
    await removeTags(queries, iotArn(account, "authorizer", name));
  });
}

/** Authorizers by name, last first unless `ascending`; of one status where given. AWS IoT API, ListAuthorizers */
export function listAuthorizers(
  { store }: Registry,
  { status, ...request }: PageRequest & { readonly status?: Body["status"] | undefined },
): Promise<Page<Authorizer>> {
  return AUTHORIZERS.pageByName(store.read, {
    ...request,
    matches: ({ body }) => status === undefined || body.status === status,
  });
}

/** Makes an authorizer the one that is asked where a client names none. Throws `NotFound`. AWS IoT API, SetDefaultAuthorizer */
export async function setDefaultAuthorizer({ store, clock }: Registry, name: string): Promise<void> {
  await store.write(async (queries) => {
    await AUTHORIZERS.named(queries, name);
    await DEFAULT.remove(queries, ONLY);
    await DEFAULT.insert(queries, newResource(ONLY, { authorizer: name }, clock.now()), "");
  });
}

/** The default authorizer. Throws `NotFound` where there is none. */
export async function defaultAuthorizer({ store }: Registry): Promise<Authorizer> {
  const { body } = await DEFAULT.named(store.read, ONLY);
  return AUTHORIZERS.named(store.read, body.authorizer);
}

/** Takes the default away. Throws `NotFound` where there is none. */
export async function clearDefaultAuthorizer({ store }: Registry): Promise<void> {
  await store.write(async (queries) => {
    if (!(await DEFAULT.remove(queries, ONLY))) throw notFound("Default authorizer");
  });
}

function checkKeys({ signingDisabled, tokenKeyName, publicKeys }: Body): void {
  for (const [name, pem] of Object.entries(publicKeys)) {
    const blocks = pem.includes("-----BEGIN PUBLIC KEY-----") ? parsePem(pem) : [];
    if (blocks.length !== 1) throw invalidRequest(`tokenSigningPublicKeys.${name} must be one PEM PUBLIC KEY`);
  }
  if (signingDisabled) return;
  if (tokenKeyName === undefined || Object.keys(publicKeys).length === 0) {
    throw invalidRequest("tokenKeyName and tokenSigningPublicKeys are required unless signingDisabled is true");
  }
}

async function checkRoom({ limits }: Registry, queries: Queries): Promise<void> {
  const active = (await AUTHORIZERS.all(queries)).filter(({ body }) => body.status === "ACTIVE");
  if (active.length <= limits.activeAuthorizers) return;
  const limit = limitNamed(limits, "activeAuthorizers");
  throw new Conflict<CloudErrorCode>("limit-exceeded", `as many authorizers are ACTIVE as may be (${limit})`);
}
