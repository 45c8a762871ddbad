import { AUTHORIZER_OPERATIONS } from "./authorizers.ts";
import { FLEET_OPERATIONS } from "./fleet.ts";
import { DATA_OPERATIONS } from "./data.ts";
import { SHADOW_OPERATIONS } from "./shadows.ts";
import { DESTINATION_OPERATIONS } from "./destinations.ts";
import { DEVICE_JOB_OPERATIONS } from "./device-jobs.ts";
import { JOB_OPERATIONS } from "./jobs.ts";
import { DEVICE_REGISTRY_OPERATIONS } from "./device-registries.ts";
import { HAWSER_OPERATIONS } from "./hawser.ts";
import { LAMBDA_OPERATIONS } from "./lambda.ts";
import { LAMBDA_SETTING_OPERATIONS } from "./lambda-settings.ts";
import { LAMBDA_VERSION_OPERATIONS } from "./lambda-versions.ts";
import {
  CA_OPERATIONS,
  CERTIFICATE_OPERATIONS,
  ENDPOINT_OPERATIONS,
  POLICY_OPERATIONS,
  THING_OPERATIONS,
} from "./registry.ts";
import { PROVISIONING_OPERATIONS } from "./provisioning.ts";
import { RECORDING_OPERATIONS } from "./recordings.ts";
import { REVOCATION_OPERATIONS } from "./revocation.ts";
import { ROLE_ALIAS_OPERATIONS } from "./role-aliases.ts";
import { SEARCH_OPERATIONS } from "./search.ts";
import { SETTING_OPERATIONS } from "./settings.ts";
import { TRANSFER_OPERATIONS } from "./transfer.ts";
import { RULE_OPERATIONS } from "./rules.ts";
import type { InputOf, ResultOf } from "./operation.ts";

/** The whole control plane: every operation by its name. */
export const OPERATIONS = {
  ...CA_OPERATIONS,
  ...CERTIFICATE_OPERATIONS,
  ...THING_OPERATIONS,
  ...POLICY_OPERATIONS,
  ...FLEET_OPERATIONS,
  ...PROVISIONING_OPERATIONS,
  ...TRANSFER_OPERATIONS,
  ...SEARCH_OPERATIONS,
  ...AUTHORIZER_OPERATIONS,
  ...ROLE_ALIAS_OPERATIONS,
  ...SETTING_OPERATIONS,
  ...ENDPOINT_OPERATIONS,
  ...RULE_OPERATIONS,
  ...DESTINATION_OPERATIONS,
  ...DATA_OPERATIONS,
  ...SHADOW_OPERATIONS,
  ...JOB_OPERATIONS,
  ...DEVICE_JOB_OPERATIONS,
  ...LAMBDA_OPERATIONS,
  ...LAMBDA_VERSION_OPERATIONS,
  ...LAMBDA_SETTING_OPERATIONS,
  ...HAWSER_OPERATIONS,
  ...DEVICE_REGISTRY_OPERATIONS,
  ...REVOCATION_OPERATIONS,
  ...RECORDING_OPERATIONS,
} as const;

export type Operations = typeof OPERATIONS;
export type OperationName = keyof Operations;

/** What an operation takes, by name. */
export type OperationInput<Name extends OperationName> = InputOf<Operations[Name]>;

/** What an operation gives, by name. */
export type OperationResult<Name extends OperationName> = ResultOf<Operations[Name]>;
