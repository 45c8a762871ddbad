import type { AeadName, HashName, MasterSecret, RecordKeeper, TrafficKey } from "../crypto/index.ts";
import { directionKeys12, keyBlockLength } from "./key-schedule12.ts";
import { misuse } from "./errors.ts";
import type { TrafficKeyOf } from "./protection-elsewhere.ts";

type Derivation = {
  readonly master: MasterSecret;
  readonly records: RecordKeeper;
  readonly hash: HashName;
  readonly seed: Uint8Array;
  readonly cipher: AeadName;
};

/** The keeper's handles of one connection's traffic keys; each is made when its first record comes. */
export class TrafficKeys {
  #kept: Readonly<Record<"client" | "server", TrafficKey>> | undefined;
  #given = new WeakMap<TrafficKeyOf, Promise<TrafficKey>>();
  /** The key that each direction used last: its successor's first record is the end of it. */
  readonly #last: { seal?: TrafficKeyOf; open?: TrafficKeyOf } = {};

  /** Out of a master secret: by its keeper where that can, so that they never become bytes; else they are given away at once. RFC 5246, section 6.3 */
  async derive({ master, records, hash, seed, cipher }: Derivation): Promise<void> {
    if (master.trafficKeys) {
      this.#kept = await master.trafficKeys({ hash, seed, cipher });
      return;
    }
    const length = keyBlockLength(cipher);
    const block = await master.expand({ hash, label: "key expansion", seed, length });
    const keyOf = (sender: "client" | "server") => records.keyOf(cipher, directionKeys12(block, cipher, sender));
    this.#kept = { client: await keyOf("client"), server: await keyOf("server") };
    block.fill(0);
  }

  /** The key for a direction's next record. */
  async find(direction: "seal" | "open", key: TrafficKeyOf, records: RecordKeeper): Promise<TrafficKey> {
    const last = this.#last[direction];
    this.#last[direction] = key;
    if (last && last !== key) await this.#release(last);
    return this.#handleOf(key, records);
  }

  forget(): void {
    this.#kept = undefined;
    this.#given = new WeakMap();
  }

  async #release(key: TrafficKeyOf): Promise<void> {
    const handle = key.kind === "kept" ? this.#kept?.[key.sender] : await this.#given.get(key);
    await handle?.release();
  }

  async #handleOf(key: TrafficKeyOf, records: RecordKeeper): Promise<TrafficKey> {
    if (key.kind === "kept") {
      if (!this.#kept) throw misuse("unexpected-answer", "no traffic keys were derived");
      return this.#kept[key.sender];
    }
    let found = this.#given.get(key);
    if (!found) {
      found = records.keyOf(key.cipher, key.keys);
      this.#given.set(key, found);
    }
    return found;
  }
}
