import { Conflict, NotFound, toBase64, utf8Bytes } from "../../codec/index.ts";
import type { Entropy, Hash } from "../../crypto/index.ts";
import type {
  AliasConfiguration,
  AliasList,
  FunctionConfiguration,
  VersionList,
  VersionOperations,
} from "../operations/index.ts";
import { uuid, type Account } from "../registry/index.ts";
import type { FunctionChange, FunctionDirectory } from "./directory.ts";
import type { FunctionErrorCode } from "./errors.ts";
import { bareName, functionNotFound, LATEST, qualifiedArn } from "./function-name.ts";
import {
  badParameter,
  configurationOf,
  tmpMbOf,
  USUAL_TMP_MB,
  type AliasRecord,
  type FunctionEntry,
  type FunctionRecord,
  type VersionRecord,
} from "./function-record.ts";
import { pageOf } from "./pages.ts";
import { checkRevision } from "./revision.ts";

export type VersionOptions = {
  readonly account: Account;
  readonly entropy: Entropy;
  readonly hash: Hash;
  readonly directory: FunctionDirectory;
  /** Throws where so many bytes of code more would be too many. */
  readonly checkRoom: (bytes: number) => void;
};

type Input<Name extends keyof VersionOperations> = Parameters<VersionOperations[Name]>[0];

/** The operations of AWS Lambda on versions and aliases. */
export class FunctionVersions implements VersionOperations {
  readonly #options: VersionOptions;

  constructor(options: VersionOptions) {
    this.#options = options;
  }

  async publishVersion(input: Input<"publishVersion">): Promise<FunctionConfiguration> {
    const { account, directory } = this.#options;
    const { CodeSha256: sha256, Description: description, RevisionId } = input;
    const name = bareName(input.FunctionName, account);
    const { published } = await directory.change(name, () => {
      const entry = directory.entry(name);
      checkRevision(RevisionId, entry.record.revisionId);
      const actual = entry.record.codeSha256;
      if (sha256 !== undefined && sha256 !== actual) {
        const message =
          `CodeSHA256 (${sha256}) is different from current CodeSHA256 in $LATEST (${actual}). ` +
          "Please try again with the CodeSHA256 in $LATEST.";
        throw badParameter(message);
      }
      return this.publish(entry.record, entry, description);
    });
    return configurationOf(published, account);
  }

  /** What publishing makes of a function: a version with the next number, or the last one where nothing changed since. */
  publish(
    record: FunctionRecord,
    entry: FunctionEntry | undefined,
    description = record.description,
  ): FunctionChange & { readonly published: VersionRecord } {
    const { entropy, hash, checkRoom } = this.#options;
    const fingerprint = toBase64(hash.digest("sha256", utf8Bytes(whatIsPublished(record))));
    const last = entry?.versions.get(String(record.lastVersion));
    if (last?.fingerprint === fingerprint) return { record, published: last };
    checkRoom(record.codeSize);
    const lastVersion = (record.lastVersion ?? 0) + 1;
    const { lastVersion: _, tags: __, events: ___, ...kept } = record;
    const version: VersionRecord = {
      ...kept,
      description,
      version: String(lastVersion),
      fingerprint,
      revisionId: uuid(entropy),
      policyRevisionId: uuid(entropy),
    };
    return { record: { ...record, lastVersion }, version, published: version };
  }

  async listVersionsByFunction(input: Input<"listVersionsByFunction">): Promise<VersionList> {
    const { account, directory } = this.#options;
    const { record, versions } = directory.entry(bareName(input.FunctionName, account));
    const rows = [record, ...versions.values()].map((row, i) => ({
      key: String(i && Number(versionNumber(row))),
      row,
    }));
    const { shown, next } = pageOf("ListVersionsByFunction", input, { rows, compare: (a, b) => Number(a) - Number(b) });
    const latest = `${qualifiedArn(account, { name: record.name, qualifier: LATEST })}:${LATEST}`;
    const Versions = shown.map(({ row }) =>
      row === record ? configurationOf(record, account, latest) : configurationOf(row, account),
    );
    return { Versions, ...next };
  }

  async createAlias(input: Input<"createAlias">): Promise<AliasConfiguration> {
    const { account, directory, entropy } = this.#options;
    const name = bareName(input.FunctionName, account);
    const { Name, FunctionVersion, Description = "", RoutingConfig } = input;
    const alias = await directory.changeAlias(name, (entry) => {
      if (entry.aliases.has(Name)) {
        const arn = qualifiedArn(account, { name, qualifier: Name });
        throw new Conflict<FunctionErrorCode>("alias-exists", `Alias already exists: ${arn}`);
      }
      const weights = RoutingConfig?.AdditionalVersionWeights ?? {};
      const made = { name: Name, version: FunctionVersion, description: Description, weights };
      this.#checkAlias(entry, made);
      return { ...made, revisionId: uuid(entropy), policyRevisionId: uuid(entropy) };
    });
    return this.#described(name, alias);
  }

