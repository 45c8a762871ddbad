import type { InputOf } from "./operation.ts";
import type { DESTINATION_OPERATIONS } from "./operations-destinations.ts";
import type { FunctionLogPage, HAWSER_OPERATIONS, WhyAnswer } from "./operations-hawser.ts";
import type { LAMBDA_OPERATIONS } from "./operations-lambda.ts";
import type { LAMBDA_SETTING_OPERATIONS } from "./operations-lambda-settings.ts";
import type { LAMBDA_VERSION_OPERATIONS } from "./operations-lambda-versions.ts";
import type { RecordingPage } from "./operations-recordings.ts";
import type { RULE_OPERATIONS } from "./operations-rules.ts";
import type { Json } from "./shape.ts";

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

/** A function as Lambda describes it. `LastModified` is ISO 8601 with `+0000`, `CodeSha256` base64, times in seconds. */
export type FunctionConfiguration = {
  readonly FunctionName: string;
  readonly FunctionArn: string;
  readonly Runtime: string;
  readonly Role: string;
  readonly Handler: string;
  readonly CodeSize: number;
  readonly Description: string;
  readonly Timeout: number;
  readonly MemorySize: number;
  readonly LastModified: string;
  readonly CodeSha256: string;
  readonly Version: string;
  readonly RevisionId: string;
  readonly State: "Active";
  readonly LastUpdateStatus: "Successful";
  readonly PackageType: "Zip";
  readonly Architectures: readonly string[];
  readonly Environment?: { readonly Variables: Readonly<Record<string, string>> };
};

export type FunctionDescription = {
  readonly Configuration: FunctionConfiguration;
  readonly Code: { readonly RepositoryType: string; readonly Location: string };
  readonly Tags?: Readonly<Record<string, string>>;
};

/** One page of functions; `NextMarker` is absent on the last. */
export type FunctionList = { readonly Functions: readonly FunctionConfiguration[]; readonly NextMarker?: string };

/** One page of a function's versions, `$LATEST` first; `NextMarker` is absent on the last. */
export type VersionList = { readonly Versions: readonly FunctionConfiguration[]; readonly NextMarker?: string };

/** An alias as Lambda describes it. */
export type AliasConfiguration = {
  readonly AliasArn: string;
  readonly Name: string;
  readonly FunctionVersion: string;
  readonly Description: string;
  readonly RoutingConfig?: { readonly AdditionalVersionWeights: Readonly<Record<string, number>> };
  readonly RevisionId: string;
};

/** One page of a function's aliases; `NextMarker` is absent on the last. */
export type AliasList = { readonly Aliases: readonly AliasConfiguration[]; readonly NextMarker?: string };

/** How often and how long the events of a function are tried; `LastModified` in seconds. */
export type EventInvokeConfig = {
  readonly LastModified: number;
  readonly FunctionArn: string;
  readonly MaximumRetryAttempts?: number;
  readonly MaximumEventAgeInSeconds?: number;
  readonly DestinationConfig: { readonly OnSuccess: object; readonly OnFailure: object };
};

/** One page of them; `NextMarker` is absent on the last. */
export type EventInvokeConfigList = {
  readonly FunctionEventInvokeConfigs: readonly EventInvokeConfig[];
  readonly NextMarker?: string;
};

/** Tags by key. */
export type FunctionTags = { readonly Tags: Readonly<Record<string, string>> };

/** What an account may have and what it has; sizes in bytes. */
export type AccountSettings = {
  readonly AccountLimit: {
    readonly TotalCodeSize: number;
    readonly CodeSizeUnzipped: number;
    readonly CodeSizeZipped: number;
    readonly ConcurrentExecutions: number;
    readonly UnreservedConcurrentExecutions: number;
  };
  readonly AccountUsage: { readonly TotalCodeSize: number; readonly FunctionCount: number };
};

/** `Statement` is the permission as a JSON text. */
export type AddPermissionResult = { readonly Statement: string };

/** `Policy` is the function's resource policy as a JSON text. */
export type FunctionPolicy = { readonly Policy: string; readonly RevisionId: string };

/** What came of an invocation: 200 with the function's result or error, 202 for Event, 204 for DryRun. */
export type Invocation = {
  readonly StatusCode: 200 | 202 | 204;
  readonly FunctionError?: "Handled" | "Unhandled";
  /** Base64 of the log's last 4 KB, where LogType is Tail. */
  readonly LogResult?: string;
  readonly ExecutedVersion?: string;
  readonly Payload?: Uint8Array;
};

export type TopicRule = { readonly ruleArn: string; readonly rule: { readonly [key: string]: Json } };

/** One page of rules; `createdAt` in seconds, `nextToken` absent on the last page. */
export type TopicRuleList = {
  readonly rules: readonly {
    readonly ruleArn: string;
    readonly ruleName: string;
    readonly topicPattern?: string;
    readonly createdAt: number;
    readonly ruleDisabled: boolean;
  }[];
  readonly nextToken?: string;
};

/** A destination of HTTP actions; times in seconds. */
export type TopicRuleDestination = {
  readonly arn: string;
  readonly status: "IN_PROGRESS" | "ENABLED" | "DISABLED" | "ERROR";
  readonly createdAt: number;
  readonly lastUpdatedAt: number;
  readonly statusReason?: string;
  readonly httpUrlProperties: { readonly confirmationUrl: string };
};

/** One page of destinations. */
export type TopicRuleDestinationList = {
  readonly destinationSummaries: readonly (Omit<TopicRuleDestination, "httpUrlProperties"> & {
    readonly httpUrlSummary: { readonly confirmationUrl: string };
  })[];
  readonly nextToken?: string;
};

/** Answers `hawser why`: the last refusals about a device, certificate, client id or address, or the latest of all. */
export type Why = { explain(subject: string | undefined): Promise<WhyAnswer> };
