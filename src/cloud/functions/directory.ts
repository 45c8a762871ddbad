import { Conflict, NotFound } from "../../codec/index.ts";
import type { Account } from "../registry/index.ts";
import type { FunctionErrorCode } from "./errors.ts";
import { functionNotFound, LATEST, type FunctionRef } from "./function-name.ts";
import { eventConfigOf } from "./function-record.ts";
import type { AliasRecord, FunctionEntry, FunctionRecord, VersionRecord } from "./function-record.ts";
import type { FunctionStore, PolicyOwner } from "./function-store.ts";
import { policyText, type PermissionStatement } from "./resource-policy.ts";

const MAX_POLICY_BYTES = 20 * 1024;

/** What a change makes of a function: its new record, and the version that it is published as, where it is. */
export type FunctionChange = { readonly record: FunctionRecord; readonly version?: VersionRecord | undefined };

/** A record with a resource policy, of which only the policy's revision changes with a statement. */
type Owner = PolicyOwner["owner"];

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
    if (!found) throw functionNotFound({ name, qualifier: LATEST }, this.#account);
    return found;
  }

  /** Whether there is such a function, version or alias. */
  has({ name, qualifier }: FunctionRef): boolean {
    const entry = this.#entries.get(name);
    return (
      entry !== undefined && (qualifier === LATEST || entry.versions.has(qualifier) || entry.aliases.has(qualifier))
    );
  }

  /**
   * The record that runs: of the function, of a version, or of the version that an alias stands for. `chance` gives a
   * number from 0 to below 1, which shares out what two versions have between them. Throws `NotFound` `function-not-found`.
   */
  running(ref: FunctionRef, chance: () => number): FunctionRecord | VersionRecord {
    const { record, versions, aliases } = this.entry(ref.name);
    const alias = aliases.get(ref.qualifier);
    const version = alias ? shareOf(alias, chance) : ref.qualifier;
    const found = version === LATEST ? record : versions.get(version);
    if (!found) throw functionNotFound(ref, this.#account);
    return found;
  }

  /** The statements of the resource policy of a function, version or alias. Throws `NotFound` `function-not-found`. */
  policyOf(ref: FunctionRef): { readonly statements: readonly PermissionStatement[]; readonly owner: Owner } {
    const entry = this.entry(ref.name);
    const { record, versions, aliases, policies } = entry;
    const owner = ref.qualifier === LATEST ? record : (versions.get(ref.qualifier) ?? aliases.get(ref.qualifier));
    if (!owner) throw functionNotFound(ref, this.#account);
    return { statements: policies.get(ref.qualifier) ?? [], owner };
  }

  /** The names of all functions, in order. */
  names(): string[] {
    return [...this.#entries.keys()].sort((a, b) => (a < b ? -1 : 1));
  }

  /** The zip of a function or of a version. */
  code(ref: FunctionRef): Promise<Uint8Array> {
    return this.#store.code(ref);
  }

  /** Bytes of the zips of all functions and versions. */
  codeBytes(): number {
    let sum = 0;
    for (const { record, versions } of this.#entries.values()) {
      sum += record.codeSize;
      for (const { codeSize } of versions.values()) sum += codeSize;
    }
    return sum;
  }

  /**
   * Makes a function of this name, or replaces what is there, by what `change` makes of it; with the code where some is
   * given, and with a version where the change holds one.
   */
  change<C extends FunctionChange>(
    name: string,
    change: (entry: FunctionEntry | undefined) => C,
    code?: Uint8Array,
  ): Promise<C> {
    return this.#inTurn(async () => {
      const entry = this.#entries.get(name);
      const changed = change(entry);
      const { record, version } = changed;
      await this.#store.save(record, { ...(code && { code }), ...(version && { version }) });
      const versions = new Map(entry?.versions);
      if (version) versions.set(version.version, version);
      this.#entries.set(name, { ...(entry ?? NOTHING), record, versions });
      return changed;
    });
  }

  remove(name: string): Promise<FunctionEntry> {
    return this.#inTurn(async () => {
      const entry = this.entry(name);
      await this.#store.remove(name);
      this.#entries.delete(name);
      return entry;
    });
  }

  /** Removes a version or alias after `check` of the function. */
  removeQualified(ref: FunctionRef, check: (entry: FunctionEntry) => void): Promise<void> {
    return this.#inTurn(async () => {
      const entry = this.entry(ref.name);
      check(entry);
      if (!this.has(ref)) return;
      const record = withoutEvents(entry.record, ref.qualifier);
      if (record !== entry.record) await this.#store.save(record);
      await this.#store.removeQualified(ref);
      const [versions, aliases, policies] = [
        new Map(entry.versions),
        new Map(entry.aliases),
        new Map(entry.policies),
      ] as const;
      for (const map of [versions, aliases, policies]) map.delete(ref.qualifier);
      this.#entries.set(ref.name, { record, versions, aliases, policies });
    });
  }

  /** Makes or replaces an alias by what `change` makes of the function. */
  changeAlias(name: string, change: (entry: FunctionEntry) => AliasRecord): Promise<AliasRecord> {
    return this.#inTurn(async () => {
      const entry = this.entry(name);
      const alias = change(entry);
      await this.#store.saveAlias(name, alias);
      this.#entries.set(name, { ...entry, aliases: new Map(entry.aliases).set(alias.name, alias) });
      return alias;
    });
  }

  /** Throws `Conflict` `statement-exists`, `Conflict` `policy-too-long`. */
  addStatement(
    ref: FunctionRef,
    statement: PermissionStatement,
    change: <T extends Owner>(owner: T) => T,
  ): Promise<void> {
    return this.#inTurn(async () => {
      const { statements, owner } = this.policyOf(ref);
      const changed = change(owner);
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
      await this.#store.addStatement({ ...ref, owner: changed }, statement);
      this.#setPolicy({ ...ref, owner: changed }, all);
    });
  }

  /** Throws `NotFound` `statement-not-found`. */
  removeStatement(ref: FunctionRef, statementId: string, change: <T extends Owner>(owner: T) => T): Promise<void> {
    return this.#inTurn(async () => {
      const { statements, owner } = this.policyOf(ref);
      const kept = statements.filter(({ Sid }) => Sid !== statementId);
      if (kept.length === statements.length) {
        const message = `Statement ${statementId} is not found in resource policy.`;
        throw new NotFound<FunctionErrorCode>("statement-not-found", message);
      }
      const changed = change(owner);
      await this.#store.removeStatement({ ...ref, owner: changed }, statementId);
      this.#setPolicy({ ...ref, owner: changed }, kept);
    });
  }

  #setPolicy({ name, qualifier, owner }: PolicyOwner, statements: readonly PermissionStatement[]): void {
    const entry = this.entry(name);
    const policies = new Map(entry.policies).set(qualifier, statements);
    if (!("codeSha256" in owner)) {
      this.#entries.set(name, { ...entry, policies, aliases: new Map(entry.aliases).set(qualifier, owner) });
    } else if ("fingerprint" in owner) {
      this.#entries.set(name, { ...entry, policies, versions: new Map(entry.versions).set(qualifier, owner) });
    } else this.#entries.set(name, { ...entry, policies, record: owner });
  }

  /** Between the check and the write of one change no other may come. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

/** What was set about events goes with the version or alias: another one of its name begins anew. */
function withoutEvents(record: FunctionRecord, qualifier: string): FunctionRecord {
  if (!eventConfigOf(record, qualifier)) return record;
  const events = Object.entries(record.events ?? {}).filter(([key]) => key !== qualifier);
  return { ...record, events: Object.fromEntries(events) };
}

const NOTHING = { versions: new Map(), aliases: new Map(), policies: new Map() } as const;

/** The version that an alias gives one invocation to. */
function shareOf({ version, weights }: AliasRecord, chance: () => number): string {
  const [other] = Object.entries(weights);
  return other && chance() < other[1] ? other[0] : version;
}