  async updateAlias(input: Input<"updateAlias">): Promise<AliasConfiguration> {
    const { account, directory, entropy } = this.#options;
    const name = bareName(input.FunctionName, account);
    const { Name, FunctionVersion, Description, RoutingConfig, RevisionId } = input;
    const alias = await directory.changeAlias(name, (entry) => {
      const before = this.#aliasOf(entry, Name);
      checkRevision(RevisionId, before.revisionId);
      const after = {
        ...before,
        ...(FunctionVersion !== undefined && { version: FunctionVersion }),
        ...(Description !== undefined && { description: Description }),
        ...(RoutingConfig && { weights: RoutingConfig.AdditionalVersionWeights ?? {} }),
      };
      this.#checkAlias(entry, after);
      return { ...after, revisionId: uuid(entropy) };
    });
    return this.#described(name, alias);
  }

  async getAlias(input: Input<"getAlias">): Promise<AliasConfiguration> {
    const name = bareName(input.FunctionName, this.#options.account);
    return this.#described(name, this.#aliasOf(this.#options.directory.entry(name), input.Name));
  }

  async listAliases(input: Input<"listAliases">): Promise<AliasList> {
    const name = bareName(input.FunctionName, this.#options.account);
    const { FunctionVersion: version } = input;
    const aliases = [...this.#options.directory.entry(name).aliases.values()];
    const rows = aliases
      .filter((alias) => version === undefined || alias.version === version)
      .map((alias) => ({ key: alias.name, alias }))
      .toSorted((a, b) => (a.key < b.key ? -1 : 1));
    const { shown, next } = pageOf("ListAliases", input, { rows });
    return { Aliases: shown.map(({ alias }) => this.#described(name, alias)), ...next };
  }

  /** An alias that is not there is deleted already. */
  async deleteAlias(input: Input<"deleteAlias">): Promise<void> {
    const { account, directory } = this.#options;
    const name = bareName(input.FunctionName, account);
    await directory.removeQualified({ name, qualifier: input.Name }, () => undefined);
  }

  /** Throws `Conflict` `version-in-use` where an alias stands for it, `UsageError` `function-parameter`. */
  async deleteVersion(name: string, version: string): Promise<void> {
    const { account, directory } = this.#options;
    if (version === LATEST) throw badParameter("$LATEST version cannot be deleted without deleting the function.");
    await directory.removeQualified({ name, qualifier: version }, ({ versions, aliases }) => {
      if (aliases.has(version)) throw badParameter(`${version} is an alias: aws lambda delete-alias deletes it`);
      if (!versions.has(version)) throw functionNotFound({ name, qualifier: version }, account);
      const users = [...aliases.values()].filter((alias) => alias.version === version || version in alias.weights);
      if (users.length === 0) return;
      const names = users.map((alias) => alias.name).join(", ");
      const message = `Unable to delete version because the following aliases reference it: [${names}]`;
      throw new Conflict<FunctionErrorCode>("version-in-use", message);
    });
  }

  #aliasOf({ record, aliases }: FunctionEntry, alias: string): AliasRecord {
    const found = aliases.get(alias);
    if (found) return found;
    const arn = qualifiedArn(this.#options.account, { name: record.name, qualifier: alias });
    throw new NotFound<FunctionErrorCode>("alias-not-found", `Cannot find alias arn: ${arn}`);
  }

  /** What an alias stands for must be there; it is shared out between two versions that never change, or not at all. */
  #checkAlias(entry: FunctionEntry, { version, weights }: Pick<AliasRecord, "version" | "weights">): void {
    const others = Object.keys(weights);
    for (const each of [version, ...others]) {
      if (each === LATEST || entry.versions.has(each)) continue;
      throw functionNotFound({ name: entry.record.name, qualifier: each }, this.#options.account);
    }
    if (others.length === 0) return;
    if (others.length > 1) throw badParameter("AdditionalVersionWeights may name one version besides FunctionVersion");
    if (version === LATEST) throw badParameter("$LATEST is not supported for an alias pointing to more than 1 version");
    if (others.includes(version)) {
      throw badParameter(
        `Invalid function version ${version}. Function version ${version} is already included in routing configuration.`,
      );
    }
  }

  #described(
    functionName: string,
    { name, version, description, weights, revisionId }: AliasRecord,
  ): AliasConfiguration {
    return {
      AliasArn: qualifiedArn(this.#options.account, { name: functionName, qualifier: name }),
      Name: name,
      FunctionVersion: version,
      Description: description,
      ...(Object.keys(weights).length > 0 && { RoutingConfig: { AdditionalVersionWeights: weights } }),
      RevisionId: revisionId,
    };
  }
}

function versionNumber(record: FunctionRecord | VersionRecord): string {
  return "version" in record ? record.version : "0";
}

/** Everything that makes two versions different, as one text. */
function whatIsPublished(record: FunctionRecord): string {
  const { codeSha256, role, runtime, handler, description, timeoutS, memoryMb, environment, architectures } = record;
  const tmpMb = tmpMbOf(record);
  const variables = Object.entries(environment).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([
    codeSha256,
    role,
    runtime,
    handler,
    description,
    timeoutS,
    memoryMb,
    variables,
    architectures,
    // Only where it is not the usual: what was published before sizes could be chosen stays published as it is.
    ...(tmpMb === USUAL_TMP_MB ? [] : [tmpMb]),
  ]);
}
