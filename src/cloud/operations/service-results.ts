/** What the functions and rules rooms answer, as AWS spells it. */

import type { Json } from "../../codec/index.ts";

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
  /** What a process may keep in `/tmp`, in MB. */
  readonly EphemeralStorage: { readonly Size: number };
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
