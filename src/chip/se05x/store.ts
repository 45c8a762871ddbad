import { SE05X_CREDENTIAL } from "../../apdu/se05x/index.ts";
import { type Content, withoutPower } from "./contents.ts";
import { refuse } from "./refuse.ts";
import { type Footprint, footprintOf, hexId, type SecureObject } from "./objects.ts";
import { type Settings, settingsFootprint } from "./settings.ts";
import type { Se05xModel } from "./variants.ts";

/** What memory a host may ask about: persistent, or one of the two transient kinds. */
const PERSISTENT = 1;
const NOTHING: Footprint = { persistent: 0, transient: 0 };

/** Identifiers that mean something to the chip itself. SE05x object ids */
const RESERVED = { from: 0x7fff_0200, to: 0x7fff_02ff } as const;

/** Credentials among them, which hosts may make: whoever proves them may change what they stand for. SE05x object ids */
const CREDENTIALS: ReadonlySet<number> = new Set(Object.values(SE05X_CREDENTIAL));

/** The objects and settings of a chip, their memory, and one command's changes that can be taken back. */
export class ObjectStore {
  readonly #model: Se05xModel;
  readonly #enduranceWrites: number;
  #objects: Map<number, SecureObject>;
  #settings: Settings;
  #before: { readonly objects: Map<number, SecureObject>; readonly settings: Settings } | undefined;
  /** Whether something has come to be that was not stored yet. */
  #hasMade = false;

  constructor(
    { model, enduranceWrites }: { readonly model: Se05xModel; readonly enduranceWrites: number },
    settings: Settings,
    objects: Iterable<SecureObject>,
  ) {
    this.#model = model;
    this.#enduranceWrites = enduranceWrites;
    this.#settings = settings;
    this.#objects = new Map([...objects].map((object) => [object.id, object]));
  }

  [Symbol.iterator](): IterableIterator<SecureObject> {
    return this.#objects.values();
  }

  get settings(): Settings {
    return this.#settings;
  }

  /** Changes settings. Refused with 6985 where memory does not suffice for what they name, 6581 where it is worn out. */
  configure(change: Partial<Omit<Settings, "writes">>): void {
    this.#demandFresh("settings", this.#settings.writes);
    this.#change();
    this.#settings = { ...this.#settings, ...change, writes: this.#settings.writes + 1 };
    if (this.free("persistent") < 0) throw refuse(0x6985, "no memory for this");
  }

  find(id: number): SecureObject | undefined {
    return this.#objects.get(id);
  }

  /** An object that must be there. Refused with 6985 where it is not. */
  present(id: number): SecureObject {
    const object = this.#objects.get(id);
    if (!object) throw refuse(0x6985, `there is no object ${hexId(id)}`);
    return object;
  }

  /**
   * Puts an object in, in the place of one with its identifier. Refused with 6985 where memory does not suffice, 6581
   * where its place has had all its writes.
   */
  put(given: Omit<SecureObject, "writes">): void {
    const former = this.#objects.get(given.id);
    const wears = !former || !given.transient;
    const object = { ...given, writes: (former?.writes ?? 0) + (wears ? 1 : 0) };
    if (wears) this.#demandFresh(`object ${hexId(given.id)}`, former?.writes ?? 0);
    const taken = footprintOf(object);
    const freed = former ? footprintOf(former) : NOTHING;
    for (const memory of ["persistent", "transient"] as const) {
      if (taken[memory] > this.free(memory) + freed[memory])
        throw refuse(0x6985, `no memory for object ${hexId(object.id)}`);
    }
    this.#change().set(object.id, object);
  }

  /**
   * Gives an object the content that it was born to have. It follows from what the store holds, so it wears nothing,
   * takes no more memory, and stays where the command fails.
   */
  make(id: number, content: Content): SecureObject {
    const object = { ...this.present(id), content };
    this.#objects.set(id, object);
    this.#before?.objects.set(id, object);
    this.#hasMade = true;
    return object;
  }

  remove(id: number): void {
    this.#change().delete(id);
  }

  /** Free bytes of the memory that commands call `kind`. */
  freeOfKind(kind: number): number {
    return this.free(kind === PERSISTENT ? "persistent" : "transient");
  }

  free(memory: keyof Footprint): number {
    const isTransient = memory === "transient";
    const total = isTransient ? this.#model.transientBytes : this.#model.persistentBytes;
    let used = isTransient ? 0 : settingsFootprint(this.#settings);
    for (const object of this) used += footprintOf(object)[memory];
    return total - used;
  }

  /** Refuses with 6986 where hosts may not make an object under this identifier, with 6985 where nobody may. */
  demandOpenId(id: number, authentication: boolean): void {
    // NXP's nano package expects this answer of silicon, tests/src/test_se05x_nist256.c
    if (id === 0) throw refuse(0x6985, "no object is called 0");
    const isCredential = authentication && CREDENTIALS.has(id);
    if (id >= RESERVED.from && id <= RESERVED.to && !isCredential)
      throw refuse(0x6986, `identifier ${hexId(id)} is reserved`);
  }

  /** Whether there is something to store: the command now under way has changed something, or something was made. */
  get changed(): boolean {
    return this.#before !== undefined || this.#hasMade;
  }

  /** Makes the changes of a command final. */
  commit(): void {
    this.#before = undefined;
    this.#hasMade = false;
  }

  /** A command that failed half-way has not happened. */
  rollBack(): void {
    if (this.#before) ({ objects: this.#objects, settings: this.#settings } = this.#before);
    this.#before = undefined;
  }

  /** Takes another chip's state in the place of its own. */
  become(settings: Settings, objects: Iterable<SecureObject>): void {
    this.#settings = settings;
    this.#objects = new Map([...objects].map((object) => [object.id, object]));
    this.#before = undefined;
    this.#hasMade = false;
  }

  /** Forgets the values that do not outlive power; their objects stay. */
  forgetTransient(): void {
    for (const object of this) {
      if (object.transient) this.#objects.set(object.id, { ...object, content: withoutPower(object.content) });
    }
  }

  #demandFresh(place: string, writes: number): void {
    if (writes >= this.#enduranceWrites)
      throw refuse(0x6581, `wear-out: ${place} was written ${writes} times and takes no more`);
  }

  /** The first change of a command sets the former state aside. */
  #change(): Map<number, SecureObject> {
    this.#before ??= { objects: new Map(this.#objects), settings: this.#settings };
    return this.#objects;
  }
}
