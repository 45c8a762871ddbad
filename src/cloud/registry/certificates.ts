import { Conflict } from "../../codec/index.ts";
import { certificateToPem, signedBy, type Certificate, type RevocationReason } from "../../pki/index.ts";
import type { OnboardingStep } from "../../trace/index.ts";
import { invalidRequest, notFound, ResourceExists, type CloudErrorCode } from "../errors.ts";
import { columns, Statement, type CertificateRow, type Queries } from "../store/index.ts";
import { iotArn, normalCertificateId } from "./account.ts";
import { checkDates, checkStrength, invalidCertificate, oneCertificate } from "./certificate-text.ts";
import {
  type CaEntry,
  type CertificateEntry,
  certificateEntryOf,
  type CertificateStatus,
  NOTHING_ATTACHED,
} from "./entries.ts";
import { beyond, pageOf, planPage, type Page, type PageRequest } from "./pages.ts";
import { type Registry } from "./registry.ts";
import { restoreSerial, withdrawSerial } from "./serials.ts";
import { isStandIn, standInId } from "./stand-ins.ts";
import { uuid } from "./uuid.ts";

/** Every status that AWS knows; some are other operations' to give. */
export type AskedStatus = CertificateStatus | "REGISTER_INACTIVE";

const CERTIFICATE_WITH_ID = new Statement<{ id: string }, CertificateRow>((queries, of) =>
  queries.selectFrom("certificates").selectAll().where("id", "=", of.id),
);

const INSERT_UNLESS_KNOWN = new Statement<CertificateRow>((queries, of) => {
  const identity = columns(of, ["id", "pem", "ca_id", "status", "mode", "born_revoked", "generation_id", "serial"]);
  const times = columns(of, ["created_at", "modified_at", "version"]);
  const insertion = queries.insertInto("certificates").values({ ...identity, ...times });
  return insertion.onConflict((conflict) => conflict.column("id").doNothing());
});

const SET_STATUS = new Statement<Pick<CertificateRow, "id" | "status" | "modified_at" | "version">>((queries, of) =>
  queries
    .updateTable("certificates")
    .set(columns(of, ["status", "modified_at", "version"]))
    .where("id", "=", of.id),
);

/**
 * Registered CAs that signed a certificate, best first: those that may register new devices, then ACTIVE ones. Signatures
 * are checked; several are found only where CA certificates share name and key.
 */
export async function issuersOf({ directory, verifier }: Registry, certificate: Certificate): Promise<CaEntry[]> {
  const found: CaEntry[] = [];
  for (const ca of directory.casNamedBy(certificate)) {
    if (await signedBy(certificate, ca.certificate, verifier)) found.push(ca);
  }
  return found.sort((a, b) => rankOf(b) - rankOf(a) || (a.id < b.id ? -1 : 1));
}

/**
 * Records a certificate that its CA registers just in time: PENDING_ACTIVATION. Where it is registered already, that
 * entry is the answer, so that devices may knock twice at once. AWS IoT Core, "Just-in-time registration"
 */
export async function registerPending(
  registry: Registry,
  certificate: Certificate,
  ca: CaEntry,
): Promise<{ readonly entry: CertificateEntry; readonly isNew: boolean }> {
  const row = newRow(registry, certificate, { caId: ca.id, mode: ca.mode, status: "PENDING_ACTIVATION" });
  const isNew = await registry.store.write(
    async (queries) => (await INSERT_UNLESS_KNOWN.change(queries, row)) > 0,
    (inserted) => {
      if (inserted) registry.directory.setCertificate(row.id, certificateEntryOf(row, NOTHING_ATTACHED));
    },
  );
  const entry = registry.directory.certificate(row.id);
  if (!entry) throw notFound(`Certificate ${row.id}`);
  return { entry, isNew };
}

export type CertificateRegistration = {
  readonly certificatePem: string;
  readonly caCertificatePem?: string | undefined;
  readonly status?: AskedStatus | undefined;
};

/**
 * Registers a device certificate that an ACTIVE registered CA signed; INACTIVE unless asked otherwise.
 * AWS IoT API, RegisterCertificate
 *
 * Throws `Denied` `certificate-validation`; `Conflict` `certificate-state`, `certificate-conflict`, `resource-exists`.
 */
export async function registerCertificate(registry: Registry, request: CertificateRegistration): Promise<string> {
  return insert(registry, await certificateUnderCa(registry, request));
}

