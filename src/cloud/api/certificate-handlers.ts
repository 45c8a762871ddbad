import type { CaCertificateRow, CertificateRow } from "../store/index.ts";
import { certificateFromPem, type Certificate } from "../../pki/index.ts";
import {
  currentRegistrationCode,
  deleteCa,
  deleteCertificate,
  deleteRegistrationCode,
  describeCa,
  describeCertificate,
  iotArn,
  isNoCertificate,
  issueFromCsr,
  issueWithNewKey,
  listCas,
  listCertificates,
  normalCertificateId,
  record,
  registerCa,
  registerCertificate,
  registerCertificateWithoutCa,
  transferOf,
  updateCa,
  updateCertificate,
  type Account,
  type DeviceIssuing,
  type Registry,
} from "../registry/index.ts";
import { invalidRequest } from "../errors.ts";
import type { CertificateProviders } from "../providers/index.ts";
import {
  casWithTemplate,
  checkRegistrationConfig,
  registrationConfigOf,
  setRegistrationConfig,
} from "../templates/index.ts";
import {
  type CA_OPERATIONS,
  type CERTIFICATE_OPERATIONS,
  type CaCertificateDescription,
  type CertificateDescription,
  type CertificateIdentity,
  type HandlersOf,
  pageRequestOf,
} from "../operations/index.ts";

type Names = keyof typeof CA_OPERATIONS | keyof typeof CERTIFICATE_OPERATIONS;

/** CAs and device certificates in AWS's words. */
export function certificateHandlers(
  registry: Registry,
  issuing: DeviceIssuing,
  providers: CertificateProviders,
): HandlersOf<Names> {
  const { account } = registry;
  return {
    GetRegistrationCode: async () => ({ registrationCode: await currentRegistrationCode(registry) }),
    DeleteRegistrationCode: () => deleteRegistrationCode(registry),
    async RegisterCACertificate({ certificateMode, registrationConfig, ...request }) {
      const mode = certificateMode === undefined ? {} : { mode: certificateMode };
      if (registrationConfig) await checkRegistrationConfig(registry, registrationConfig);
      const id = await registerCa(registry, { ...request, ...mode });
      if (registrationConfig) await setRegistrationConfig(registry, id, registrationConfig);
      return identityOf(account, "cacert", id);
    },
    async DescribeCACertificate({ certificateId }) {
      const row = await describeCa(registry, certificateId);
      const registrationConfig = await registrationConfigOf(registry.store.read, row.id);
      const certificateDescription = describedCa(account, row);
      return registrationConfig ? { certificateDescription, registrationConfig } : { certificateDescription };
    },
    async UpdateCACertificate(input) {
      const { certificateId, newStatus: status, newAutoRegistrationStatus, removeAutoRegistration = false } = input;
      const { registrationConfig } = input;
      if (registrationConfig && removeAutoRegistration) {
        throw invalidRequest("registrationConfig and removeAutoRegistration exclude each other");
      }
      if (registrationConfig) await checkRegistrationConfig(registry, registrationConfig);
      const autoRegistration = removeAutoRegistration ? "DISABLE" : newAutoRegistrationStatus;
      await updateCa(registry, certificateId, { status, autoRegistration });
      if (!registrationConfig && !removeAutoRegistration) return;
      await setRegistrationConfig(registry, normalCertificateId(certificateId), registrationConfig);
    },
    async DeleteCACertificate({ certificateId }) {
      await deleteCa(registry, certificateId);
      await setRegistrationConfig(registry, normalCertificateId(certificateId), undefined);
    },
    async ListCACertificates({ templateName, ...input }) {
      const only = templateName === undefined ? undefined : await casWithTemplate(registry.store.read, templateName);
      const { rows: all, next } = await listCas(registry, pageRequestOf(input));
      const rows = all.filter(({ id }) => !only || only.has(id));
      const certificates = rows.map((row) => ({
        ...identityOf(account, "cacert", row.id),
        status: row.status,
        creationDate: seconds(row.created_at),
      }));
      return next === undefined ? { certificates } : { certificates, nextMarker: next };
    },
    async RegisterCertificate({ setAsActive, status, ...request }) {
      // The older of two ways to ask for the same.
      const asked = status ?? (setAsActive ? "ACTIVE" : undefined);
      return identityOf(account, "cert", await registerCertificate(registry, { ...request, status: asked }));
    },
    async RegisterCertificateWithoutCA(request) {
      return identityOf(account, "cert", await registerCertificateWithoutCa(registry, request));
    },
    async CreateKeysAndCertificate(input) {
      const { keyPair, certificateId, certificatePem } = await issueWithNewKey(registry, issuing, input);
      const { publicKeyPem: PublicKey, privateKeyPem: PrivateKey } = keyPair;
      return {
        ...identityOf(account, "cert", certificateId),
        certificatePem,
        keyPair: { PublicKey, PrivateKey },
      };
    },
    async CreateCertificateFromCsr({ certificateSigningRequest: csr, setAsActive }) {
      const elsewhere = await providers.certificateFor(csr, { principalId: "", clientId: "" });
      const issued = elsewhere
        ? await record(registry, elsewhere, setAsActive ? "ACTIVE" : "INACTIVE")
        : await issueFromCsr(registry, issuing, { csr, setAsActive });
      return { ...identityOf(account, "cert", issued.certificateId), certificatePem: issued.certificatePem };
    },
    async DescribeCertificate({ certificateId }) {
      const row = await describeCertificate(registry, certificateId);
      const transfer = await transferOf(registry, row.id);
      const certificateDescription = describedCertificate(registry, row);
      if (!transfer) return { certificateDescription };
      const { message: transferMessage, rejectReason, transferredAt, acceptedAt, rejectedAt } = transfer;
      const transferData = {
        transferMessage,
        rejectReason,
        transferDate: seconds(transferredAt),
        acceptDate: acceptedAt && seconds(acceptedAt),
        rejectDate: rejectedAt && seconds(rejectedAt),
      };
      return { certificateDescription: { ...certificateDescription, transferData } };
    },
    UpdateCertificate: ({ certificateId, newStatus }) => updateCertificate(registry, certificateId, newStatus),
    DeleteCertificate: ({ certificateId, forceDelete }) =>
      deleteCertificate(registry, certificateId, { force: forceDelete }),
    ListCertificates: (input) => certificatePage(registry, pageRequestOf(input)),
    ListCertificatesByCA: ({ caCertificateId, ...input }) =>
      certificatePage(registry, { ...pageRequestOf(input), caId: caCertificateId }),
  };
}

