import { AUTHORIZER_OPERATIONS } from "./authorizers/operations.ts";
import { FLEET_OPERATIONS } from "./fleet/operations.ts";
import { DATA_OPERATIONS } from "./operations-data.ts";
import { SHADOW_OPERATIONS } from "./operations-shadows.ts";
import { DESTINATION_OPERATIONS } from "./operations-destinations.ts";
import { DEVICE_JOB_OPERATIONS } from "./jobs/device-operations.ts";
import { JOB_OPERATIONS } from "./jobs/operations.ts";
import { DEVICE_REGISTRY_OPERATIONS } from "./operations-device-registries.ts";
import { HAWSER_OPERATIONS } from "./operations-hawser.ts";
import { LAMBDA_OPERATIONS } from "./operations-lambda.ts";
import { LAMBDA_SETTING_OPERATIONS } from "./operations-lambda-settings.ts";
import { LAMBDA_VERSION_OPERATIONS } from "./operations-lambda-versions.ts";
import {
  CA_OPERATIONS,
  CERTIFICATE_OPERATIONS,
  ENDPOINT_OPERATIONS,
  POLICY_OPERATIONS,
  THING_OPERATIONS,
} from "./operations-registry.ts";
import { PROVISIONING_OPERATIONS } from "./provisioning/operations.ts";
import { RECORDING_OPERATIONS } from "./operations-recordings.ts";
import { REVOCATION_OPERATIONS } from "./operations-revocation.ts";
import { ROLE_ALIAS_OPERATIONS } from "./role-aliases/operations.ts";
import { SEARCH_OPERATIONS } from "./search/operations.ts";
import { SETTING_OPERATIONS } from "./settings/operations.ts";
import { TRANSFER_OPERATIONS } from "./transfer/operations.ts";
import { RULE_OPERATIONS } from "./operations-rules.ts";
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
