import { Conflict, HawserError, toHex, utf8Bytes } from "../../codec/index.ts";
import type { Hash } from "../../crypto/index.ts";
import { notFound, type CloudErrorCode } from "../errors.ts";
import { checkPolicyLength } from "../policy/index.ts";
import {
  certificateInserted,
  certificateFromCsr,
  certificateUnderCa,
  certificateWithoutCa,
  changeThing,
  findThing,
  groupsOfThing,
  insertCertificate,
  insertPolicy,
  insertThing,
  iotArn,
  issuedRow,
  normalCertificateId,
  policyAttached,
  putAttachment,
  putStatus,
  putThingGroups,
  putThingPrincipal,
  rowOf,
  sameAttributes,
  statusPut,
  thingInserted,
  thingPrincipalPut,
  type DeviceIssuing,
  type Registry,
} from "../registry/index.ts";
import type { CertificateRow, Queries } from "../store/index.ts";
import type { Plan, PlannedCertificate, PlannedPolicy, PlannedThing } from "./plan.ts";
import { registrationFailed } from "./template.ts";

/** What a plan is carried out on. */
export type Workshop = { readonly registry: Registry; readonly issuing: DeviceIssuing; readonly hash: Hash };

/** What a plan made, by the template's own names. */
export type Provisioned = {
  readonly certificateId: string | undefined;
  readonly certificatePem: string | undefined;
  readonly thingName: string | undefined;
  readonly resourceArns: Readonly<Record<string, string>>;
};

/** What the index is told after the transaction, in order. */
type Told = (() => void)[];

type Work = {
  readonly shop: Workshop;
  readonly queries: Queries;
  readonly told: Told;
  /** Told after all the rest: whoever hears that a certificate became ACTIVE finds its rights in place. */
  readonly toldLast: Told;
};

/**
 * Carries out a plan, all of it or nothing: thing, certificate, policies, and what ties them together.
 *
 * Throws what the registry's operations throw, and `Conflict` `conflicting-resource` where an override says FAIL.
 */
export async function carryOut(shop: Workshop, plan: Plan): Promise<Provisioned> {
  const { registry } = shop;
  const certificate = plan.certificate && (await preparedRow(shop, plan.certificate));
  const { made } = await registry.store.write(
    async (queries) => {
      const [told, toldLast]: [Told, Told] = [[], []];
      const made = await perform({ shop, queries, told, toldLast }, plan, certificate);
      return { told: [...told, ...toldLast], made };
    },
    ({ told }) => told.forEach((tell) => tell()),
  );
  return made;
}

async function perform(work: Work, plan: Plan, prepared: CertificateRow | undefined): Promise<Provisioned> {
  const { account } = work.shop.registry;
  const arns: [string, string][] = [];
  const { thing, certificate } = plan;
  if (thing) {
    await makeThing(work, thing);
    arns.push([thing.logical, iotArn(account, "thing", thing.name)]);
  }
  const row = certificate && (await takeCertificate(work, certificate, prepared));
  if (certificate && row) arns.push([certificate.logical, iotArn(account, "cert", row.id)]);
  for (const policy of plan.policies) {
    const name = await makePolicy(work, policy);
    arns.push([policy.logical, iotArn(account, "policy", name)]);
    if (row) await attach(work, name, row.id);
  }
  if (thing && certificate && row) await tie(work, thing.name, { id: row.id, isExclusive: certificate.isExclusive });
  return {
    certificateId: row?.id,
    certificatePem: row?.pem,
    thingName: thing?.name,
    resourceArns: Object.fromEntries(arns),
  };
}

