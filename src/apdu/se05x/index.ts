export * from "./algorithms.ts";
export { EC_DOMAINS, type EcDomain } from "./ec-domains.ts";
export { attestation, attestedAnswer, attestedResult, type Attestation } from "./attestation-rows.ts";
export { objectAttributes, type ObjectAttributes } from "./attributes.ts";
export { typeOffCurve, typeOnCurve } from "./object-type.ts";
export { CARD_MANAGER_AID, IDENTIFY_TAG, SE05X_AID, SECURITY_DOMAIN_AID } from "./card-rows.ts";
export {
  SE05X_COMMAND_SET,
  SE05X_COMMANDS,
  type Se05xCommandName,
  type Se05xCommands,
  type Se05xRequest,
  type Se05xResponse,
} from "./commands.ts";
export { agreementKey, sessionOffer, signedOffer, type SessionOffer, type SignedOffer } from "./session-agreement.ts";
export { sessionPolicy, type SessionPolicy } from "./session-policy.ts";
export { policyEntries, RIGHT, type PolicyEntry, type Right } from "./policy.ts";