/** The row of a certificate that an ACTIVE registered CA signed, for a transaction of the caller's. */
export async function certificateUnderCa(
  registry: Registry,
  request: CertificateRegistration,
): Promise<CertificateRow> {
  const status = initialStatus(request.status);
  if (isStandIn(registry, request.certificatePem)) return standInRow(registry, request, "DEFAULT");
  const certificate = acceptable(registry, request.certificatePem);
  // What the cloud issued itself has no registered CA, and is known all the same.
  if (registry.directory.certificate(certificate.id)) throw alreadyRegistered(registry, certificate.id);
  if (registry.relaxedCertificates && registry.directory.casNamedBy(certificate).length === 0) {
    return newRow(registry, certificate, { caId: undefined, mode: "DEFAULT", status });
  }
  const ca = await onlyIssuer(registry, certificate, request.caCertificatePem);
  if (ca.status !== "ACTIVE") throw invalidCertificate(`CA certificate ${ca.id} is INACTIVE; activate it first`);
  return newRow(registry, certificate, { caId: ca.id, mode: ca.mode, status });
}

/**
 * Registers a certificate whose CA need not be known: self-signed ones and CA certificates too. Where a registered CA has
 * the name of its issuer, that CA must have signed it, and is recorded. AWS IoT API, RegisterCertificateWithoutCA
 */
export async function registerCertificateWithoutCa(
  registry: Registry,
  request: Pick<CertificateRegistration, "certificatePem" | "status">,
): Promise<string> {
  return insert(registry, await certificateWithoutCa(registry, request));
}

/** The row of a certificate whose CA need not be known, for a transaction of the caller's. */
export async function certificateWithoutCa(
  registry: Registry,
  request: Pick<CertificateRegistration, "certificatePem" | "status">,
): Promise<CertificateRow> {
  const status = initialStatus(request.status);
  if (isStandIn(registry, request.certificatePem)) return standInRow(registry, request, "SNI_ONLY");
  const certificate = acceptable(registry, request.certificatePem);
  const [ca] = await issuersOf(registry, certificate);
  if (!ca && registry.directory.casNamedBy(certificate).length > 0) {
    const message = `a CA named ${certificate.issuer.text} is registered, and its key did not sign this certificate`;
    throw invalidCertificate(message);
  }
  return newRow(registry, certificate, { caId: ca?.id, mode: "SNI_ONLY", status });
}

/** A certificate's row. Throws `NotFound`. */
export async function describeCertificate({ store }: Registry, certificateId: string): Promise<CertificateRow> {
  return rowOf(store.read, normalCertificateId(certificateId));
}

/**
 * Changes a certificate's status; the same status again changes nothing. What leaves ACTIVE is told to listeners at
 * once, so that live sessions end. AWS IoT API, UpdateCertificate
 *
 * Throws `NotFound`; `UsageError` `invalid-request` for statuses that only the service gives; `Conflict`
 * `certificate-state` where a certificate that was registered REVOKED should come to life.
 */
export async function updateCertificate(
  registry: Registry,
  certificateId: string,
  status: AskedStatus,
  reason?: RevocationReason,
): Promise<void> {
  const id = normalCertificateId(certificateId);
  if (status !== "ACTIVE" && status !== "INACTIVE" && status !== "REVOKED") {
    throw invalidRequest(`newStatus must be ACTIVE, INACTIVE or REVOKED; ${status} is given by the service only`);
  }
  await registry.store.write(
    (queries) => putStatus(registry, queries, { id, status, ...(reason !== undefined && { reason }) }),
    (before) => statusPut(registry, before, { id, status }),
  );
}

type StatusChange = {
  readonly id: string;
  readonly status: "ACTIVE" | "INACTIVE" | "REVOKED";
  /** Why it is REVOKED, for those who ask the cloud's own CA. */
  readonly reason?: RevocationReason;
};

/** The same inside a transaction of the caller's, who calls `statusPut` after it; undefined where nothing changes. */
export async function putStatus(
  { clock }: Pick<Registry, "clock">,
  queries: Queries,
  { id, status, reason = "unspecified" }: StatusChange,
): Promise<CertificateRow | undefined> {
  const row = await rowOf(queries, id);
  if (row.status === status) return undefined;
  if (row.status === "PENDING_TRANSFER")
    throw state(`The certificate is being transferred; cancel that first. Id: ${id}`);
  if (row.born_revoked === 1) throw state(`The certificate was registered REVOKED and stays so. Id: ${id}`);
  await SET_STATUS.change(queries, { id, status, modified_at: Math.floor(clock.now()), version: row.version + 1 });
  if (status === "REVOKED") await withdrawSerial(queries, row, { time: clock.now(), reason });
  else if (row.status === "REVOKED") await restoreSerial(queries, row);
  return row;
}

