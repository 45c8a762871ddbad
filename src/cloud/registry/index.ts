export type { AccessKey, AccessKeyListing, AccessKeyRing } from "./access-keys.ts";
export {
  certificateIdOfArn,
  functionArn,
  iotArn,
  nameOfArn,
  normalCertificateId,
  type Account,
  type IotResource,
} from "./account.ts";
export { attachPolicy, detachPolicy, listAttachedPolicies, listPolicyTargets } from "./attachments.ts";
export {
  addThingToBillingGroup,
  createBillingGroup,
  deleteBillingGroup,
  describeBillingGroup,
  listBillingGroups,
  removeThingFromBillingGroup,
  updateBillingGroup,
  type BillingGroup,
} from "./billing-groups.ts";
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
export { changeThingGroups, groupsOfThing, listGroupMembers, nameFrom, type GroupChange } from "./group-members.ts";
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
export { checkIsCa } from "./proof-of-possession.ts";
export { currentRegistrationCode, deleteRegistrationCode } from "./registration-code.ts";
export { openRegistry, type Registry, type RegistryOptions, type RegistryPorts } from "./registry.ts";
export { createRole, deleteRole, describeRole, type Role, type RoleRequest } from "./roles.ts";
export { changedResource, newResource, resourceKind, type Resource, type ResourceKind } from "./resources.ts";
export { putTags, removeTags, tagResource, tagsOf, untagResource, type Tag } from "./tags.ts";
export {
  allThingGroups,
  createThingGroup,
  deleteThingGroup,
  describeThingGroup,
  dynamicGroups,
  listThingGroups,
  thingGroupNamed,
  updateThingGroup,
  type GroupQuery,
  type ThingGroup,
} from "./thing-groups.ts";
export {
  attachThingPrincipal,
  detachThingPrincipal,
  listPrincipalThings,
  listThingPrincipals,
  type AttachmentRequest,
  type ThingAttachment,
} from "./thing-principals.ts";
export {
  createThingType,
  deleteThingType,
  deprecateThingType,
  describeThingType,
  listThingTypes,
  updateThingType,
  type ThingType,
} from "./thing-types.ts";
export {
  createThing,
  deleteThing,
  describeThing,
  listThings,
  thingNamed,
  thingOf,
  updateThing,
  type Thing,
  type ThingFilter,
} from "./things.ts";
export { uuid } from "./uuid.ts";
