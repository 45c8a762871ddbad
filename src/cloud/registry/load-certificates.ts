import type { CertificateRow, Store } from "../store/index.ts";
import type { Directory } from "./directory.ts";
import { certificateEntryOf, NOTHING_ATTACHED } from "./entries.ts";

/** How many rows one query reads, and of how many certificates' attachments another, nearly. */
const SCAN = 2000;

/** Fills the index with a store's certificates, and with what is attached to them. */
export async function loadCertificates({ store, directory }: Loaded): Promise<void> {
  await loadRows({ store, directory });
  // Ids are evenly spread, so this many ranges have about as many each; what is attached to others comes after "f".
  const ranges = Math.ceil(directory.counts.certificates / SCAN);
  for (let i = 0; i < ranges; i++) {
    const range = { from: startOf(i / ranges), before: i + 1 < ranges ? startOf((i + 1) / ranges) : "g" };
    for (const [id, attached] of await attachedWithin(store, range)) {
      const entry = directory.certificate(id);
      if (entry) directory.setCertificate(id, { ...entry, ...attached });
    }
  }
}

type Loaded = { readonly store: Store; readonly directory: Directory };

/** In the order in which they were made, and so of the pages that they are on: in order of their ids each is on another. */
async function loadRows({ store, directory }: Loaded): Promise<void> {
  let after: Pick<CertificateRow, "created_at" | "id"> = { created_at: Number.MIN_SAFE_INTEGER, id: "" };
  for (;;) {
    const { created_at, id } = after;
    const rows = await store.read
      .selectFrom("certificates")
      .select(["id", "status", "ca_id", "mode", "created_at"])
      .where((eb) => eb(eb.refTuple("created_at", "id"), ">", eb.tuple(created_at, id)))
      .orderBy("created_at")
      .orderBy("id")
      .limit(SCAN)
      .execute();
    for (const row of rows) directory.setCertificate(row.id, certificateEntryOf(row, NOTHING_ATTACHED));
    const last = rows.at(-1);
    if (!last) return;
    after = last;
  }
}

/** Ids from one on and before another. */
type Range = { readonly from: string; readonly before: string };
type Pair = { readonly id: string; readonly name: string };
type Attached = { policies: readonly string[]; things: readonly string[] };

/** The first digits of the ids at this share of all. */
function startOf(share: number): string {
  return Math.floor(share * 2 ** 32)
    .toString(16)
    .padStart(8, "0");
}

async function attachedWithin(store: Store, range: Range): Promise<Map<string, Attached>> {
  const found = new Map<string, Attached>();
  const of = (id: string): Attached => {
    let entry = found.get(id);
    if (!entry) found.set(id, (entry = { ...NOTHING_ATTACHED }));
    return entry;
  };
  for (const [id, names] of await inOrder((isTimed) => policiesWithin(store, range, isTimed))) of(id).policies = names;
  for (const [id, names] of await inOrder((isTimed) => thingsWithin(store, range, isTimed))) of(id).things = names;
  return found;
}

/**
 * The names attached to each id, in order of attachment. An index alone has all that is to be known of ids with one; only
 * where some have several are the rows read for the times.
 */
async function inOrder(read: (isTimed: boolean) => Promise<Pair[]>): Promise<Map<string, readonly string[]>> {
  const pairs = await read(false);
  const hasSeveral = pairs.some(({ id }, i) => id === pairs[i - 1]?.id);
  const names = new Map<string, string[]>();
  for (const { id, name } of hasSeveral ? await read(true) : pairs) {
    const known = names.get(id);
    if (known) known.push(name);
    else names.set(id, [name]);
  }
  return names;
}

function policiesWithin({ read }: Store, { from, before }: Range, isTimed: boolean): Promise<Pair[]> {
  return read
    .selectFrom("policy_attachments")
    .select(["target as id", "policy as name"])
    .where("target", ">=", from)
    .where("target", "<", before)
    .$if(isTimed, (query) => query.orderBy("attached_at"))
    .$if(!isTimed, (query) => query.orderBy("target"))
    .orderBy("policy")
    .execute();
}

function thingsWithin({ read }: Store, { from, before }: Range, isTimed: boolean): Promise<Pair[]> {
  return read
    .selectFrom("thing_principals")
    .select(["principal as id", "thing as name"])
    .where("principal", ">=", from)
    .where("principal", "<", before)
    .$if(isTimed, (query) => query.orderBy("attached_at"))
    .$if(!isTimed, (query) => query.orderBy("principal"))
    .orderBy("thing")
    .execute();
}