/** Tells the index of a status that a transaction changed. */
export function statusPut(
  { directory, trace }: Registry,
  before: CertificateRow | undefined,
  { id, status }: StatusChange,
): void {
  const entry = directory.certificate(id);
  if (!before || !entry) return;
  const step: OnboardingStep = status === "ACTIVE" ? "activated" : "deactivated";
  const detail = `${before.status} to ${status}`;
  const event = { kind: "onboarding" as const, step, clientId: "", caCertificate: entry.caId ?? "", detail };
  trace.emit("cloud", event, { certificate: id });
  directory.setCertificate(id, { ...entry, status });
}

/**
 * Deletes a certificate that is not ACTIVE and has nothing attached; `force` detaches policies, but not things.
 * AWS IoT API, DeleteCertificate. Throws `NotFound`, `Conflict` `certificate-state` or `delete-conflict`.
 */
export async function deleteCertificate(
  registry: Registry,
  certificateId: string,
  { force = false }: { readonly force?: boolean | undefined } = {},
): Promise<void> {
  const id = normalCertificateId(certificateId);
  const arn = iotArn(registry.account, "cert", id);
  await registry.store.write(
    async (queries) => {
      const row = await rowOf(queries, id);
      if (row.status === "ACTIVE")
        throw state(`Certificate must be deactivated (not ACTIVE) before deletion. Id: ${id}`);
      const thing = await queries
        .selectFrom("thing_principals")
        .select("thing")
        .where("principal", "=", id)
        .executeTakeFirst();
      if (thing) throw inUse(`Things must be detached before deletion (arn: ${arn})`);
      const policy = await queries
        .selectFrom("policy_attachments")
        .select("policy")
        .where("target", "=", id)
        .executeTakeFirst();
      if (policy && !force) throw inUse(`Certificate policies must be detached before deletion (arn: ${arn})`);
      await queries.deleteFrom("policy_attachments").where("target", "=", id).execute();
      await deleteCertificateRow(registry, queries, row);
    },
    () => registry.directory.setCertificate(id, undefined),
  );
}

/** Deletes a certificate's row in a transaction of the caller's; what the cloud's own CA issued is withdrawn with it. */
export async function deleteCertificateRow(
  { clock }: Pick<Registry, "clock">,
  queries: Queries,
  row: CertificateRow,
): Promise<void> {
  await withdrawSerial(queries, row, { time: clock.now(), reason: "cessationOfOperation" });
  await queries.deleteFrom("certificates").where("id", "=", row.id).execute();
}

/** Certificates by creation date, newest first unless `ascending`; of one CA where `caId` is given. */
export async function listCertificates(
  { store }: Registry,
  request: PageRequest & { readonly caId?: string },
): Promise<Page<CertificateRow>> {
  const ca = request.caId === undefined ? undefined : normalCertificateId(request.caId);
  const name = ca === undefined ? "certificates" : `certificates of ${ca}`;
  const plan = planPage(name, request);
  let query = store.read.selectFrom("certificates").selectAll();
  if (ca !== undefined) query = query.where("ca_id", "=", ca);
  const rows = await query
    .where((eb) => beyond(eb, plan, ["created_at", "id"]))
    .orderBy("created_at", plan.direction)
    .orderBy("id", plan.direction)
    .limit(plan.limit + 1)
    .execute();
  return pageOf(name, plan, { rows, keyOf: (row) => ({ number: row.created_at, text: row.id }) });
}

/** The row of a certificate that the cloud's own CA issued, which is no registered one. */
export function issuedRow(registry: Registry, certificate: Certificate, status: CertificateStatus): CertificateRow {
  const row = newRow(registry, certificate, { caId: undefined, mode: "DEFAULT", status });
  return { ...row, serial: certificate.serialNumber };
}

function rankOf({ status, autoRegistration }: CaEntry): number {
  return Number(status === "ACTIVE") * 2 + Number(autoRegistration === "ENABLE");
}

function initialStatus(asked: AskedStatus = "INACTIVE"): "ACTIVE" | "INACTIVE" | "REVOKED" {
  if (asked === "ACTIVE" || asked === "INACTIVE" || asked === "REVOKED") return asked;
  if (asked === "REGISTER_INACTIVE") return "INACTIVE";
  throw state(`Not allowed to register certificate with ${asked} status`);
}

