import { toBase64 } from "../../codec/index.ts";
import type { Clock, Entropy } from "../../crypto/index.ts";
import type { Store } from "../store/index.ts";

/** An access key as its owner needs it. The secret is shown once and never again. */
export type AccessKey = { readonly accessKeyId: string; readonly secretAccessKey: string };

/** The keys with which callers of the control plane sign. */
export class AccessKeyRing {
  readonly #secrets: ReadonlyMap<string, string>;
  /** The oldest key that may be used: what a program beside the server signs with. */
  readonly primary: AccessKey;
  /** True where this start made the primary key: the one time at which people are shown its secret. */
  readonly isNew: boolean;

  constructor(keys: readonly [AccessKey, ...AccessKey[]], isNew: boolean) {
    this.#secrets = new Map(keys.map((key) => [key.accessKeyId, key.secretAccessKey]));
    this.primary = keys[0];
    this.isNew = isNew;
  }

  /** The secret of a key that may be used now. */
  secretOf(accessKeyId: string): string | undefined {
    return this.#secrets.get(accessKeyId);
  }
}

/** The active keys of a store; makes one where there is none. */
export async function openAccessKeys(
  store: Store,
  { clock, entropy }: { readonly clock: Clock; readonly entropy: Entropy },
): Promise<AccessKeyRing> {
  const rows = await store.read
    .selectFrom("access_keys")
    .selectAll()
    .where("status", "=", "Active")
    .orderBy("created_at")
    .orderBy("access_key_id")
    .execute();
  const [first, ...more] = rows.map((row) => ({
    accessKeyId: row.access_key_id,
    secretAccessKey: row.secret_access_key,
  }));
  if (first) return new AccessKeyRing([first, ...more], false);
  const key = randomAccessKey(entropy);
  const row = {
    access_key_id: key.accessKeyId,
    secret_access_key: key.secretAccessKey,
    status: "Active" as const,
    created_at: Math.floor(clock.now()),
  };
  await store.write((queries) => queries.insertInto("access_keys").values(row).execute());
  return new AccessKeyRing([key], true);
}

const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** Shaped as AWS tools expect, with a prefix of our own: scanners for leaked AWS keys must not cry wolf. */
function randomAccessKey(entropy: Entropy): AccessKey {
  const id = [...entropy.bytes(16)].map((byte) => BASE32[byte % 32]).join("");
  return { accessKeyId: `HWSR${id}`, secretAccessKey: toBase64(entropy.bytes(30)) };
}
