import { HawserError, UsageError } from "../../codec/index.ts";
import { CertificateMemory } from "../../pki/index.ts";
import type { CloudErrorCode } from "../errors.ts";
import { parsePolicyDocument, type PolicyDocument } from "../policy/index.ts";
import { openAccessKeys } from "./access-keys.ts";
import { Directory } from "./directory.ts";
import { caEntryOf } from "./entries.ts";
import { ACCOUNT_LIMITS } from "./limits.ts";
import { loadCertificates } from "./load-certificates.ts";
import type { Registry, RegistryOptions, RegistryPorts } from "./registry.ts";
import { randomAccountId, settingOr } from "./settings.ts";
import { isNoCertificate, policyOf } from "./stand-ins.ts";
import { loadGroups } from "./thing-groups.ts";

/** The registry of a store: account and access key made at the first start, index filled. */
export async function openRegistry(ports: RegistryPorts, options: RegistryOptions = {}): Promise<Registry> {
  const { store, entropy } = ports;
  const account = await store.write(async (queries) => ({
    id: await settingOr(queries, "account-id", () => options.accountId ?? randomAccountId(entropy)),
    region: await settingOr(queries, "region", () => options.region ?? "us-east-1"),
  }));
  if (options.region !== undefined && options.region !== account.region) {
    const message = `this data directory belongs to ${account.region}, not ${options.region}`;
    throw new UsageError<CloudErrorCode>("region-fixed", message);
  }
  if (options.accountId !== undefined && options.accountId !== account.id) {
    const message = `this data directory belongs to account ${account.id}, not ${options.accountId}`;
    throw new UsageError<CloudErrorCode>("account-fixed", message);
  }
  const accessKeys = await openAccessKeys(ports);
  const { relaxedCertificates = false, limits = ACCOUNT_LIMITS } = options;
  const registry = {
    ...ports,
    account,
    accessKeys,
    limits,
    directory: new Directory(entropy),
    seen: new CertificateMemory(),
    relaxedCertificates,
  };
  await loadCas(registry);
  await loadPolicies(registry);
  await loadCertificates(registry);
  await loadThings(registry);
  await loadGroups(registry);
  return registry;
}

async function loadCas({ store, directory }: Registry): Promise<void> {
  const rows = await store.read.selectFrom("ca_certificates").selectAll().orderBy("created_at").execute();
  // A stand-in signs nothing: no connection asks for it.
  for (const row of rows) if (!isNoCertificate(row.pem)) directory.setCa(row.id, caEntryOf(row));
}

async function loadPolicies(registry: Registry): Promise<void> {
  const { store, directory } = registry;
  const rows = await store.read
    .selectFrom("policies")
    .innerJoin("policy_versions", (join) =>
      join
        .onRef("policy_versions.policy", "=", "policies.name")
        .onRef("policy_versions.version", "=", "policies.default_version"),
    )
    .select(["policies.name", "policy_versions.version", "policy_versions.document"])
    .execute();
  for (const { name, version, document } of rows) {
    directory.setPolicy(name, { name, version, document: compiledOrDeny(registry, name, document) });
  }
}

/** Denies everything: what stands for a stored document that this version cannot read. */
const DENY_ALL = '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}';

function compiledOrDeny(registry: Registry, name: string, document: string): PolicyDocument {
  try {
    return policyOf(registry, document);
  } catch (error) {
    if (!(error instanceof HawserError)) throw error;
    const detail = `policy ${name} cannot be read and denies everything until it is replaced: ${error.message}`;
    registry.trace.emit("cloud", { kind: "process", what: "warning", detail });
    return parsePolicyDocument(DENY_ALL);
  }
}

async function loadThings({ store, directory }: Registry): Promise<void> {
  const row = await store.read
    .selectFrom("things")
    .select(({ fn }) => fn.countAll<number>().as("count"))
    .executeTakeFirst();
  directory.addThings(row?.count ?? 0);
}
