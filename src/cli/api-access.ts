import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { Command } from "commander";

import { UsageError } from "../codec/index.ts";
import { callOperation, fetchPage, type ApiTarget } from "../cloud/api/node-client.ts";
import type { OperationInput, OperationName, OperationResult } from "../cloud/operations/index.ts";
import { badOption, type CliErrorCode } from "./errors.ts";

/** What `hawser up` writes, mode 0600, for programs on the same machine. */
export type CredentialsFile = {
  /** URL of the control plane. */
  readonly api: string;
  /** HOST:PORT of the MQTT listener. */
  readonly mqtt: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** The root that devices and callers trust, PEM. */
  readonly caFile: string;
};

/** The file's name in a data directory. */
export const CREDENTIALS_FILE = "credentials.json";

export type ApiOptions = { readonly data?: string; readonly credentials?: string; readonly api?: string };

/** Calls operations of one cloud's control plane. */
export type ApiAccess = {
  readonly facts: CredentialsFile;
  /** Where the facts are kept. */
  readonly file: string;
  readonly call: <Name extends OperationName>(
    name: Name,
    input: OperationInput<Name>,
  ) => Promise<OperationResult<Name>>;
  /** What a page of the control plane that needs no signature holds. */
  readonly page: (path: string) => Promise<Uint8Array>;
};

/** Adds the options that say which cloud is meant. */
export function withApiOptions(command: Command): Command {
  return command
    .option("--data <directory>", "data directory of a cloud on this machine; HAWSER_DATA where absent")
    .option("--credentials <file>", "a copy of its credentials.json, for a cloud elsewhere")
    .option("--api <url>", "URL of the control plane, in place of the one in the credentials");
}

/** Whether the options, or the environment, name a cloud. */
export function hasApi({ data, credentials }: ApiOptions): boolean {
  return (data ?? credentials ?? process.env["HAWSER_DATA"] ?? "") !== "";
}

/** The control plane that the options name. Throws `UsageError` `bad-option` where they name none, and `no-credentials`. */
export function apiAccess(options: ApiOptions): ApiAccess {
  const data = options.data ?? (process.env["HAWSER_DATA"] || undefined);
  const file = options.credentials ?? (data === undefined ? undefined : join(data, CREDENTIALS_FILE));
  if (file === undefined) throw badOption("--data, --credentials or HAWSER_DATA is needed to find the cloud");
  const facts = credentialsIn(file);
  const { accessKeyId, secretAccessKey, region, caFile } = facts;
  const endpoint = options.api ?? facts.api;
  const target: ApiTarget = {
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
    ...(endpoint.startsWith("https:") ? { ca: readFileSync(caFile, "utf8") } : {}),
  };
  return {
    facts,
    file,
    call: (name, input) => callOperation(target, name, input),
    page: (path) => fetchPage(target, path),
  };
}

function credentialsIn(file: string): CredentialsFile {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as CredentialsFile;
  } catch (cause) {
    const reason = cause instanceof SyntaxError ? "is not JSON" : "cannot be read";
    throw new UsageError<CliErrorCode>("no-credentials", `${file} ${reason}`, { cause });
  }
}
