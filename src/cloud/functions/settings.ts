import { NotFound } from "../../codec/index.ts";
import type { Clock } from "../../crypto/index.ts";
import type {
  AccountSettings,
  EventInvokeConfig,
  EventInvokeConfigList,
  FunctionSettingOperations,
  FunctionTags,
} from "../operations/index.ts";
import type { Account } from "../registry/index.ts";
import type { FunctionDirectory } from "./directory.ts";
import type { FunctionErrorCode } from "./errors.ts";
import { bareName, LATEST, qualifiedArn, refOf, type FunctionRef } from "./function-name.ts";
import { badParameter, eventConfigOf, type EventConfig, type FunctionRecord } from "./function-record.ts";
import { pageOf } from "./pages.ts";
import { POOL_LIMITS } from "./pool.ts";
import { CODE_LIMITS } from "./zip-code.ts";

export type SettingOptions = {
  readonly account: Account;
  readonly clock: Clock;
  readonly directory: FunctionDirectory;
  readonly codeBytes?: number;
};

type Input<Name extends keyof FunctionSettingOperations> = Parameters<FunctionSettingOperations[Name]>[0];

const MAX_TAGS = 50;

/** The operations of AWS Lambda on tags, on how events are tried, and on the account. */
export class FunctionSettings implements FunctionSettingOperations {
  readonly #options: SettingOptions;

  constructor(options: SettingOptions) {
    this.#options = options;
  }

  /** Sets what is named, and unsets what is not. */
  putEventInvokeConfig(input: Input<"putEventInvokeConfig">): Promise<EventInvokeConfig> {
    return this.#setEvents(input, undefined);
  }

  /** Sets what is named. */
  async updateEventInvokeConfig(input: Input<"updateEventInvokeConfig">): Promise<EventInvokeConfig> {
    return this.#setEvents(input, this.#eventsOf(this.#ref(input)));
  }

  async getEventInvokeConfig(input: Input<"getEventInvokeConfig">): Promise<EventInvokeConfig> {
    const ref = this.#ref(input);
    return this.#described(ref, this.#eventsOf(ref));
  }

  async deleteEventInvokeConfig(input: Input<"deleteEventInvokeConfig">): Promise<void> {
    const { name, qualifier } = this.#ref(input);
    this.#eventsOf({ name, qualifier });
    await this.#change(name, ({ events }) => ({
      events: Object.fromEntries(Object.entries(events ?? {}).filter(([key]) => key !== qualifier)),
    }));
  }

  async listEventInvokeConfigs(input: Input<"listEventInvokeConfigs">): Promise<EventInvokeConfigList> {
    const { account, directory } = this.#options;
    const name = bareName(input.FunctionName, account);
    const entries = Object.entries(directory.entry(name).record.events ?? {});
    const rows = entries
      .map(([key, config]) => ({ key, config }))
      .filter(({ key }) => directory.has({ name, qualifier: key }))
      .toSorted((a, b) => (a.key < b.key ? -1 : 1));
    const { shown, next } = pageOf("ListFunctionEventInvokeConfigs", input, { rows });
    const described = shown.map(({ key, config }) => this.#described({ name, qualifier: key }, config));
    return { FunctionEventInvokeConfigs: described, ...next };
  }

  async listTags({ Resource }: Input<"listTags">): Promise<FunctionTags> {
    const { account, directory } = this.#options;
    return { Tags: directory.entry(bareName(Resource, account)).record.tags ?? {} };
  }

  async tag({ Resource, Tags }: Input<"tag">): Promise<void> {
    await this.#change(bareName(Resource, this.#options.account), (record) => {
      const tags = { ...record.tags, ...Tags };
      const count = Object.keys(tags).length;
      if (count > MAX_TAGS) throw badParameter(`the function would have ${count} tags, at most ${MAX_TAGS}`);
      return { tags };
    });
  }

  async untag({ Resource, TagKeys }: Input<"untag">): Promise<void> {
    await this.#change(bareName(Resource, this.#options.account), ({ tags }) => ({
      tags: Object.fromEntries(Object.entries(tags ?? {}).filter(([key]) => !TagKeys.includes(key))),
    }));
  }

  async accountSettings(): Promise<AccountSettings> {
    const { directory, codeBytes = CODE_LIMITS.allBytes } = this.#options;
    const { processes } = POOL_LIMITS;
    return {
      AccountLimit: {
        TotalCodeSize: codeBytes,
        CodeSizeUnzipped: CODE_LIMITS.unzippedBytes,
        CodeSizeZipped: CODE_LIMITS.zippedBytes,
        ConcurrentExecutions: processes,
        UnreservedConcurrentExecutions: processes,
      },
      AccountUsage: { TotalCodeSize: directory.codeBytes(), FunctionCount: directory.names().length },
    };
  }

  #ref({ FunctionName, Qualifier }: { readonly FunctionName: string; readonly Qualifier?: string }): FunctionRef {
    const { account, directory } = this.#options;
    const ref = refOf(FunctionName, account, Qualifier);
    // Throws where there is no such function, version or alias.
    directory.policyOf(ref);
    return ref;
  }

  #eventsOf(ref: FunctionRef): EventConfig {
    const found = eventConfigOf(this.#options.directory.entry(ref.name).record, ref.qualifier);
    if (found) return found;
    const message = `The function ${qualifiedArn(this.#options.account, ref)} doesn't have an EventInvokeConfig`;
    throw new NotFound<FunctionErrorCode>("event-config-not-found", message);
  }

  async #setEvents(input: Input<"putEventInvokeConfig">, before: EventConfig | undefined): Promise<EventInvokeConfig> {
    const ref = this.#ref(input);
    const { MaximumRetryAttempts: retries, MaximumEventAgeInSeconds: maxAgeS } = input;
    if (retries === undefined && maxAgeS === undefined && input.DestinationConfig === undefined) {
      throw badParameter("You must specify at least one of MaximumRetryAttempts and MaximumEventAgeInSeconds");
    }
    const config = {
      ...before,
      ...(retries !== undefined && { retries }),
      ...(maxAgeS !== undefined && { maxAgeS }),
      modifiedAt: this.#options.clock.now(),
    };
    await this.#change(ref.name, ({ events }) => ({ events: { ...events, [ref.qualifier]: config } }));
    return this.#described(ref, config);
  }

  #described(ref: FunctionRef, { retries, maxAgeS, modifiedAt }: EventConfig): EventInvokeConfig {
    const arn = qualifiedArn(this.#options.account, ref);
    return {
      LastModified: modifiedAt / 1000,
      FunctionArn: ref.qualifier === LATEST ? `${arn}:${LATEST}` : arn,
      ...(retries !== undefined && { MaximumRetryAttempts: retries }),
      ...(maxAgeS !== undefined && { MaximumEventAgeInSeconds: maxAgeS }),
      DestinationConfig: { OnSuccess: {}, OnFailure: {} },
    };
  }

  async #change(name: string, facts: (record: FunctionRecord) => Partial<FunctionRecord>): Promise<void> {
    const { directory } = this.#options;
    await directory.change(name, () => {
      const { record } = directory.entry(name);
      return { record: { ...record, ...facts(record) } };
    });
  }
}
