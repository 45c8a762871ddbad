import { type Codec, decode, encode } from "../../codec/index.ts";
import { type PolicyEntry, policyEntries } from "./policy.ts";

/** What hosts may know of an object whatever its policy. SE05x command table, tier f */
export type ObjectAttributes = {
  readonly objectId: number;
  readonly type: number;
  /** Whether it opens sessions. */
  readonly authenticates: boolean;
  /** Of one that opens sessions; of others the least bytes of a tag that it makes. */
  readonly failedAttempts: number;
  /** What the session that made it was authenticated with; 0 for none. */
  readonly madeBy: number;
  /** Of one that opens sessions, 0 for no limit; of others the least bytes that are derived from it. */
  readonly maxAttempts: number;
  readonly policy: readonly PolicyEntry[];
  readonly origin: number;
  /** A number of the host's own, which applets before 7 do not tell. */
  readonly version?: number;
};

const INDICATOR = { ordinary: 0x01, authentication: 0x02 } as const;

/** No policy entry is as short as this, and no origin as long. */
const SHORTEST_ENTRY = 8;

/** An object's attributes: identifier, type, whether it authenticates, attempts, maker, limit, policies, origin, version. SE05x command table, tier f */
export const objectAttributes: Codec<ObjectAttributes> = {
  write(w, { objectId, type, authenticates, failedAttempts, madeBy, maxAttempts, policy, origin, version }) {
    w.u32(objectId)
      .u8(type)
      .u8(authenticates ? INDICATOR.authentication : INDICATOR.ordinary);
    w.u16(failedAttempts).u32(madeBy).u16(maxAttempts).bytes(encode(policyEntries, policy)).u8(origin);
    if (version !== undefined) w.u32(version);
  },
  read(r) {
    const head = { objectId: r.u32(), type: r.u8(), authenticates: r.u8() === INDICATOR.authentication };
    const attempts = { failedAttempts: r.u16(), madeBy: r.u32(), maxAttempts: r.u16() };
    const policy: PolicyEntry[] = [];
    while (r.remaining > 0 && r.peek() >= SHORTEST_ENTRY) policy.push(...decode(policyEntries, r.bytes(1 + r.peek())));
    const told = { ...head, ...attempts, policy, origin: r.u8() };
    return r.remaining > 0 ? { ...told, version: r.u32() } : told;
  },
};
