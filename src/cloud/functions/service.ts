import { Conflict, Denied, fromBase64, NotFound, toBase64, utf8Bytes } from "../../codec/index.ts";
import type { Clock, Entropy, Hash } from "../../crypto/index.ts";
import type { FunctionLogPage } from "../api/index.ts";
import { notImplemented } from "../errors.ts";
import type {
  AddPermissionResult,
  FunctionConfiguration,
  FunctionDescription,
  FunctionList,
  FunctionOperations,
  FunctionPolicy,
  Invocation,
} from "../api/services.ts";
import { functionArn, uuid, type Account } from "../registry/index.ts";
import { FunctionDirectory } from "./directory.ts";
import type { FunctionErrorCode } from "./errors.ts";
import type { EventLimits } from "./event-invocations.ts";
import type { FunctionLogs } from "./function-logs.ts";
import { bareName, LATEST } from "./function-name.ts";
import { tellWaiting } from "./waiting-device.ts";
import { badParameter, checkEnvironment, configurationOf, type FunctionRecord } from "./function-record.ts";
import type { FunctionStore } from "./function-store.ts";
import { eventText, FunctionInvoker } from "./invoker.ts";
import { policyText, statementOf, whyNot, type ServiceCaller } from "./resource-policy.ts";
import type { FunctionRuntime, RunResult } from "./runtime.ts";
import type { Trace } from "../../trace/index.ts";
import { unzipCode } from "./zip-code.ts";

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
};

type Input<Name extends keyof FunctionOperations> = Parameters<FunctionOperations[Name]>[0];

const DEFAULTS = { timeoutS: 3, memoryMb: 128, maxItems: 50, logRuns: 20 } as const;
const MAX_NAME = 64;
const LOG_TAIL_BYTES = 4096;

/** AWS Lambda's operations over a store and a runtime, and the door for services that invoke functions. */
export class Functions implements FunctionOperations {
  readonly #options: FunctionServiceOptions;
  readonly #directory: FunctionDirectory;
  readonly #invoker: FunctionInvoker;

  private constructor(options: FunctionServiceOptions, directory: FunctionDirectory) {
    this.#options = options;
    this.#directory = directory;
    this.#invoker = new FunctionInvoker({ ...options, directory });
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
    refusePublish(input.Publish);
    if (!code.ZipFile) throw badParameter("Code needs ZipFile");
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
      environment: input.Environment?.Variables ?? {},
      architectures: input.Architectures ?? ["x86_64"],
      ...this.#codeFacts(code.ZipFile),
      revisionId: uuid(entropy),
      policyRevisionId: uuid(entropy),
      createdAt: now,
      modifiedAt: now,
    };
    return configurationOf(await this.#directory.create(record, code.ZipFile), account);
  }

  async getFunction(input: Input<"getFunction">): Promise<FunctionDescription> {
    const { record } = this.#directory.entry(this.#name(input));
    const { account } = this.#options;
    const Location = `hawser:function/${record.name}/code/${record.codeSha256}`;
    return { Configuration: configurationOf(record, account), Code: { RepositoryType: "Hawser", Location } };
  }

