import { Conflict, NotFound } from "../../codec/index.ts";
import type { Account } from "../registry/index.ts";
import type { FunctionErrorCode } from "./errors.ts";
import { functionNotFound } from "./function-name.ts";
import type { FunctionEntry, FunctionRecord } from "./function-record.ts";
import type { FunctionStore } from "./function-store.ts";
import { policyText, type PermissionStatement } from "./resource-policy.ts";

const MAX_POLICY_BYTES = 20 * 1024;

/** All functions, in memory for reading; changes go one at a time, to the store first. */
export class FunctionDirectory {
  readonly #store: FunctionStore;
  readonly #account: Account;
  readonly #entries = new Map<string, FunctionEntry>();
  #last: Promise<unknown> = Promise.resolve();

  private constructor(store: FunctionStore, account: Account) {
    this.#store = store;
    this.#account = account;
  }

  static async open(store: FunctionStore, account: Account): Promise<FunctionDirectory> {
    const directory = new FunctionDirectory(store, account);
    for (const entry of await store.load()) directory.#entries.set(entry.record.name, entry);
    return directory;
  }

  /** The function of this name. Throws `NotFound` `function-not-found`. */
  entry(name: string): FunctionEntry {
    const found = this.#entries.get(name);
    if (!found) throw functionNotFound(name, this.#account);
    return found;
  }

  /** The names of all functions, in order. */
  has(name: string): boolean {
    return this.#entries.has(name);
  }

  names(): string[] {
    return [...this.#entries.keys()].sort((a, b) => (a < b ? -1 : 1));
  }

  code(name: string): Promise<Uint8Array> {
    return this.#store.code(name);
  }

  /** Throws `Conflict` `function-exists`. */
  create(record: FunctionRecord, code: Uint8Array): Promise<FunctionRecord> {
    return this.#inTurn(async () => {
      const { name } = record;
      if (this.#entries.has(name)) {
        throw new Conflict<FunctionErrorCode>("function-exists", `Function already exist: ${name}`);
      }
      await this.#store.save(record, code);
      this.#entries.set(name, { record, statements: [] });
      return record;
    });
  }

  /** Replaces the record by what `change` makes of it, and the code where some is given. */
  change(name: string, change: (record: FunctionRecord) => FunctionRecord, code?: Uint8Array): Promise<FunctionRecord> {
    return this.#inTurn(async () => {
      const { record, statements } = this.entry(name);
      const changed = change(record);
      await this.#store.save(changed, code);
      this.#entries.set(name, { record: changed, statements });
      return changed;
    });
  }

  remove(name: string): Promise<void> {
    return this.#inTurn(async () => {
      this.entry(name);
      await this.#store.remove(name);
      this.#entries.delete(name);
    });
  }

  /** Throws `Conflict` `statement-exists`, `Conflict` `policy-too-long`. */
  addStatement(
    name: string,
    statement: PermissionStatement,
    change: (record: FunctionRecord) => FunctionRecord,
  ): Promise<void> {
    return this.#inTurn(async () => {
      const { record, statements } = this.entry(name);
      const changed = change(record);
      if (statements.some(({ Sid }) => Sid === statement.Sid)) {
        const message =
          `The statement id (${statement.Sid}) provided already exists. ` +
          "Please provide a new statement id, or remove the existing statement.";
        throw new Conflict<FunctionErrorCode>("statement-exists", message);
      }
      const all = [...statements, statement];
      const size = policyText(all).length;
      if (size > MAX_POLICY_BYTES) {
        const message = `The final policy size (${size}) is bigger than the limit (${MAX_POLICY_BYTES}).`;
        throw new Conflict<FunctionErrorCode>("policy-too-long", message);
      }
      await this.#store.addStatement(changed, statement);
      this.#entries.set(name, { record: changed, statements: all });
    });
  }

  /** Throws `NotFound` `statement-not-found`. */
  removeStatement(
    name: string,
    statementId: string,
    change: (record: FunctionRecord) => FunctionRecord,
  ): Promise<void> {
    return this.#inTurn(async () => {
      const { record, statements } = this.entry(name);
      const kept = statements.filter(({ Sid }) => Sid !== statementId);
      if (kept.length === statements.length) {
        const message = `Statement ${statementId} is not found in resource policy.`;
        throw new NotFound<FunctionErrorCode>("statement-not-found", message);
      }
      const changed = change(record);
      await this.#store.removeStatement(changed, statementId);
      this.#entries.set(name, { record: changed, statements: kept });
    });
  }

  /** Between the check and the write of one change no other may come. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
