import type { InputOf } from "./operation.ts";
import type { DESTINATION_OPERATIONS } from "./destinations.ts";
import type { FunctionLogPage, HAWSER_OPERATIONS, WhyAnswer } from "./hawser.ts";
import type { LAMBDA_OPERATIONS } from "./lambda.ts";
import type { LAMBDA_SETTING_OPERATIONS } from "./lambda-settings.ts";
import type { LAMBDA_VERSION_OPERATIONS } from "./lambda-versions.ts";
import type { RecordingPage } from "./recordings.ts";
import type { RULE_OPERATIONS } from "./rules.ts";
import type {
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
  TopicRuleDestinationList,
  TopicRuleList,
  VersionList,
} from "./service-results.ts";

/**
 * What the control plane asks of the functions room. Inputs are checked against the table before they arrive; names may
 * be a name, a partial ARN or an ARN, with a qualifier.
 *
 * Errors are thrown as `NotFound` (404), `Conflict` (409), `UsageError` (400) or `Denied` (403); `httpFor` turns them
 * into AWS's names. A method that is absent answers 501 with the operation's name.
 */
export type FunctionService = Pick<FunctionOperations, "createFunction" | "addPermission" | "invoke"> &
  Partial<FunctionOperations> & {
    readonly versions?: VersionOperations;
    readonly settings?: FunctionSettingOperations;
  };

/** What the control plane asks of the rules room; errors as for `FunctionService`. */
export type RuleService = Pick<RuleOperations, "createTopicRule"> & Partial<RuleOperations>;

/** Where HTTP actions may send to; errors as for `FunctionService`. */
export type DestinationOperations = {
  createTopicRuleDestination(
    input: InputOf<Destinations["CreateTopicRuleDestination"]>,
  ): Promise<{ readonly topicRuleDestination: TopicRuleDestination }>;
  confirmTopicRuleDestination(input: InputOf<Destinations["ConfirmTopicRuleDestination"]>): Promise<void>;
  getTopicRuleDestination(
    input: InputOf<Destinations["GetTopicRuleDestination"]>,
  ): Promise<{ readonly topicRuleDestination: TopicRuleDestination }>;
  updateTopicRuleDestination(input: InputOf<Destinations["UpdateTopicRuleDestination"]>): Promise<void>;
  listTopicRuleDestinations(
    input: InputOf<Destinations["ListTopicRuleDestinations"]>,
  ): Promise<TopicRuleDestinationList>;
  deleteTopicRuleDestination(input: InputOf<Destinations["DeleteTopicRuleDestination"]>): Promise<void>;
};

type Destinations = typeof DESTINATION_OPERATIONS;
type Lambda = typeof LAMBDA_OPERATIONS;
type Rules = typeof RULE_OPERATIONS;
type Versions = typeof LAMBDA_VERSION_OPERATIONS;
type Settings = typeof LAMBDA_SETTING_OPERATIONS;

/** What the control plane asks of recordings of live traffic; errors as for `FunctionService`. */
export type RecordingService = {
  start(filters: readonly string[]): { readonly recordingId: string };
  fetch(recordingId: string, after?: number): RecordingPage;
  stop(recordingId: string): void;
};

/** All function operations of the table. */
export type FunctionOperations = {
  createFunction(input: InputOf<Lambda["CreateFunction"]>): Promise<FunctionConfiguration>;
  getFunction(input: InputOf<Lambda["GetFunction"]>): Promise<FunctionDescription>;
  getFunctionConfiguration(input: InputOf<Lambda["GetFunctionConfiguration"]>): Promise<FunctionConfiguration>;
  updateFunctionCode(input: InputOf<Lambda["UpdateFunctionCode"]>): Promise<FunctionConfiguration>;
  updateFunctionConfiguration(input: InputOf<Lambda["UpdateFunctionConfiguration"]>): Promise<FunctionConfiguration>;
  deleteFunction(input: InputOf<Lambda["DeleteFunction"]>): Promise<void>;
  listFunctions(input: InputOf<Lambda["ListFunctions"]>): Promise<FunctionList>;
  addPermission(input: InputOf<Lambda["AddPermission"]>): Promise<AddPermissionResult>;
  removePermission(input: InputOf<Lambda["RemovePermission"]>): Promise<void>;
  getFunctionPolicy(input: InputOf<Lambda["GetFunctionPolicy"]>): Promise<FunctionPolicy>;
  invoke(input: InputOf<Lambda["Invoke"]>): Promise<Invocation>;
  functionLogs(input: InputOf<(typeof HAWSER_OPERATIONS)["FunctionLogs"]>): Promise<FunctionLogPage>;
};

/** The operations on versions and aliases of functions. */
export type VersionOperations = {
  publishVersion(input: InputOf<Versions["PublishVersion"]>): Promise<FunctionConfiguration>;
  listVersionsByFunction(input: InputOf<Versions["ListVersionsByFunction"]>): Promise<VersionList>;
  createAlias(input: InputOf<Versions["CreateAlias"]>): Promise<AliasConfiguration>;
  updateAlias(input: InputOf<Versions["UpdateAlias"]>): Promise<AliasConfiguration>;
  getAlias(input: InputOf<Versions["GetAlias"]>): Promise<AliasConfiguration>;
  listAliases(input: InputOf<Versions["ListAliases"]>): Promise<AliasList>;
  deleteAlias(input: InputOf<Versions["DeleteAlias"]>): Promise<void>;
};

/** The operations on what belongs to a function and is no part of its code or configuration. */
export type FunctionSettingOperations = {
  putEventInvokeConfig(input: InputOf<Settings["PutFunctionEventInvokeConfig"]>): Promise<EventInvokeConfig>;
  updateEventInvokeConfig(input: InputOf<Settings["UpdateFunctionEventInvokeConfig"]>): Promise<EventInvokeConfig>;
  getEventInvokeConfig(input: InputOf<Settings["GetFunctionEventInvokeConfig"]>): Promise<EventInvokeConfig>;
  deleteEventInvokeConfig(input: InputOf<Settings["DeleteFunctionEventInvokeConfig"]>): Promise<void>;
  listEventInvokeConfigs(input: InputOf<Settings["ListFunctionEventInvokeConfigs"]>): Promise<EventInvokeConfigList>;
  listTags(input: InputOf<Settings["ListFunctionTags"]>): Promise<FunctionTags>;
  tag(input: InputOf<Settings["TagFunction"]>): Promise<void>;
  untag(input: InputOf<Settings["UntagFunction"]>): Promise<void>;
  accountSettings(): Promise<AccountSettings>;
};

/** All rule operations of the table. `topicRulePayload` is JSON as it came; the rules room checks it. */
export type RuleOperations = {
  createTopicRule(input: InputOf<Rules["CreateTopicRule"]>): Promise<void>;
  getTopicRule(input: InputOf<Rules["GetTopicRule"]>): Promise<TopicRule>;
  replaceTopicRule(input: InputOf<Rules["ReplaceTopicRule"]>): Promise<void>;
  listTopicRules(input: InputOf<Rules["ListTopicRules"]>): Promise<TopicRuleList>;
  enableTopicRule(input: InputOf<Rules["EnableTopicRule"]>): Promise<void>;
  disableTopicRule(input: InputOf<Rules["DisableTopicRule"]>): Promise<void>;
  deleteTopicRule(input: InputOf<Rules["DeleteTopicRule"]>): Promise<void>;
};

/** Answers `hawser why`: the last refusals about a device, certificate, client id or address, or the latest of all. */
export type Why = { explain(subject: string | undefined): Promise<WhyAnswer> };
