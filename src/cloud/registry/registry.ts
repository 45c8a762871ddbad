import { HawserError, UsageError } from "../../codec/index.ts";
import type { Clock, Entropy, SignatureVerifier } from "../../crypto/index.ts";
import { certificateFromPem, CertificateMemory } from "../../pki/index.ts";
import type { Trace } from "../../trace/index.ts";
import type { CloudErrorCode } from "../errors.ts";
import { parsePolicyDocument, type PolicyDocument } from "../policy/index.ts";
import type { CaCertificateRow, CertificateRow, Store } from "../store/index.ts";
import { openAccessKeys, type AccessKeyRing } from "./access-keys.ts";
import type { Account } from "./account.ts";
import { Directory } from "./directory.ts";
import type { CaEntry, CertificateEntry } from "./entries.ts";
import { ACCOUNT_LIMITS, type AccountLimits } from "./limits.ts";
import { randomAccountId, settingOr } from "./settings.ts";
import { isNoCertificate, policyOf } from "./stand-ins.ts";
import { loadGroups } from "./thing-groups.ts";

export type RegistryPorts = {
  readonly store: Store;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly verifier: SignatureVerifier;
  readonly trace: Trace;
};

/** What the functions of this sub-room work on. */
export type Registry = RegistryPorts & {
  readonly account: Account;
  readonly accessKeys: AccessKeyRing;
  readonly limits: AccountLimits;
  readonly directory: Directory;
  /** Certificates that devices showed lately. */
  readonly seen: CertificateMemory;
  /** Whether texts that are no certificates may stand for some; for test suites only. */
  readonly relaxedCertificates: boolean;
};

export type RegistryOptions = {
  /** Stands in every ARN: given or us-east-1 at the first start, and the same ever after. */
  readonly region?: string;
  /** Twelve digits: given or random at the first start, and the same ever after. */
  readonly accountId?: string;
  /** Takes texts that are no certificates as if they were; for test suites only. */
  readonly relaxedCertificates?: boolean;
  /** AWS's where none are given. They bound what is made from now on; what is kept already stays. */
  readonly limits?: AccountLimits;
};

/** How many rows of a table one query of the start-up scan reads. */
const SCAN = 2000;

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

/** The index entry of a CA's row. */
export function caEntryOf(row: CaCertificateRow): CaEntry {
  const { id, status, mode } = row;
  return { id, status, mode, autoRegistration: row.auto_registration, certificate: certificateFromPem(row.pem) };
}

/** The index entry of a certificate's row with its attachments. */
export function certificateEntryOf(
  row: Pick<CertificateRow, "id" | "status" | "ca_id" | "mode" | "created_at">,
  attached: Pick<CertificateEntry, "policies" | "things">,
): CertificateEntry {
  const { id, status, mode } = row;
  return { id, status, mode, caId: row.ca_id ?? undefined, registeredAt: row.created_at, ...attached };
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

async function loadCertificates({ store, directory }: Registry): Promise<void> {
  for (let after = ""; ;) {
    const rows = await store.read
      .selectFrom("certificates")
      .select(["id", "status", "ca_id", "mode", "created_at"])
      .where("id", ">", after)
      .orderBy("id")
      .limit(SCAN)
      .execute();
    const last = rows.at(-1)?.id;
    if (last === undefined) return;
    const attached = await attachmentsBetween(store, after, last);
    for (const row of rows) {
      directory.setCertificate(row.id, certificateEntryOf(row, attached.get(row.id) ?? NOTHING_ATTACHED));
    }
    after = last;
  }
}

/** What a new certificate has attached. */
export const NOTHING_ATTACHED: Pick<CertificateEntry, "policies" | "things"> = { policies: [], things: [] };

type Attached = { readonly policies: string[]; readonly things: string[] };

async function attachmentsBetween({ read }: Store, after: string, last: string): Promise<Map<string, Attached>> {
  const found = new Map<string, Attached>();
  const of = (id: string): Attached => {
    let entry = found.get(id);
    if (!entry) found.set(id, (entry = { policies: [], things: [] }));
    return entry;
  };
  const policies = await read
    .selectFrom("policy_attachments")
    .select(["target", "policy"])
    .where("target", ">", after)
    .where("target", "<=", last)
    .orderBy("attached_at")
    .orderBy("policy")
    .execute();
  for (const { target, policy } of policies) of(target).policies.push(policy);
  const things = await read
    .selectFrom("thing_principals")
    .select(["principal", "thing"])
    .where("principal", ">", after)
    .where("principal", "<=", last)
    .orderBy("attached_at")
    .orderBy("thing")
    .execute();
  for (const { principal, thing } of things) of(principal).things.push(thing);
  return found;
}

async function loadThings({ store, directory }: Registry): Promise<void> {
  const row = await store.read
    .selectFrom("things")
    .select(({ fn }) => fn.countAll<number>().as("count"))
    .executeTakeFirst();
  directory.addThings(row?.count ?? 0);
}
