import { refuse } from "./refuse.ts";
import { footprintOf, hexId, type SecureObject } from "./objects.ts";
import type { Se05xModel } from "./variants.ts";

/** What memory a host may ask about: persistent, or one of the two transient kinds. */
const PERSISTENT = 1;

/** Identifiers that only the chip itself gives out. SE05x object ids */
const RESERVED = { from: 0x7fff_0000, to: 0x7fff_ffff } as const;

/** The objects of a chip, their memory, and one command's changes that can be taken back. */
export class ObjectStore {
  readonly #model: Se05xModel;
  #objects: Map<number, SecureObject>;
  #before: Map<number, SecureObject> | undefined;

  constructor(model: Se05xModel, objects: Iterable<SecureObject>) {
    this.#model = model;
    this.#objects = new Map([...objects].map((object) => [object.id, object]));
  }

  [Symbol.iterator](): IterableIterator<SecureObject> {
    return this.#objects.values();
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

  /** Puts an object in, in the place of one with its identifier. Refused with 6985 where memory does not suffice. */
  put(object: SecureObject): void {
    const former = this.#objects.get(object.id);
    const free = this.free(object.transient) + (former?.transient === object.transient ? footprintOf(former) : 0);
    if (footprintOf(object) > free) throw refuse(0x6985, `no memory for object ${hexId(object.id)}`);
    this.#change().set(object.id, object);
  }

  remove(id: number): void {
    this.#change().delete(id);
  }

  /** Free bytes of the memory that commands call `kind`. */
  freeOfKind(kind: number): number {
    return this.free(kind !== PERSISTENT);
  }

  free(transient: boolean): number {
    const total = transient ? this.#model.transientBytes : this.#model.persistentBytes;
    let used = 0;
    for (const object of this) if (object.transient === transient) used += footprintOf(object);
    return total - used;
  }

  /** Refuses with 6986 where hosts may not make an object under this identifier. */
  demandOpenId(id: number): void {
    if (id === 0 || (id >= RESERVED.from && id <= RESERVED.to))
      throw refuse(0x6986, `identifier ${hexId(id)} is reserved`);
  }

  /** Whether the command now under way has changed something. */
  get changed(): boolean {
    return this.#before !== undefined;
  }

  /** Makes the changes of a command final. */
  commit(): void {
    this.#before = undefined;
  }

  /** A command that failed half-way has not happened. */
  rollBack(): void {
    if (this.#before) this.#objects = this.#before;
    this.#before = undefined;
  }

  /** Drops what does not outlive power. */
  dropTransient(): void {
    for (const { id, transient } of this) if (transient) this.#objects.delete(id);
  }

  /** The first change of a command sets the former state aside. */
  #change(): Map<number, SecureObject> {
    this.#before ??= new Map(this.#objects);
    return this.#objects;
  }
}
