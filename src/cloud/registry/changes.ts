import type { CaEntry, CertificateEntry, PolicyEntry } from "./entries.ts";
import type { Thing, ThingGroup, ThingType } from "./thing-records.ts";

/** A certificate changed: its status, or what is attached to it. `after` is absent where it was deleted. */
export type CertificateChange = {
  readonly id: string;
  readonly before: CertificateEntry | undefined;
  readonly after: CertificateEntry | undefined;
};

/** A CA was registered, changed, or deleted (`after` absent). */
export type CaChange = {
  readonly id: string;
  readonly before: CaEntry | undefined;
  readonly after: CaEntry | undefined;
};

/** The policy's version in force changed, or it was created or deleted (`after` absent). */
export type PolicyChange = { readonly name: string; readonly after: PolicyEntry | undefined };

/** What happened to a named resource. */
export type Happening = "created" | "updated" | "deleted";

/** A thing was made (`before` absent), changed, or deleted (`after` absent). */
export type ThingChange = { readonly before: Thing | undefined; readonly after: Thing | undefined };

/** A change of the registry that operators watch, as it was committed. */
export type RegistryEvent =
  | (ThingChange & { readonly kind: "thing" })
  | { readonly kind: "thing-type"; readonly happened: Happening; readonly type: ThingType }
  | { readonly kind: "thing-group"; readonly happened: Happening; readonly group: ThingGroup }
  /** Names of static groups that a thing joined and left. */
  | {
      readonly kind: "membership";
      readonly thing: string;
      readonly added: readonly string[];
      readonly removed: readonly string[];
    };

/** Listeners for one kind of change. They run right after the commit, in commit order; they must not throw. */
export class Listeners<T> {
  readonly #listeners = new Set<(change: T) => void>();

  /** Calls `listener` with each change from now on; the returned function ends that. */
  add(listener: (change: T) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  tell(change: T): void {
    for (const listener of this.#listeners) listener(change);
  }
}
