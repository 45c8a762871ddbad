import { UsageError } from "../../codec/index.ts";
import type { FunctionConfiguration } from "../operations/index.ts";
import type { Account } from "../registry/index.ts";
import type { FunctionErrorCode } from "./errors.ts";
import { LATEST, qualifiedArn } from "./function-name.ts";
import type { PermissionStatement } from "./resource-policy.ts";

/** What is kept of a function besides its code. Times in milliseconds since 1970. */
export type FunctionRecord = {
  readonly name: string;
  readonly role: string;
  readonly runtime: string;
  readonly handler: string;
  readonly description: string;
  readonly timeoutS: number;
  readonly memoryMb: number;
  /** What a process may keep in `/tmp`; absent is as usual. */
  readonly tmpMb?: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly architectures: readonly string[];
  readonly codeSize: number;
  /** Base64. */
  readonly codeSha256: string;
  /** Changes with code and configuration. */
  readonly revisionId: string;
  /** Changes with the resource policy. */
  readonly policyRevisionId: string;
  readonly createdAt: number;
  readonly modifiedAt: number;
  /** The highest number that a version was ever published under; numbers are not used again. */
  readonly lastVersion?: number;
  readonly tags?: Readonly<Record<string, string>>;
  /** How the events are tried that are for the function, or for a version or alias of it, by qualifier. */
  readonly events?: Readonly<Record<string, EventConfig>>;
};

/** How often a failed event is tried again, and how old it may be for that; absent is as usual. */
export type EventConfig = {
  readonly retries?: number | undefined;
  readonly maxAgeS?: number | undefined;
  readonly modifiedAt: number;
};

/** What was set about the events of a function, version or alias; an alias may be called like a member of any object. */
export function eventConfigOf({ events }: FunctionRecord, qualifier: string): EventConfig | undefined {
  return events && Object.hasOwn(events, qualifier) ? events[qualifier] : undefined;
}

/** A function as it was when it was published under a number. */
export type VersionRecord = FunctionRecord & {
  readonly version: string;
  /** Stands for the code and configuration that were published: what has not changed is not published twice. */
  readonly fingerprint: string;
};

/** A name for a version, or for two between which invocations are shared out. */
export type AliasRecord = {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  /** At most one more version, and the share of invocations that goes to it, 0 to 1. */
  readonly weights: Readonly<Record<string, number>>;
  readonly revisionId: string;
  readonly policyRevisionId: string;
};

/** A function, its versions by number and aliases by name, and resource policies by qualifier, oldest statement first. */
export type FunctionEntry = {
  readonly record: FunctionRecord;
  readonly versions: ReadonlyMap<string, VersionRecord>;
  readonly aliases: ReadonlyMap<string, AliasRecord>;
  readonly policies: ReadonlyMap<string, readonly PermissionStatement[]>;
};

/** What a process may keep in `/tmp` where nobody said otherwise, in MB. */
export const USUAL_TMP_MB = 512;

/** What a process of the function may keep in `/tmp`, in MB. */
export function tmpMbOf({ tmpMb = USUAL_TMP_MB }: FunctionRecord): number {
  return tmpMb;
}

/** The version that a record is: its number, or `$LATEST`. */
export function versionOf(record: FunctionRecord | VersionRecord): string {
  return "version" in record ? record.version : LATEST;
}

/** The record as Lambda describes it, under its own ARN or the one that the caller asked for. */
export function configurationOf(
  record: FunctionRecord | VersionRecord,
  account: Account,
  arn = qualifiedArn(account, { name: record.name, qualifier: versionOf(record) }),
): FunctionConfiguration {
  return {
    FunctionName: record.name,
    FunctionArn: arn,
    Runtime: record.runtime,
    Role: record.role,
    Handler: record.handler,
    CodeSize: record.codeSize,
    Description: record.description,
    Timeout: record.timeoutS,
    MemorySize: record.memoryMb,
    LastModified: new Date(record.modifiedAt).toISOString().replace("Z", "+0000"),
    CodeSha256: record.codeSha256,
    Version: versionOf(record),
    RevisionId: record.revisionId,
    State: "Active",
    LastUpdateStatus: "Successful",
    PackageType: "Zip",
    Architectures: record.architectures,
    EphemeralStorage: { Size: tmpMbOf(record) },
    ...(Object.keys(record.environment).length > 0 && { Environment: { Variables: record.environment } }),
  };
}

/** The host that SDKs inside of functions are pointed at: it exists nowhere else. */
const FUNCTION_ENDPOINT = "http://api.hawser.internal";

/** All that a function finds in its environment, its own variables last but never over the reserved ones. */
export function environmentOf(record: FunctionRecord | VersionRecord, account: Account): Record<string, string> {
  const version = versionOf(record);
  const day = new Date(record.modifiedAt).toISOString().slice(0, 10).replaceAll("-", "/");
  return {
    TZ: "UTC",
    HOME: "/tmp",
    ...record.environment,
    _HANDLER: record.handler,
    AWS_REGION: account.region,
    AWS_DEFAULT_REGION: account.region,
    // For SDKs: the requests travel by another way, which proves whose they are.
    AWS_ENDPOINT_URL: FUNCTION_ENDPOINT,
    AWS_ENDPOINT_URL_IOT: FUNCTION_ENDPOINT,
    AWS_ACCESS_KEY_ID: "FUNCTION",
    AWS_SECRET_ACCESS_KEY: "not-needed",
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_EXECUTION_ENV: `AWS_Lambda_${record.runtime}`,
    AWS_LAMBDA_FUNCTION_NAME: record.name,
    AWS_LAMBDA_FUNCTION_VERSION: version,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(record.memoryMb),
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${record.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: `${day}/[${version}]${record.revisionId.replaceAll("-", "")}`,
  };
}

const RESERVED = /^(_HANDLER|LAMBDA_|AWS_(LAMBDA_|REGION$|DEFAULT_REGION$|EXECUTION_ENV$|ACCESS_KEY|SECRET_|SESSION_))/;
const MAX_ENVIRONMENT_BYTES = 4096;

/** Throws `UsageError` `function-parameter` for variables that are reserved or more than 4 KB. */
export function checkEnvironment(variables: Readonly<Record<string, string>>): void {
  const reserved = Object.keys(variables).filter((name) => RESERVED.test(name));
  if (reserved.length > 0) throw badParameter(`Reserved keys used in this request: ${reserved.join(", ")}`);
  const size = new TextEncoder().encode(JSON.stringify(variables)).length;
  if (size <= MAX_ENVIRONMENT_BYTES) return;
  throw badParameter(`the environment variables take ${size} bytes, at most ${MAX_ENVIRONMENT_BYTES}`);
}

/** A parameter of the request is missing or wrong. */
export function badParameter(message: string): UsageError<FunctionErrorCode> {
  return new UsageError("function-parameter", message);
}