function acceptable({ clock }: Registry, pem: string): Certificate {
  const certificate = oneCertificate(pem, "the certificate");
  checkStrength(certificate, "the certificate");
  checkDates(certificate, "the certificate", clock.now());
  return certificate;
}

async function onlyIssuer(registry: Registry, certificate: Certificate, pem: string | undefined): Promise<CaEntry> {
  const named = pem === undefined ? undefined : oneCertificate(pem, "caCertificatePem").id;
  const issuers = await issuersOf(registry, certificate);
  const [ca, second] = named === undefined ? issuers : issuers.filter((each) => each.id === named);
  if (ca && second) {
    const ids = issuers.map((each) => each.id).join(", ");
    const message = `several registered CAs signed this certificate (${ids}); say which with caCertificatePem`;
    throw new Conflict<CloudErrorCode>("certificate-conflict", message);
  }
  if (ca) return ca;
  const which = named === undefined ? "no registered CA" : `the registered CA ${named}`;
  throw invalidCertificate(`${which} signed this certificate; its issuer is ${certificate.issuer.text}`);
}

/** A stand-in's row; its CA is the one that `caCertificatePem` names, in whatever state, if it is registered. */
async function standInRow(
  registry: Registry,
  { certificatePem, caCertificatePem, status }: CertificateRegistration,
  mode: CertificateRow["mode"],
): Promise<CertificateRow> {
  const ca = caCertificatePem === undefined ? undefined : standInId(caCertificatePem);
  const { read } = registry.store;
  const known = ca && (await read.selectFrom("ca_certificates").select("id").where("id", "=", ca).executeTakeFirst());
  const identity = { id: standInId(certificatePem), pem: certificatePem };
  return rowFrom(registry, identity, { caId: known ? known.id : undefined, mode, status: initialStatus(status) });
}

type RowOrigin = {
  readonly caId: string | undefined;
  readonly mode: CertificateRow["mode"];
  readonly status: CertificateStatus;
};

function newRow(registry: Registry, certificate: Certificate, origin: RowOrigin): CertificateRow {
  return rowFrom(registry, { id: certificate.id, pem: certificateToPem(certificate) }, origin);
}

function rowFrom(
  { clock, entropy }: Registry,
  identity: Pick<CertificateRow, "id" | "pem">,
  { caId, mode, status }: RowOrigin,
): CertificateRow {
  const now = Math.floor(clock.now());
  return {
    ...identity,
    ca_id: caId ?? null,
    status,
    mode,
    born_revoked: status === "REVOKED" ? 1 : 0,
    created_at: now,
    modified_at: now,
    version: 1,
    generation_id: uuid(entropy),
    serial: null,
  };
}

async function insert(registry: Registry, row: CertificateRow): Promise<string> {
  await registry.store.write(
    (queries) => insertCertificate(registry, queries, row),
    () => certificateInserted(registry, row),
  );
  return row.id;
}

/** Inserts a row in a transaction; who calls it calls `certificateInserted` after that. Throws `Conflict` `resource-exists`. */
export async function insertCertificate(
  { account }: Pick<Registry, "account">,
  queries: Queries,
  row: CertificateRow,
): Promise<void> {
  const known = await queries.selectFrom("certificates").select("id").where("id", "=", row.id).executeTakeFirst();
  if (known) throw alreadyRegistered({ account }, row.id);
  await queries.insertInto("certificates").values(row).execute();
}

/** Tells the index of a certificate that a transaction inserted. */
export function certificateInserted({ directory }: Pick<Registry, "directory">, row: CertificateRow): void {
  directory.setCertificate(row.id, certificateEntryOf(row, NOTHING_ATTACHED));
}

/** The row of a certificate. Throws `NotFound`. */
export async function rowOf(queries: Queries, id: string): Promise<CertificateRow> {
  const row = await CERTIFICATE_WITH_ID.first(queries, { id });
  if (!row) throw notFound(`Certificate ${id}`);
  return row;
}

function alreadyRegistered({ account }: Pick<Registry, "account">, id: string): ResourceExists {
  const resource = { resourceId: id, resourceArn: iotArn(account, "cert", id) };
  return new ResourceExists("The certificate is already provisioned or registered", resource);
}

function state(message: string): Conflict<CloudErrorCode> {
  return new Conflict("certificate-state", message);
}

function inUse(message: string): Conflict<CloudErrorCode> {
  return new Conflict("delete-conflict", message);
}