async function makeThing({ shop, queries, told }: Work, planned: PlannedThing): Promise<void> {
  const { registry } = shop;
  const { name, attributes, type, billingGroup, groups, overrides } = planned;
  const known = await findThing(queries, name);
  if (!known) {
    const inserted = await insertThing(registry, queries, { name, attributes, type, billingGroup });
    told.push(() => thingInserted(registry, inserted));
  } else {
    const onAttributes = overrides["AttributePayload"] ?? "DO_NOTHING";
    const isSame = sameAttributes(attributes, known.attributes);
    if (onAttributes === "FAIL" && !isSame) throw conflicting(`thing ${name} has other attributes`);
    const onType = overrides["ThingTypeName"] ?? "DO_NOTHING";
    if (onType === "FAIL" && type !== undefined && type !== known.type)
      throw conflicting(`thing ${name} has another type`);
    const isChanging = !isSame && (onAttributes === "REPLACE" || onAttributes === "MERGE");
    const isRetyping = onType === "REPLACE" && type !== undefined && type !== known.type;
    const change = { ...(isChanging && { attributes, merge: onAttributes === "MERGE" }), ...(isRetyping && { type }) };
    if (isChanging || isRetyping) {
      const changed = await changeThing(registry, queries, name, change);
      told.push(() => registry.directory.setThing(changed));
    }
  }
  const before = known ? await groupsOfThing(queries, name) : [];
  const onGroups = known ? (overrides["ThingGroups"] ?? "DO_NOTHING") : "MERGE";
  if (onGroups === "DO_NOTHING" || (groups.length === 0 && onGroups !== "REPLACE")) return;
  const strangers = before.filter((group) => !groups.includes(group));
  const missing = groups.filter((group) => !before.includes(group));
  if (onGroups === "FAIL" && (strangers.length > 0 || missing.length > 0))
    throw conflicting(`thing ${name} is in other groups`);
  const remove = onGroups === "REPLACE" ? strangers : [];
  const after = await putThingGroups(registry, queries, name, { add: missing, remove });
  told.push(() => registry.directory.setGroupsOf(name, after));
}

/** The row of a certificate that does not exist yet, checked and signed before the transaction. */
async function preparedRow(
  shop: Workshop,
  { source, status }: PlannedCertificate,
): Promise<CertificateRow | undefined> {
  const { registry, issuing } = shop;
  if ("id" in source) return undefined;
  if ("csr" in source) return issuedRow(registry, await certificateFromCsr(registry, issuing, source.csr), status);
  const { pem: certificatePem, caPem: caCertificatePem } = source;
  if (caCertificatePem === undefined) return certificateWithoutCa(registry, { certificatePem, status });
  return certificateUnderCa(registry, { certificatePem, caCertificatePem, status });
}

async function takeCertificate(
  { shop, queries, told, toldLast }: Work,
  { source, status, overrides }: PlannedCertificate,
  prepared: CertificateRow | undefined,
): Promise<CertificateRow> {
  const { registry } = shop;
  if (prepared) {
    await insertCertificate(registry, queries, prepared);
    told.push(() => certificateInserted(registry, prepared));
    return prepared;
  }
  const id = normalCertificateId("id" in source ? source.id : "");
  const row = await rowOf(queries, id);
  const on = overrides["Status"] ?? "DO_NOTHING";
  if (row.status === status) return row;
  // Whoever waits for activation waits for this template.
  const isWaiting = row.status === "PENDING_ACTIVATION";
  if (on === "FAIL" && !isWaiting) throw conflicting(`certificate ${id} is ${row.status}`);
  if (on === "DO_NOTHING" && !isWaiting) return row;
  const before = await putStatus(registry, queries, { id, status });
  toldLast.push(() => statusPut(registry, before, { id, status }));
  return row;
}

async function makePolicy({ shop, queries, told }: Work, { name, document }: PlannedPolicy): Promise<string> {
  const { registry, hash } = shop;
  if (name !== undefined) return name;
  if (!document) throw notFound("Policy");
  // One document is one policy, however many devices bring it along. AWS IoT Core, "Provisioning templates"
  const own = toHex(hash.digest("sha256", utf8Bytes(document.text)));
  const known = await queries.selectFrom("policies").select("name").where("name", "=", own).executeTakeFirst();
  if (known) return own;
  checkLength(document.text, registry.limits.policyCharacters);
  await insertPolicy(registry, queries, { name: own, document: document.text });
  told.push(() => registry.directory.setPolicy(own, { name: own, version: 1, document: document.compiled }));
  return own;
}

function checkLength(text: string, most: number): void {
  try {
    checkPolicyLength(text, most);
  } catch (error) {
    if (!(error instanceof HawserError)) throw error;
    throw registrationFailed(`the template's PolicyDocument: ${error.message}`);
  }
}

async function attach({ shop, queries, told }: Work, policy: string, key: string): Promise<void> {
  await putAttachment(shop.registry, queries, { policy, key });
  told.push(() => policyAttached(shop.registry, policy, key));
}

async function tie(
  { shop, queries, told }: Work,
  thing: string,
  { id, isExclusive }: { readonly id: string; readonly isExclusive: boolean },
): Promise<void> {
  const type = isExclusive ? "EXCLUSIVE_THING" : "NON_EXCLUSIVE_THING";
  await putThingPrincipal(shop.registry, queries, { thing, id, type });
  told.push(() => thingPrincipalPut(shop.registry, thing, id));
}

function conflicting(what: string): Conflict<CloudErrorCode> {
  return new Conflict("conflicting-resource", `${what}, and the template says FAIL`);
}
