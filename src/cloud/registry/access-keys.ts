import { Conflict, toBase64 } from "../../codec/index.ts";
import type { Clock, Entropy } from "../../crypto/index.ts";
import { notFound, type CloudErrorCode } from "../errors.ts";
import type { AccessKeyRow, Queries, Store } from "../store/index.ts";

/** An access key as its owner needs it. The secret is shown once and never again. */
export type AccessKey = { readonly accessKeyId: string; readonly secretAccessKey: string };

/** An access key without its secret. `createdAt` in milliseconds since 1970. */
export type AccessKeyListing = {
  readonly accessKeyId: string;
  readonly status: AccessKeyRow["status"];
  readonly createdAt: number;
};

export type AccessKeyPorts = { readonly store: Store; readonly clock: Clock; readonly entropy: Entropy };

/** How many keys there may be: enough to rotate those of several programs, few enough to be looked through. */
const MOST = 20;

/**
 * The keys with which callers of the control plane sign. To rotate: make a second key, hand it out, deactivate the first,
 * and delete it when nothing fails. One active key always remains.
 */
export class AccessKeyRing {
  readonly #ports: AccessKeyPorts;
  readonly #secrets: Map<string, string>;
  /** The oldest key that was active at the start: what a program beside the server signs with. */
  readonly primary: AccessKey;
  /** True where this start made the primary key: the one time at which people are shown its secret. */
  readonly isNew: boolean;

  constructor(ports: AccessKeyPorts, keys: readonly [AccessKey, ...AccessKey[]], isNew: boolean) {
    this.#ports = ports;
    this.#secrets = new Map(keys.map((key) => [key.accessKeyId, key.secretAccessKey]));
    this.primary = keys[0];
    this.isNew = isNew;
  }

  /** The secret of a key that may be used now. */
  secretOf(accessKeyId: string): string | undefined {
    return this.#secrets.get(accessKeyId);
  }

  /** Makes a key, usable at once. Throws `Conflict` `limit-exceeded`. */
  async create(): Promise<AccessKey> {
    const { store, clock, entropy } = this.#ports;
    const key = randomAccessKey(entropy);
    await store.write(
      async (queries) => {
        if ((await allKeys(queries)).length >= MOST) {
          throw new Conflict<CloudErrorCode>("limit-exceeded", `there are ${MOST} access keys; delete one first`);
        }
        await queries.insertInto("access_keys").values(rowOf(key, clock.now())).execute();
      },
      () => void this.#secrets.set(key.accessKeyId, key.secretAccessKey),
    );
    return key;
  }

  /** All keys, oldest first, without their secrets. */
  async list(): Promise<AccessKeyListing[]> {
    return (await allKeys(this.#ports.store.read)).map((row) => ({
      accessKeyId: row.access_key_id,
      status: row.status,
      createdAt: row.created_at,
    }));
  }

  /** Makes a key usable or not, at once. Throws `NotFound`, `Conflict` `delete-conflict` for the last active key. */
  async setStatus(accessKeyId: string, status: AccessKeyRow["status"]): Promise<void> {
    await this.#ports.store.write(
      async (queries) => {
        const row = await keyToChange(queries, accessKeyId, status === "Active");
        const changes = queries.updateTable("access_keys").set({ status });
        await changes.where("access_key_id", "=", accessKeyId).execute();
        return row.secret_access_key;
      },
      (secret) => {
        if (status === "Active") this.#secrets.set(accessKeyId, secret);
        else this.#secrets.delete(accessKeyId);
      },
    );
  }

  /** Forgets a key. Throws `NotFound`, `Conflict` `delete-conflict` for the last active key. */
  async delete(accessKeyId: string): Promise<void> {
    await this.#ports.store.write(
      async (queries) => {
        await keyToChange(queries, accessKeyId, false);
        await queries.deleteFrom("access_keys").where("access_key_id", "=", accessKeyId).execute();
      },
      () => void this.#secrets.delete(accessKeyId),
    );
  }
}

/** The active keys of a store; makes one where there is none. */
export async function openAccessKeys(ports: AccessKeyPorts): Promise<AccessKeyRing> {
  const { store, clock, entropy } = ports;
  const [first, ...more] = (await allKeys(store.read))
    .filter(({ status }) => status === "Active")
    .map((row) => ({ accessKeyId: row.access_key_id, secretAccessKey: row.secret_access_key }));
  if (first) return new AccessKeyRing(ports, [first, ...more], false);
  const key = randomAccessKey(entropy);
  await store.write((queries) => queries.insertInto("access_keys").values(rowOf(key, clock.now())).execute());
  return new AccessKeyRing(ports, [key], true);
}

function allKeys(queries: Queries): Promise<AccessKeyRow[]> {
  return queries.selectFrom("access_keys").selectAll().orderBy("created_at").orderBy("access_key_id").execute();
}

async function keyToChange(queries: Queries, accessKeyId: string, staysActive: boolean): Promise<AccessKeyRow> {
  const rows = await allKeys(queries);
  const row = rows.find((each) => each.access_key_id === accessKeyId);
  if (!row) throw notFound(`Access key ${accessKeyId}`);
  const isLast = rows.every((each) => each === row || each.status === "Inactive");
  if (staysActive || row.status === "Inactive" || !isLast) return row;
  const message = `${accessKeyId} is the last active access key; make another one first`;
  throw new Conflict<CloudErrorCode>("delete-conflict", message);
}

function rowOf({ accessKeyId, secretAccessKey }: AccessKey, now: number): AccessKeyRow {
  const created_at = Math.floor(now);
  return { access_key_id: accessKeyId, secret_access_key: secretAccessKey, status: "Active", created_at };
}

const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** Shaped as AWS tools expect, with a prefix of our own: scanners for leaked AWS keys must not cry wolf. */
function randomAccessKey(entropy: Entropy): AccessKey {
  const id = [...entropy.bytes(16)].map((byte) => BASE32[byte % 32]).join("");
  return { accessKeyId: `HWSR${id}`, secretAccessKey: toBase64(entropy.bytes(30)) };
}
