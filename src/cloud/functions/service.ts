import { Conflict, Denied, fromBase64, NotFound, Refused, toBase64, utf8Bytes } from "../../codec/index.ts";
import type { Clock, Entropy, Hash } from "../../crypto/index.ts";
import type {
  AddPermissionResult,
  FunctionConfiguration,
  FunctionDescription,
  FunctionList,
  FunctionLogPage,
  FunctionOperations,
  FunctionPolicy,
  Invocation,
} from "../operations/index.ts";
import { uuid, type Account } from "../registry/index.ts";
import { CodeLinks } from "./code-link.ts";
import { FunctionDirectory } from "./directory.ts";
import type { FunctionErrorCode } from "./errors.ts";
import type { EventLimits } from "./event-invocations.ts";
import type { FunctionLogs } from "./function-logs.ts";
import { bareName, LATEST, qualifiedArn, refOf, type FunctionRef } from "./function-name.ts";
import { tellWaiting } from "./waiting-device.ts";
import { badParameter, checkEnvironment, configurationOf, type FunctionRecord } from "./function-record.ts";
import type { FunctionStore } from "./function-store.ts";
import { eventText, FunctionInvoker } from "./invoker.ts";
import { pageOf } from "./pages.ts";
import { policyText, statementOf, whyNot, type ServiceCaller } from "./resource-policy.ts";
import { checkRevision } from "./revision.ts";
import type { FunctionRuntime, RunResult } from "./runtime.ts";
import type { Trace } from "../../trace/index.ts";
import { FunctionSettings } from "./settings.ts";
import { FunctionVersions } from "./versions.ts";
import { CODE_LIMITS, unzipCode } from "./zip-code.ts";

export type FunctionServiceOptions = {
  readonly account: Account;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly hash: Hash;
  readonly trace: Trace;
  readonly store: FunctionStore;
  readonly runtime: FunctionRuntime;
  /** Closed with the functions. */
  readonly logs: FunctionLogs;
  readonly eventLimits?: Partial<EventLimits>;
  /** What the zips of all functions and versions may take together. */
  readonly codeBytes?: number;
  /** Where links to code lead, once the control plane listens. */
  readonly controlPlane?: () => string;
};

type Input<Name extends keyof FunctionOperations> = Parameters<FunctionOperations[Name]>[0];

const DEFAULTS = { timeoutS: 3, memoryMb: 128, logRuns: 20 } as const;
const MAX_NAME = 64;
const LOG_TAIL_BYTES = 4096;

/** AWS Lambda's operations over a store and a runtime, and the door for services that invoke functions. */
export class Functions implements FunctionOperations {
  readonly #options: FunctionServiceOptions;
  readonly #directory: FunctionDirectory;
  readonly #invoker: FunctionInvoker;
  readonly #links: CodeLinks;
  /** The operations on versions and aliases. */
  readonly versions: FunctionVersions;
  readonly settings: FunctionSettings;