  async getFunctionConfiguration(input: Input<"getFunctionConfiguration">): Promise<FunctionConfiguration> {
    return configurationOf(this.#directory.entry(this.#name(input)).record, this.#options.account);
  }

  async listFunctions({ Marker, MaxItems = DEFAULTS.maxItems }: Input<"listFunctions">): Promise<FunctionList> {
    const after = Marker === undefined ? "" : nameIn(Marker);
    const names = this.#directory.names().filter((name) => name > after);
    const shown = names.slice(0, MaxItems);
    const Functions = shown.map((name) => configurationOf(this.#directory.entry(name).record, this.#options.account));
    const last = shown.at(-1);
    return names.length > shown.length && last !== undefined
      ? { Functions, NextMarker: toBase64(utf8Bytes(last)) }
      : { Functions };
  }

  async updateFunctionCode(input: Input<"updateFunctionCode">): Promise<FunctionConfiguration> {
    const { account } = this.#options;
    const name = this.#name(input);
    refusePublish(input.Publish);
    const { ZipFile: code, DryRun, RevisionId, Architectures: architectures } = input;
    if (!code) throw badParameter("ZipFile is missing");
    const facts = { ...this.#codeFacts(code), ...(architectures && { architectures }) };
    const change = (record: FunctionRecord) => this.#changed(record, RevisionId, facts);
    if (DryRun === true) return configurationOf(change(this.#directory.entry(name).record), account);
    const record = await this.#directory.change(name, change, code);
    this.#options.runtime.retire(functionArn(account, name));
    return configurationOf(record, account);
  }

  async updateFunctionConfiguration(input: Input<"updateFunctionConfiguration">): Promise<FunctionConfiguration> {
    const { account } = this.#options;
    const name = this.#name(input);
    const { Role, Handler, Description, Timeout, MemorySize, Environment, Runtime, RevisionId } = input;
    if (Environment) checkEnvironment(Environment.Variables ?? {});
    const facts = {
      ...(Role !== undefined && { role: Role }),
      ...(Handler !== undefined && { handler: Handler }),
      ...(Description !== undefined && { description: Description }),
      ...(Timeout !== undefined && { timeoutS: Timeout }),
      ...(MemorySize !== undefined && { memoryMb: MemorySize }),
      ...(Environment && { environment: Environment.Variables ?? {} }),
      ...(Runtime !== undefined && { runtime: Runtime }),
    };
    const record = await this.#directory.change(name, (record) => this.#changed(record, RevisionId, facts));
    this.#options.runtime.retire(functionArn(account, name));
    return configurationOf(record, account);
  }

  async deleteFunction(input: Input<"deleteFunction">): Promise<void> {
    const name = this.#name(input);
    await this.#directory.remove(name);
    await this.#options.logs.forget(name);
    this.#options.runtime.retire(functionArn(this.#options.account, name));
  }

  async addPermission(input: Input<"addPermission">): Promise<AddPermissionResult> {
    const name = this.#name(input);
    const { StatementId, Action, Principal, SourceArn, SourceAccount, RevisionId } = input;
    const permission = {
      statementId: StatementId,
      action: Action,
      principal: Principal,
      sourceArn: SourceArn,
      sourceAccount: SourceAccount,
    };
    const statement = statementOf(permission, functionArn(this.#options.account, name));
    await this.#directory.addStatement(name, statement, (record) => this.#policyChanged(record, RevisionId));
    return { Statement: JSON.stringify(statement) };
  }

  async removePermission(input: Input<"removePermission">): Promise<void> {
    const { StatementId, RevisionId } = input;
    const change = (record: FunctionRecord) => this.#policyChanged(record, RevisionId);
    await this.#directory.removeStatement(this.#name(input), StatementId, change);
  }

  async getFunctionPolicy(input: Input<"getFunctionPolicy">): Promise<FunctionPolicy> {
    const { record, statements } = this.#directory.entry(this.#name(input));
    if (statements.length > 0) return { Policy: policyText(statements), RevisionId: record.policyRevisionId };
    throw new NotFound<FunctionErrorCode>("statement-not-found", "The resource you requested does not exist.");
  }

  async invoke(input: Input<"invoke">): Promise<Invocation> {
    const { InvocationType = "RequestResponse", LogType, ClientContext, Payload = new Uint8Array() } = input;
    const name = this.#name(input);
    this.#directory.entry(name);
    const clientContext = ClientContext === undefined ? undefined : clientContextIn(ClientContext);
    const event = eventText(Payload, InvocationType === "Event" ? "Event" : "RequestResponse");
    if (InvocationType === "DryRun") return { StatusCode: 204 };
    if (InvocationType === "Event") {
      this.#invoker.accept(name, event, clientContext);
      return { StatusCode: 202 };
    }
    const result = await this.#invoker.run(name, event, clientContext);
    const LogResult = toBase64(result.log.subarray(Math.max(0, result.log.length - LOG_TAIL_BYTES)));
    return { StatusCode: 200, ExecutedVersion: LATEST, ...answerOf(result), ...(LogType === "Tail" && { LogResult }) };
  }

  /** What the last runs of a function printed. An operation of our own. */
  async functionLogs(input: Input<"functionLogs">): Promise<FunctionLogPage> {
    const name = this.#name(input);
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
    const name = bareName(given, account);
    const evidence = { function: name, ruleArn: caller.sourceArn };
    if (!this.#directory.has(name)) tellWaiting(trace, event, { cause: "function-missing", evidence });
    const reason = whyNot(this.#directory.entry(name).statements, caller);
    if (reason !== undefined) {
      tellWaiting(trace, event, { cause: "function-permission", evidence: { ...evidence, reason } });
      return reason;
    }
    this.#invoker.accept(name, event);
    return undefined;
  }

  /**
   * Invokes a function for a service that waits for its answer, if the function's resource policy lets the service.
   * Throws `NotFound`, and `Denied` `function-refused` where it does not, where the run fails or takes over `limitMs`.
   */
  async askFor(caller: ServiceCaller, given: string, { event, limitMs }: Question): Promise<unknown> {
    const { account, clock } = this.#options;
    const name = bareName(given, account);
    const reason = whyNot(this.#directory.entry(name).statements, caller);
    if (reason !== undefined) throw refusedBy(name, reason);
    let cancel = () => {};
    const late = new Promise<undefined>((resolve) => void (cancel = clock.after(limitMs, () => resolve(undefined))));
    const result = await Promise.race([this.#invoker.run(name, JSON.stringify(event)), late]);
    cancel();
    if (!result) throw refusedBy(name, `no answer within ${limitMs} ms`);
    if (result.outcome !== "succeeded") throw refusedBy(name, result.error.errorMessage);
    try {
      return JSON.parse(result.payload) as unknown;
    } catch {
      throw refusedBy(name, "its answer is not JSON");
    }
  }

  #name({ FunctionName, Qualifier }: { readonly FunctionName: string; readonly Qualifier?: string }): string {
    return bareName(FunctionName, this.#options.account, Qualifier);
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

  #policyChanged(record: FunctionRecord, expected: string | undefined): FunctionRecord {
    checkRevision(expected, record.policyRevisionId);
    return { ...record, policyRevisionId: uuid(this.#options.entropy) };
  }
}

function checkRevision(expected: string | undefined, actual: string): void {
  if (expected === undefined || expected === actual) return;
  const message = `The RevisionId provided does not match the latest: ${expected} is not ${actual}`;
  throw new Conflict<FunctionErrorCode>("function-revision", message);
}

/** What a service asks a function, as JSON, and how long it waits. */
export type Question = { readonly event: unknown; readonly limitMs: number };

function refusedBy(name: string, why: string): Denied<FunctionErrorCode> {
  return new Denied("function-refused", `function ${name}: ${why}`);
}

function refusePublish(publish: boolean | undefined): void {
  if (publish === true) throw notImplemented("Publish (numbered versions of a function)");
}

function answerOf(result: RunResult): Pick<Invocation, "Payload" | "FunctionError"> {
  if (result.outcome === "succeeded") return { Payload: utf8Bytes(result.payload) };
  return { FunctionError: "Unhandled", Payload: utf8Bytes(JSON.stringify(result.error)) };
}

function nameIn(marker: string): string {
  try {
    return new TextDecoder().decode(fromBase64(marker));
  } catch (cause) {
    throw badParameter(`Marker was not given by ListFunctions: ${cause instanceof Error ? cause.message : ""}`);
  }
}

function clientContextIn(base64: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(fromBase64(base64)));
  } catch (cause) {
    throw badParameter(`ClientContext must be base64 of JSON: ${cause instanceof Error ? cause.message : ""}`);
  }
}
