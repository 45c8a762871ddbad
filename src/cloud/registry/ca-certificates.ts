import { Conflict } from "../../codec/index.ts";
import { certificateToPem, type Certificate } from "../../pki/index.ts";
import { invalidRequest, notFound, ResourceExists, type CloudErrorCode } from "../errors.ts";
import type { CaCertificateRow, Queries } from "../store/index.ts";
import { iotArn, normalCertificateId } from "./account.ts";
import { oneCertificate } from "./certificate-text.ts";
import { type AutoRegistration, caEntryOf, type CaStatus, type CertificateMode } from "./entries.ts";
import { limitNamed } from "./limits.ts";
import { beyond, pageOf, planPage, type Page, type PageRequest } from "./pages.ts";
import { checkCode, checkIsCa, checkSigned } from "./proof-of-possession.ts";
import { type Registry } from "./registry.ts";
import { readSetting } from "./settings.ts";
import { isNoCertificate, isStandIn, standInId } from "./stand-ins.ts";
import { putTags, removeTags, type Tag } from "./tags.ts";
import { uuid } from "./uuid.ts";

export type CaRegistration = {
  readonly caCertificate: string;
  readonly verificationCertificate?: string;
  readonly mode?: CertificateMode;
  readonly setAsActive?: boolean;
  readonly allowAutoRegistration?: boolean;
  readonly tags?: readonly Tag[];
};

/**
 * Registers a CA whose owner proves that they hold its key: INACTIVE and without auto-registration unless asked
 * otherwise. In SNI_ONLY mode nothing is proved, and its devices must name this account's endpoint by SNI. Resolves
 * with its id. AWS IoT API, RegisterCACertificate
 *
 * Throws `Denied` `certificate-validation`, `registration-code-mismatch`; `Conflict` `resource-exists`, `limit-exceeded`.
 */
export async function registerCa(registry: Registry, request: CaRegistration): Promise<string> {
  const { caCertificate, verificationCertificate, mode = "DEFAULT" } = request;
  if (mode === "DEFAULT" && verificationCertificate === undefined) {
    throw invalidRequest("verificationCertificate is required: sign a certificate whose CN is the registration code");
  }
  if (mode === "SNI_ONLY" && verificationCertificate !== undefined) {
    throw invalidRequest("verificationCertificate must be absent where certificateMode is SNI_ONLY: nothing is proved");
  }
  if (isStandIn(registry, caCertificate)) return registerStandIn(registry, request);
  const ca = oneCertificate(caCertificate, "the CA certificate");
  checkIsCa(ca, registry.clock.now());
  const checkAgain = await proofOf(registry, ca, verificationCertificate);
  const row = newRow(registry, rowPartsOf(ca), request);
  await registry.store.write(
    async (queries) => {
      // Somebody may have deleted the code, or registered the same CA, while we were checking signatures.
      await checkAgain(queries);
      await checkRoom(registry, queries, { row, name: ca.subject.text });
      await queries.insertInto("ca_certificates").values(row).execute();
      await putTags(queries, iotArn(registry.account, "cacert", row.id), request.tags);
    },
    () => registry.directory.setCa(row.id, caEntryOf(row)),
  );
  return row.id;
}

/** Checks the proof of possession; gives what must be checked again in the transaction. SNI_ONLY has none. */
async function proofOf(
  { store, clock, verifier }: Registry,
  ca: Certificate,
  text: string | undefined,
): Promise<(queries: Queries) => Promise<void>> {
  if (text === undefined) return () => Promise.resolve();
  const verification = oneCertificate(text, "the verification certificate");
  const checkAgain = async (queries: Queries) =>
    checkCode(verification, await readSetting(queries, "registration-code"));
  await checkAgain(store.read);
  await checkSigned({ ca, verification, now: clock.now() }, verifier);
  return checkAgain;
}

/** A CA's row. Throws `NotFound`. */
export async function describeCa({ store }: Registry, certificateId: string): Promise<CaCertificateRow> {
  const id = normalCertificateId(certificateId);
  const row = await store.read.selectFrom("ca_certificates").selectAll().where("id", "=", id).executeTakeFirst();
  if (!row) throw notFound(`CA certificate ${id}`);
  return row;
}

