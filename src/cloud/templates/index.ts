export { carryOut, type Provisioned, type Workshop } from "./carry-out.ts";
export { claimFor, type Claim } from "./claims.ts";
export { FLEET_TOPICS, FleetProvisioning, type AskFunction, type FleetOptions } from "./fleet.ts";
export {
  casWithTemplate,
  checkRegistrationConfig,
  provisionJustInTime,
  registrationConfigOf,
  setRegistrationConfig,
  type RegistrationConfig,
} from "./just-in-time.ts";
export { planOf, type Plan } from "./plan.ts";
export { RegistrationTasks, type ObjectStore, type RegistrationTask, type TaskStatus } from "./tasks.ts";
export { parseTemplate, type ProvisioningTemplate } from "./template.ts";
export {
  createTemplate,
  createTemplateVersion,
  deleteTemplate,
  deleteTemplateVersion,
  describeTemplate,
  listTemplates,
  updateTemplate,
  versionOf,
  type StoredTemplate,
} from "./template-store.ts";
