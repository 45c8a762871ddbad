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
export {
  attachPolicy,
  detachPolicy,
  listAttachedPolicies,
  listPolicyTargets,
  policyAttached,
  putAttachment,
} from "./attachments.ts";
export {
  createBillingGroup,
  deleteBillingGroup,
  describeBillingGroup,
  listBillingGroups,
  updateBillingGroup,
  type BillingGroup,
} from "./billing-groups.ts";
export { addThingToBillingGroup, removeThingFromBillingGroup } from "./billing-group-members.ts";
export { deleteCa, describeCa, listCas, registerCa, updateCa, type CaRegistration } from "./ca-certificates.ts";
export {
  certificateInserted,
  certificateUnderCa,
  certificateWithoutCa,
  deleteCertificate,
  deleteCertificateRow,
  describeCertificate,
  insertCertificate,
  issuedRow,
  issuersOf,
  listCertificates,
  registerCertificate,
  registerCertificateWithoutCa,
  registerPending,
  putStatus,
  rowOf,
  statusPut,
  updateCertificate,
  type AskedStatus,
  type CertificateRegistration,
} from "./certificates.ts";
export {
  acceptTransfer,
  cancelTransfer,
  listOutgoing,
  rejectTransfer,
  transferCertificate,
  transferOf,
} from "./certificate-transfer.ts";
export { noteSerials, statusOfSerial, withdrawnSerials } from "./serials.ts";
export {
  Listeners,
  type CaChange,
  type CertificateChange,
  type Happening,
  type PolicyChange,
  type RegistryEvent,
  type ThingChange,
} from "./changes.ts";
export { Directory } from "./directory.ts";
export type * from "./entries.ts";
export {
  acceptedRequest,
  certificateFromCsr,
  certificateSignedElsewhere,
  END_OF_ISSUED,
  issueFromCsr,
  issueWithNewKey,
  record,
  type DeviceIssuing,
  type DeviceKeyPair,
  type IssuedCertificate,
} from "./issued-certificates.ts";
export {
  changeThingGroups,
  groupsOfThing,
  listGroupMembers,
  nameFrom,
  putThingGroups,
  type GroupChange,
} from "./group-members.ts";
export {
  ACCOUNT_LIMITS,
  API_RATE,
  AWS_ACCOUNT_RATES,
  limitNamed,
  type AccountLimits,
  type NumberedLimit,
} from "./limits.ts";
export { pageAmong, pageOf, planPage, type Page, type PageRequest } from "./pages.ts";
export {
  createPolicy,
  createPolicyVersion,
  deletePolicy,
  deletePolicyVersion,
  describePolicy,
  insertPolicy,
  listPolicies,
  listPolicyVersions,
  setDefaultPolicyVersion,
  type PolicyVersion,
} from "./policies.ts";
export { checkIsCa } from "./proof-of-possession.ts";
export { currentRegistrationCode, deleteRegistrationCode } from "./registration-code.ts";
export { openRegistry } from "./opening.ts";
export type { Registry, RegistryOptions, RegistryPorts } from "./registry.ts";
export { createRole, deleteRole, describeRole, type Role, type RoleRequest } from "./roles.ts";
export { changedResource, newResource, resourceKind, type Resource, type ResourceKind } from "./resources.ts";
export { checkTags, putTags, removeTags, tagResource, tagsOf, untagResource, type Tag } from "./tags.ts";
export {
  allThingGroups,
  ancestorsOf,
  createThingGroup,
  deleteThingGroup,
  describeThingGroup,
  dynamicGroups,
  findThingGroup,
  listThingGroups,
  thingGroupNamed,
  updateThingGroup,
} from "./thing-groups.ts";
export type { GroupQuery, Thing, ThingGroup, ThingType } from "./thing-records.ts";
export {
  attachThingPrincipal,
  detachThingPrincipal,
  listPrincipalThings,
  listThingPrincipals,
  putThingPrincipal,
  thingPrincipalPut,
  type AttachmentRequest,
  type ThingAttachment,
} from "./thing-principals.ts";
export {
  createThingType,
  deleteThingType,
  deprecateThingType,
  describeThingType,
  findThingType,
  listThingTypes,
  updateThingType,
} from "./thing-types.ts";
export {
  changeThing,
  createThing,
  deleteThing,
  describeThing,
  findThing,
  insertThing,
  listThings,
  sameAttributes,
  thingInserted,
  thingNamed,
  thingOf,
  updateThing,
  type ThingFilter,
} from "./things.ts";
export { isNoCertificate, isStandInText } from "./stand-ins.ts";
export { afterOthers } from "./turns.ts";
export { uuid } from "./uuid.ts";
export { nextNumber, settingOr } from "./settings.ts";
