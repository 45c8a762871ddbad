import { NotFound } from "../../codec/index.ts";
import type { CloudErrorCode } from "../errors.ts";
import { newResource, resourceKind, type Registry } from "../registry/index.ts";

/** The levels of the API, from the most talkative. AWS IoT API, LogLevel */
export type ApiLogLevel = "DEBUG" | "INFO" | "WARN" | "ERROR" | "DISABLED";

export type KeptLogging = {
  readonly roleArn: string | null;
  readonly level: ApiLogLevel;
  readonly allDisabled: boolean;
};

export type LoggingChange = {
  readonly roleArn?: string | undefined;
  readonly level?: ApiLogLevel | undefined;
  readonly allDisabled?: boolean | undefined;
};

const OPTIONS = resourceKind<KeptLogging>("logging-options", "Logging options");
const ONLY = "default";

/**
 * How much the cloud's log tells, as the API was told; kept, and applied to the running log at once. Nothing is applied
 * until somebody set it: the log has a level of its own. AWS IoT API, SetV2LoggingOptions
 */
export class LoggingOptions {
  readonly #registry: Registry;
  readonly #apply: (level: ApiLogLevel) => void;

  /** The options as they were left, applied. */
  static async open(registry: Registry, apply: (level: ApiLogLevel) => void): Promise<LoggingOptions> {
    const options = new LoggingOptions(registry, apply);
    const kept = await OPTIONS.find(registry.store.read, ONLY);
    if (kept) options.#applied(kept.body);
    return options;
  }

  private constructor(registry: Registry, apply: (level: ApiLogLevel) => void) {
    this.#registry = registry;
    this.#apply = apply;
  }

  /** Throws `NotFound` `not-configured` where nobody set them. */
  async describe(): Promise<KeptLogging> {
    const kept = await OPTIONS.find(this.#registry.store.read, ONLY);
    if (kept) return kept.body;
    throw new NotFound<CloudErrorCode>("not-configured", "logging options have not been set");
  }

  async set({ roleArn, level, allDisabled }: LoggingChange): Promise<void> {
    const { store, clock } = this.#registry;
    await store.write(
      async (queries) => {
        const known = (await OPTIONS.find(queries, ONLY))?.body;
        const body: KeptLogging = {
          roleArn: roleArn ?? known?.roleArn ?? null,
          level: level ?? known?.level ?? "ERROR",
          allDisabled: allDisabled ?? known?.allDisabled ?? false,
        };
        await OPTIONS.remove(queries, ONLY);
        await OPTIONS.insert(queries, newResource(ONLY, body, clock.now()), "");
        return body;
      },
      (body) => this.#applied(body),
    );
  }

  #applied({ level, allDisabled }: KeptLogging): void {
    this.#apply(allDisabled ? "DISABLED" : level);
  }
}
