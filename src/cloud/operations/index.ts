export { ABSENT_OPERATIONS } from "./absent.ts";
export { AUTHORIZER_OPERATIONS } from "./authorizers.ts";
export { DATA_OPERATIONS } from "./data.ts";
export { DEVICE_JOB_OPERATIONS } from "./device-jobs.ts";
export { DEVICE_REGISTRY_OPERATIONS, type DeviceRegistryDescription } from "./device-registries.ts";
export type { Exchange, RequestHead } from "./exchange.ts";
export type { DescribeThingGroupResponse } from "./fleet-results.ts";
export { FLEET_OPERATIONS } from "./fleet.ts";
export { type FunctionLogPage, HAWSER_OPERATIONS, type StatusResult } from "./hawser.ts";
export { httpFor } from "./http-for.ts";
export { jsonBytes, readInput, readJsonInput } from "./input.ts";
export type { DeviceExecution, ExecutionSummary, PendingSummary } from "./jobs-results.ts";
export { JOB_OPERATIONS } from "./jobs.ts";
export { LAMBDA_SETTING_OPERATIONS } from "./lambda-settings.ts";
export { LAMBDA_VERSION_OPERATIONS } from "./lambda-versions.ts";
export { LAMBDA_OPERATIONS } from "./lambda.ts";
export { openApiDocument, openApiText } from "./openapi.ts";
export type { Operation, Parameter, Place, ServiceName } from "./operation.ts";
export { OPERATIONS, type OperationInput, type OperationName, type OperationResult } from "./operations.ts";
export { type ApiResponse, errorResponseOf, responseOf } from "./output.ts";
export { markerPage, pageRequestOf, tokenPage } from "./paging.ts";
export { PROVISIONING_OPERATIONS } from "./provisioning.ts";
export { PUBLIC_PAGES, type PageHandlers, bytesPage, jsonPage, pageExchange, textPage } from "./public-pages.ts";
export { QUERY_SERVICES, type QueryService, queryOperations } from "./query-operations.ts";
export { type XmlValue, readForm, xmlError, xmlResponse } from "./query-protocol.ts";
export { RECORDING_OPERATIONS, type RecordedMessage, type RecordingPage } from "./recordings.ts";
export {
  CA_OPERATIONS,
  CERTIFICATE_OPERATIONS,
  ENDPOINT_OPERATIONS,
  POLICY_OPERATIONS,
  THING_OPERATIONS,
} from "./registry.ts";
export type { CaCertificateDescription, CertificateDescription, CertificateIdentity } from "./results.ts";
export { REVOCATION_OPERATIONS } from "./revocation.ts";
export { ROLE_ALIAS_OPERATIONS } from "./role-aliases.ts";
export { ALL_SCOPES, type Route, SCOPES, findRoute, leadsNowhere, scopesOf } from "./router.ts";
export type { Field, ThingGroupIndexingConfiguration, ThingIndexingConfiguration } from "./search-results.ts";
export { SEARCH_OPERATIONS } from "./search.ts";
export type {
  AccountSettings,
  AddPermissionResult,
  AliasConfiguration,
  AliasList,
  EventInvokeConfig,
  EventInvokeConfigList,
  FunctionConfiguration,
  FunctionDescription,
  FunctionList,
  FunctionPolicy,
  FunctionTags,
  Invocation,
  TopicRule,
  TopicRuleDestination,
  TopicRuleList,
  VersionList,
} from "./service-results.ts";
export type {
  DestinationOperations,
  FunctionOperations,
  FunctionService,
  FunctionSettingOperations,
  RecordingService,
  RuleOperations,
  RuleService,
  VersionOperations,
  Why,
} from "./services.ts";
export { SETTING_OPERATIONS } from "./settings.ts";
export { SHADOW_OPERATIONS } from "./shadows.ts";
export {
  type Shape,
  type ShapeValue,
  blob,
  boolean,
  integer,
  list,
  map,
  oneOf,
  record,
  string,
  unavailable,
} from "./shape.ts";
export {
  type Authorization,
  type Presigned,
  type RawRequest,
  canonicalRequest,
  equalInConstantTime,
  headerValue,
  isPresigned,
  parseAuthorization,
  parsePresigned,
  sessionTokenOf,
  signatureOf,
  stringToSign,
  withoutMembers,
} from "./sigv4.ts";
export { TRANSFER_OPERATIONS } from "./transfer.ts";
export type { Asker, Handlers, HandlersOf } from "./handler.ts";