async function certificatePage(registry: Registry, request: Parameters<typeof listCertificates>[1]) {
  const { rows, next } = await listCertificates(registry, request);
  const certificates = rows.map((row) => ({
    ...identityOf(registry.account, "cert", row.id),
    status: row.status,
    certificateMode: row.mode,
    creationDate: seconds(row.created_at),
  }));
  return next === undefined ? { certificates } : { certificates, nextMarker: next };
}

function identityOf(account: Account, kind: "cert" | "cacert", id: string): CertificateIdentity {
  return { certificateArn: iotArn(account, kind, id), certificateId: id };
}

function describedCa(account: Account, row: CaCertificateRow): CaCertificateDescription {
  return {
    ...identityOf(account, "cacert", row.id),
    ...describedInCommon(account, row),
    ...validityOf(row.pem),
    status: row.status,
    autoRegistrationStatus: row.auto_registration,
  };
}

function describedCertificate({ account, seen }: Registry, row: CertificateRow): CertificateDescription {
  return {
    ...identityOf(account, "cert", row.id),
    ...(row.ca_id === null ? {} : { caCertificateId: row.ca_id }),
    ...describedInCommon(account, row),
    ...validityOf(row.pem, seen.recall(row.id)),
    status: row.status,
  };
}

function describedInCommon(account: Account, row: CaCertificateRow | CertificateRow) {
  return {
    certificatePem: row.pem,
    ownedBy: account.id,
    creationDate: seconds(row.created_at),
    lastModifiedDate: seconds(row.modified_at),
    customerVersion: row.version,
    generationId: row.generation_id,
    certificateMode: row.mode,
  };
}

function validityOf(pem: string, known?: Certificate) {
  if (isNoCertificate(pem)) return {};
  const { notBefore, notAfter } = (known ?? certificateFromPem(pem)).validity;
  return { validity: { notBefore: seconds(notBefore), notAfter: seconds(notAfter) } };
}

function seconds(milliseconds: number): number {
  return milliseconds / 1000;
}