  private constructor(options: FunctionServiceOptions, directory: FunctionDirectory) {
    this.#options = options;
    this.#directory = directory;
    this.#links = new CodeLinks(options);
    this.#invoker = new FunctionInvoker({ ...options, directory });
    this.settings = new FunctionSettings({ ...options, directory });
    this.versions = new FunctionVersions({ ...options, directory, checkRoom: (bytes) => this.#checkRoom(bytes) });
  }

  static async open(options: FunctionServiceOptions): Promise<Functions> {
    return new Functions(options, await FunctionDirectory.open(options.store, options.account));
  }

  /** Resolves when the run that is under way about a certificate has ended, however; undefined where there is none. */
  underway(certificateId: string): Promise<void> | undefined {
    return this.#invoker.underway(certificateId);
  }

  /** Forgets events that wait for another attempt, and ends all processes of functions. */
  async close(): Promise<void> {
    this.#invoker.close();
    await this.#options.runtime.close();
    await this.#options.logs.close();
  }

  async createFunction(input: Input<"createFunction">): Promise<FunctionConfiguration> {
    const { account, clock, entropy } = this.#options;
    const name = bareName(input.FunctionName, account);
    if (name.length > MAX_NAME) throw badParameter(`FunctionName has ${name.length} characters, at most ${MAX_NAME}`);
    const { Runtime: runtime, Handler: handler, Code: code } = input;
    if (runtime === undefined || handler === undefined) {
      throw badParameter(
        "Runtime and Handler are mandatory parameters for functions created with deployment packages.",
      );
    }
    const zip = code.ZipFile;
    if (!zip) throw badParameter("Code needs ZipFile");
    checkEnvironment(input.Environment?.Variables ?? {});
    const now = clock.now();
    const record: FunctionRecord = {
      name,
      role: input.Role,
      runtime,
      handler,
      description: input.Description ?? "",
      timeoutS: input.Timeout ?? DEFAULTS.timeoutS,
      memoryMb: input.MemorySize ?? DEFAULTS.memoryMb,
      ...(input.EphemeralStorage && { tmpMb: input.EphemeralStorage.Size }),
      environment: input.Environment?.Variables ?? {},
      architectures: input.Architectures ?? ["x86_64"],
      ...(input.Tags && { tags: input.Tags }),
      ...this.#codeFacts(zip),
      revisionId: uuid(entropy),
      policyRevisionId: uuid(entropy),
      createdAt: now,
      modifiedAt: now,
    };
    const { published } = await this.#directory.change(
      name,
      (entry) => {
        if (entry) throw new Conflict<FunctionErrorCode>("function-exists", `Function already exist: ${name}`);
        this.#checkRoom(zip.length);
        return input.Publish === true ? this.versions.publish(record, undefined) : { record, published: record };
      },
      zip,
    );
    return configurationOf(published, account);
  }

  async getFunction(input: Input<"getFunction">): Promise<FunctionDescription> {
    const Configuration = await this.getFunctionConfiguration(input);
    const { FunctionName, Version, CodeSha256 } = Configuration;
    const code = { name: FunctionName, qualifier: Version, codeSha256: CodeSha256 };
    const { controlPlane } = this.#options;
    const Location = `${controlPlane?.() ?? ""}/hawser/v1/function-code/${this.#links.linkFor(code)}`;
    const { tags = {} } = this.#directory.entry(FunctionName).record;
    const Tags = Object.keys(tags).length > 0 ? { Tags: tags } : {};
    return { Configuration, Code: { RepositoryType: "Hawser", Location }, ...Tags };
  }

  /** The zip that a link of `getFunction` leads to; undefined where it leads nowhere any more. */
  async codeBehind(link: string): Promise<Uint8Array | undefined> {
    const { account } = this.#options;
    const codeNow = (ref: FunctionRef) =>
      this.#directory.has(ref) ? configurationOf(this.#invoker.running(ref), account).CodeSha256 : undefined;
    const ref = this.#links.read(link, codeNow);
    return ref && this.#directory.code(ref);
  }

  async getFunctionConfiguration(input: Input<"getFunctionConfiguration">): Promise<FunctionConfiguration> {
    const { account } = this.#options;
    const ref = this.#ref(input);
    return configurationOf(this.#invoker.running(ref), account, qualifiedArn(account, ref));
  }

  async listFunctions(input: Input<"listFunctions">): Promise<FunctionList> {
    const { account } = this.#options;
    const rows = this.#directory.names().flatMap((name) => {
      const { record, versions } = this.#directory.entry(name);
      if (input.FunctionVersion !== "ALL") return [{ key: name, configuration: configurationOf(record, account) }];
      const latest = configurationOf(
        record,
        account,
        `${qualifiedArn(account, { name, qualifier: LATEST })}:${LATEST}`,
      );
      const all = [latest, ...[...versions.values()].map((version) => configurationOf(version, account))];
      return all.map((configuration, i) => ({ key: `${name}:${String(i).padStart(9, "0")}`, configuration }));
    });
    const { shown, next } = pageOf("ListFunctions", input, { rows });
    return { Functions: shown.map(({ configuration }) => configuration), ...next };
  }

