export type { AccessKey, AccessKeyListing, AccessKeyRing } from "./access-keys.ts";
export { certificateIdOfArn, functionArn, iotArn, normalCertificateId, type Account } from "./account.ts";
export { attachPolicy, detachPolicy, listAttachedPolicies, listPolicyTargets } from "./attachments.ts";
export { deleteCa, describeCa, listCas, registerCa, updateCa, type CaRegistration } from "./ca-certificates.ts";
export {
  deleteCertificate,
  describeCertificate,
  issuersOf,
  listCertificates,
  registerCertificate,
  registerCertificateWithoutCa,
  registerPending,
  updateCertificate,
  type AskedStatus,
  type CertificateRegistration,
} from "./certificates.ts";
export { Listeners, type CaChange, type CertificateChange, type PolicyChange } from "./changes.ts";
export { Directory } from "./directory.ts";
export type * from "./entries.ts";
export {
  END_OF_ISSUED,
  issueFromCsr,
  issueWithNewKey,
  type DeviceIssuing,
  type DeviceKeyPair,
  type IssuedCertificate,
} from "./issued-certificates.ts";
export type { Page, PageRequest } from "./pages.ts";
export {
  createPolicy,
  createPolicyVersion,
  deletePolicy,
  deletePolicyVersion,
  describePolicy,
  listPolicies,
  listPolicyVersions,
  setDefaultPolicyVersion,
  type PolicyVersion,
} from "./policies.ts";
export { currentRegistrationCode, deleteRegistrationCode } from "./registration-code.ts";
export { openRegistry, type Registry, type RegistryOptions, type RegistryPorts } from "./registry.ts";
export { createRole, deleteRole, describeRole, type Role, type RoleRequest } from "./roles.ts";
export {
  attachThingPrincipal,
  createThing,
  deleteThing,
  describeThing,
  detachThingPrincipal,
  listPrincipalThings,
  listThingPrincipals,
  listThings,
  updateThing,
  type AttachmentRequest,
  type Thing,
  type ThingAttachment,
} from "./things.ts";
export { uuid } from "./uuid.ts";
