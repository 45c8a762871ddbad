import { notImplemented } from "../errors.ts";
import { newResource, resourceKind, type Registry } from "../registry/index.ts";

/** The kinds of registry event that can be switched on. AWS IoT API, UpdateEventConfigurations */
export const EVENT_TYPES = [
  "THING",
  "THING_GROUP",
  "THING_TYPE",
  "THING_GROUP_MEMBERSHIP",
  "THING_GROUP_HIERARCHY",
  "THING_TYPE_ASSOCIATION",
  "JOB",
  "JOB_EXECUTION",
  "POLICY",
  "CERTIFICATE",
  "CA_CERTIFICATE",
] as const;

export type EventType = (typeof EVENT_TYPES)[number];

/** No event of these is published here, so that switching them on would promise what does not come. */
const ABSENT: readonly EventType[] = ["POLICY", "CERTIFICATE", "CA_CERTIFICATE"];

type Switches = Readonly<Record<string, boolean>>;

const SWITCHES = resourceKind<Switches>("event-configurations", "Event configurations");
const ONLY = "default";

/** Which registry events are published; none of them unless somebody switched it on. AWS IoT Core, "Registry events" */
export class EventSwitches {
  readonly #registry: Registry;
  #on: Switches;
  #times: { readonly createdAt: number; readonly modifiedAt: number } | undefined;

  /** The switches as they were left. */
  static async open(registry: Registry): Promise<EventSwitches> {
    return new EventSwitches(registry, await SWITCHES.find(registry.store.read, ONLY));
  }

  private constructor(registry: Registry, kept: Awaited<ReturnType<typeof SWITCHES.find>>) {
    this.#registry = registry;
    this.#on = kept?.body ?? {};
    this.#times = kept;
  }

  isOn(type: EventType): boolean {
    return this.#on[type] ?? false;
  }

  /** When they were switched first and last, in milliseconds since 1970; undefined where nobody ever did. */
  get times(): { readonly createdAt: number; readonly modifiedAt: number } | undefined {
    return this.#times;
  }

  /** Switches some on or off. Throws `UsageError` `not-implemented` for events that are never published here. */
  async set(changes: Partial<Record<EventType, boolean>>): Promise<void> {
    const promised = ABSENT.find((type) => changes[type] === true);
    if (promised) throw notImplemented(`events of ${promised}`);
    const { store, clock } = this.#registry;
    await store.write(
      async (queries) => {
        const known = await SWITCHES.find(queries, ONLY);
        const body = { ...known?.body, ...changes };
        const fresh = newResource<Switches>(ONLY, body, clock.now());
        const resource = known ? { ...fresh, createdAt: known.createdAt } : fresh;
        if (known) await SWITCHES.replace(queries, resource);
        else await SWITCHES.insert(queries, resource, "");
        return resource;
      },
      (resource) => {
        this.#on = resource.body;
        this.#times = resource;
      },
    );
  }
}
