import type { RunningHash } from "../crypto/index.ts";
import { refuse } from "./errors.ts";
import type { TokenObject } from "./objects.ts";

/** A signature to be made or checked: over the digest that comes, or over data that are hashed here. */
export type KeyOperation = { readonly object: TokenObject; readonly hash: RunningHash | undefined };

/** What may be under way, by kind. */
export type Operations = {
  readonly find: bigint[];
  readonly digest: RunningHash;
  readonly sign: KeyOperation;
  readonly verify: KeyOperation;
};

/** A session of one program and the operations that are under way in it, at most one of a kind. PKCS #11 v2.40, section 6.6 */
export class Session {
  readonly handle: bigint;
  readonly isWritable: boolean;
  readonly #active: { -readonly [Kind in keyof Operations]?: Operations[Kind] } = {};

  constructor(handle: bigint, isWritable: boolean) {
    this.handle = handle;
    this.isWritable = isWritable;
  }

  /** Throws `operation-active`. */
  checkFree(kind: keyof Operations): void {
    if (this.#active[kind] !== undefined) throw refuse("operation-active", `a ${kind} operation is under way`);
  }

  begin<Kind extends keyof Operations>(kind: Kind, operation: Operations[Kind]): void {
    this.checkFree(kind);
    this.#active[kind] = operation;
  }

  /** The operation under way. Throws `operation-not-initialized`. */
  active<Kind extends keyof Operations>(kind: Kind): Operations[Kind] {
    const operation = this.#active[kind];
    if (operation === undefined) throw refuse("operation-not-initialized", `no ${kind} operation is under way`);
    return operation;
  }

  end(kind: keyof Operations): void {
    delete this.#active[kind];
  }

  /** Ends all that is under way. */
  abandon(): void {
    for (const kind of ["find", "digest", "sign", "verify"] as const) this.end(kind);
  }
}