/** Changes a CA's status and auto-registration. Devices that are registered already stay as they are. Throws `NotFound`. */
export async function updateCa(
  registry: Registry,
  certificateId: string,
  changes: { readonly status?: CaStatus | undefined; readonly autoRegistration?: AutoRegistration | undefined },
): Promise<void> {
  const id = normalCertificateId(certificateId);
  const { store, clock, directory } = registry;
  await store.write(
    async (queries) => {
      const row = await queries.selectFrom("ca_certificates").selectAll().where("id", "=", id).executeTakeFirst();
      if (!row) throw notFound(`CA certificate ${id}`);
      const after: CaCertificateRow = {
        ...row,
        status: changes.status ?? row.status,
        auto_registration: changes.autoRegistration ?? row.auto_registration,
        version: row.version + 1,
        modified_at: Math.floor(clock.now()),
      };
      await queries.updateTable("ca_certificates").set(after).where("id", "=", id).execute();
      return after;
    },
    (after) => isNoCertificate(after.pem) || directory.setCa(id, caEntryOf(after)),
  );
}

/** Removes a CA that is INACTIVE; its devices keep their records. Throws `NotFound`, `Conflict` `certificate-state`. */
export async function deleteCa({ store, directory, account }: Registry, certificateId: string): Promise<void> {
  const id = normalCertificateId(certificateId);
  await store.write(
    async (queries) => {
      const row = await queries.selectFrom("ca_certificates").select("status").where("id", "=", id).executeTakeFirst();
      if (!row) throw notFound(`CA certificate ${id}`);
      if (row.status === "ACTIVE") {
        const message = `Certificate must be deactivated (not ACTIVE) before deletion. Id: ${id}`;
        throw new Conflict<CloudErrorCode>("certificate-state", message);
      }
      await queries.deleteFrom("ca_certificates").where("id", "=", id).execute();
      await removeTags(queries, iotArn(account, "cacert", id));
    },
    () => directory.ca(id) && directory.setCa(id, undefined),
  );
}

/** Registered CAs by creation date, newest first unless `ascending`. */
export async function listCas({ store }: Registry, request: PageRequest): Promise<Page<CaCertificateRow>> {
  const plan = planPage("ca-certificates", request);
  const rows = await store.read
    .selectFrom("ca_certificates")
    .selectAll()
    .where((eb) => beyond(eb, plan, ["created_at", "id"]))
    .orderBy("created_at", plan.direction)
    .orderBy("id", plan.direction)
    .limit(plan.limit + 1)
    .execute();
  return pageOf("ca-certificates", plan, { rows, keyOf: (row) => ({ number: row.created_at, text: row.id }) });
}

async function registerStandIn(registry: Registry, request: CaRegistration): Promise<string> {
  const { account, store } = registry;
  const pem = request.caCertificate;
  const id = standInId(pem);
  const row = newRow(registry, { id, pem, subject: `stand-in ${id}` }, request);
  await store.write(async (queries) => {
    await checkRoom(registry, queries, { row, name: row.subject });
    await queries.insertInto("ca_certificates").values(row).execute();
    await putTags(queries, iotArn(account, "cacert", id), request.tags);
  });
  return id;
}

type RowParts = Pick<CaCertificateRow, "id" | "pem" | "subject">;

function rowPartsOf(ca: Certificate): RowParts {
  return { id: ca.id, pem: certificateToPem(ca), subject: ca.subject.canonical };
}

function newRow({ clock, entropy }: Registry, parts: RowParts, request: CaRegistration): CaCertificateRow {
  const now = Math.floor(clock.now());
  return {
    ...parts,
    status: request.setAsActive ? "ACTIVE" : "INACTIVE",
    auto_registration: request.allowAutoRegistration ? "ENABLE" : "DISABLE",
    mode: request.mode ?? "DEFAULT",
    created_at: now,
    modified_at: now,
    version: 1,
    generation_id: uuid(entropy),
  };
}

async function checkRoom(
  { account, limits }: Registry,
  queries: Queries,
  { row, name }: { readonly row: CaCertificateRow; readonly name: string },
): Promise<void> {
  const { id, subject } = row;
  const rows = await queries.selectFrom("ca_certificates").select("id").where("subject", "=", subject).execute();
  if (rows.some((each) => each.id === id)) {
    const resource = { resourceId: id, resourceArn: iotArn(account, "cacert", id) };
    throw new ResourceExists("The certificate is already provisioned or registered", resource);
  }
  if (rows.length < limits.casPerSubject) return;
  const limit = limitNamed(limits, "casPerSubject");
  const message = `${rows.length} CA certificates named ${name} are registered (${limit}); delete one first`;
  throw new Conflict<CloudErrorCode>("limit-exceeded", message);
}