  async updateFunctionCode(input: Input<"updateFunctionCode">): Promise<FunctionConfiguration> {
    const { account } = this.#options;
    const name = bareName(input.FunctionName, account);
    const { ZipFile: code, DryRun, Publish, RevisionId, Architectures: architectures } = input;
    if (!code) throw badParameter("ZipFile is missing");
    const facts = { ...this.#codeFacts(code), ...(architectures && { architectures }) };
    const change = () => {
      const entry = this.#directory.entry(name);
      const record = this.#changed(entry.record, RevisionId, facts);
      this.#checkRoom(code.length - entry.record.codeSize);
      return Publish === true ? this.versions.publish(record, entry) : { record, published: record };
    };
    if (DryRun === true) return configurationOf(change().record, account);
    const { published } = await this.#directory.change(name, change, code);
    this.#retire({ name, qualifier: LATEST });
    return configurationOf(published, account);
  }

  async updateFunctionConfiguration(input: Input<"updateFunctionConfiguration">): Promise<FunctionConfiguration> {
    const { account } = this.#options;
    const name = bareName(input.FunctionName, account);
    const { Role, Handler, Description, Timeout, MemorySize, EphemeralStorage, Environment, Runtime, RevisionId } =
      input;
    if (Environment) checkEnvironment(Environment.Variables ?? {});
    const facts = {
      ...(Role !== undefined && { role: Role }),
      ...(Handler !== undefined && { handler: Handler }),
      ...(Description !== undefined && { description: Description }),
      ...(Timeout !== undefined && { timeoutS: Timeout }),
      ...(MemorySize !== undefined && { memoryMb: MemorySize }),
      ...(EphemeralStorage && { tmpMb: EphemeralStorage.Size }),
      ...(Environment && { environment: Environment.Variables ?? {} }),
      ...(Runtime !== undefined && { runtime: Runtime }),
    };
    const { record } = await this.#directory.change(name, () => ({
      record: this.#changed(this.#directory.entry(name).record, RevisionId, facts),
    }));
    this.#retire({ name, qualifier: LATEST });
    return configurationOf(record, account);
  }

  /** Deletes the function with all versions and aliases, or the one version that is named. */
  async deleteFunction(input: Input<"deleteFunction">): Promise<void> {
    const { account, logs } = this.#options;
    const { name, qualifier } = refOf(input.FunctionName, account, input.Qualifier);
    // Whoever names $LATEST means a version, and would lose the whole function.
    if (qualifier !== LATEST || input.Qualifier !== undefined || input.FunctionName.endsWith(LATEST)) {
      await this.versions.deleteVersion(name, qualifier);
      return this.#retire({ name, qualifier });
    }
    const { versions } = await this.#directory.remove(name);
    await logs.forget(name);
    for (const each of [LATEST, ...versions.keys()]) this.#retire({ name, qualifier: each });
  }

  async addPermission(input: Input<"addPermission">): Promise<AddPermissionResult> {
    const ref = this.#ref(input);
    const { StatementId, Action, Principal, SourceArn, SourceAccount, RevisionId } = input;
    const permission = {
      statementId: StatementId,
      action: Action,
      principal: Principal,
      sourceArn: SourceArn,
      sourceAccount: SourceAccount,
    };
    const statement = statementOf(permission, qualifiedArn(this.#options.account, ref));
    await this.#directory.addStatement(ref, statement, (owner) => this.#policyChanged(owner, RevisionId));
    return { Statement: JSON.stringify(statement) };
  }

  async removePermission(input: Input<"removePermission">): Promise<void> {
    const { StatementId, RevisionId } = input;
    const ref = this.#ref(input);
    await this.#directory.removeStatement(ref, StatementId, (owner) => this.#policyChanged(owner, RevisionId));
  }

  async getFunctionPolicy(input: Input<"getFunctionPolicy">): Promise<FunctionPolicy> {
    const { statements, owner } = this.#directory.policyOf(this.#ref(input));
    if (statements.length > 0) return { Policy: policyText(statements), RevisionId: owner.policyRevisionId };
    throw new NotFound<FunctionErrorCode>("statement-not-found", "The resource you requested does not exist.");
  }

  async invoke(input: Input<"invoke">): Promise<Invocation> {
    const { InvocationType = "RequestResponse", LogType, ClientContext, Payload = new Uint8Array() } = input;
    const ref = this.#ref(input);
    this.#invoker.running(ref);
    const clientContext = ClientContext === undefined ? undefined : clientContextIn(ClientContext);
    const event = eventText(Payload, InvocationType === "Event" ? "Event" : "RequestResponse");
    if (InvocationType === "DryRun") return { StatusCode: 204 };
    if (InvocationType === "Event") {
      this.#invoker.accept(ref, event, clientContext);
      return { StatusCode: 202 };
    }
    const result = await this.#invoker.run(ref, event, clientContext);
    const LogResult = toBase64(result.log.subarray(Math.max(0, result.log.length - LOG_TAIL_BYTES)));
    const ExecutedVersion = result.version;
    return { StatusCode: 200, ExecutedVersion, ...answerOf(result), ...(LogType === "Tail" && { LogResult }) };
  }

  /** What the last runs of a function printed. An operation of our own. */
  async functionLogs(input: Input<"functionLogs">): Promise<FunctionLogPage> {
    const name = bareName(input.FunctionName, this.#options.account);
    this.#directory.entry(name);
    const { after, limit = DEFAULTS.logRuns } = input;
    const entries = await this.#options.logs.runs(name, { after, limit });
    return { entries, cursor: entries.at(-1)?.id ?? after ?? 0 };
  }

  /**
   * Invokes a function asynchronously for a service, if the function's resource policy lets the service.
   * Gives undefined where the event was accepted, else why not. `event` is JSON text.
   */
  invokeFor(caller: ServiceCaller, given: string, event: string): string | undefined {
    const { account, trace } = this.#options;
    const ref = refOf(given, account);
    const evidence = { function: shown(ref), ruleArn: caller.sourceArn };
    if (!this.#directory.has(ref)) tellWaiting(trace, event, { cause: "function-missing", evidence });
    const reason = whyNot(this.#directory.policyOf(ref).statements, caller);
    if (reason !== undefined) {
      tellWaiting(trace, event, { cause: "function-permission", evidence: { ...evidence, reason } });
      return reason;
    }
    this.#invoker.accept(ref, event);
    return undefined;
  }

  /**
   * Invokes a function for a service that waits for its answer, if the function's resource policy lets the service.
   * Throws `NotFound`, and `Denied` `function-refused` where it does not, where the run fails or takes over `limitMs`.
   */
  async askFor(caller: ServiceCaller, given: string, { event, limitMs }: Question): Promise<unknown> {
    const { account, clock } = this.#options;
    const ref = refOf(given, account);
    const name = shown(ref);
    const reason = whyNot(this.#directory.policyOf(ref).statements, caller);
    if (reason !== undefined) throw refusedBy(name, reason);
    let cancel = () => {};
    const late = new Promise<undefined>((resolve) => void (cancel = clock.after(limitMs, () => resolve(undefined))));
    const result = await Promise.race([this.#invoker.run(ref, JSON.stringify(event)), late]);
    cancel();
    if (!result) throw refusedBy(name, `no answer within ${limitMs} ms`);
    if (result.outcome !== "succeeded") throw refusedBy(name, result.error.errorMessage);
    try {
      return JSON.parse(result.payload) as unknown;
    } catch {
      throw refusedBy(name, "its answer is not JSON");
    }
  }

  #ref({ FunctionName, Qualifier }: { readonly FunctionName: string; readonly Qualifier?: string }): FunctionRef {
    return refOf(FunctionName, this.#options.account, Qualifier);
  }

  /** What runs from code that is no longer there must not run again. */
  #retire(ref: FunctionRef): void {
    this.#options.runtime.retire(qualifiedArn(this.#options.account, ref));
  }

  #checkRoom(more: number): void {
    const { codeBytes = CODE_LIMITS.allBytes } = this.#options;
    const size = this.#directory.codeBytes() + more;
    if (size <= codeBytes || more <= 0) return;
    const message = `Code storage limit exceeded: the functions and versions would take ${size} bytes, at most ${codeBytes}`;
    throw new Refused<FunctionErrorCode>("code-storage", message, size);
  }

  #codeFacts(zip: Uint8Array): Pick<FunctionRecord, "codeSize" | "codeSha256"> {
    unzipCode(zip);
    return { codeSize: zip.length, codeSha256: toBase64(this.#options.hash.digest("sha256", zip)) };
  }

  #changed(record: FunctionRecord, expected: string | undefined, facts: Partial<FunctionRecord>): FunctionRecord {
    checkRevision(expected, record.revisionId);
    const { clock, entropy } = this.#options;
    return { ...record, ...facts, revisionId: uuid(entropy), modifiedAt: clock.now() };
  }

  #policyChanged<T extends { readonly policyRevisionId: string }>(owner: T, expected: string | undefined): T {
    checkRevision(expected, owner.policyRevisionId);
    return { ...owner, policyRevisionId: uuid(this.#options.entropy) };
  }
}

/** What a service asks a function, as JSON, and how long it waits. */
export type Question = { readonly event: unknown; readonly limitMs: number };

function refusedBy(name: string, why: string): Denied<FunctionErrorCode> {
  return new Denied("function-refused", `function ${name}: ${why}`);
}

function answerOf(result: RunResult): Pick<Invocation, "Payload" | "FunctionError"> {
  if (result.outcome === "succeeded") return { Payload: utf8Bytes(result.payload) };
  return { FunctionError: "Unhandled", Payload: utf8Bytes(JSON.stringify(result.error)) };
}

/** A function as a person names it. */
function shown({ name, qualifier }: FunctionRef): string {
  return qualifier === LATEST ? name : `${name}:${qualifier}`;
}

function clientContextIn(base64: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(fromBase64(base64)));
  } catch (cause) {
    throw badParameter(`ClientContext must be base64 of JSON: ${cause instanceof Error ? cause.message : ""}`);
  }
}
