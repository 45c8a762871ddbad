import { type Codec, decode, encode } from "../../codec/index.ts";
import { type PolicyEntry, policyEntries } from "./policy.ts";

/** What hosts may know of an object whatever its policy. SE05x command table, tier f */
export type ObjectAttributes = {
  readonly objectId: number;
  readonly type: number;
  /** Whether it opens sessions. */
  readonly authenticates: boolean;
  readonly failedAttempts: number;
  /** What the session that made it was authenticated with; 0 for none. */
  readonly madeBy: number;
  /** 0 for no limit. */
  readonly maxAttempts: number;
  readonly policy: readonly PolicyEntry[];
  readonly origin: number;
};

const INDICATOR = { ordinary: 0x01, authentication: 0x02 } as const;

/** An object's attributes: identifier, type, whether it authenticates, attempts, maker, limit, policies, origin. SE05x command table, tier f */
export const objectAttributes: Codec<ObjectAttributes> = {
  write(w, { objectId, type, authenticates, failedAttempts, madeBy, maxAttempts, policy, origin }) {
    w.u32(objectId)
      .u8(type)
      .u8(authenticates ? INDICATOR.authentication : INDICATOR.ordinary);
    w.u16(failedAttempts).u32(madeBy).u16(maxAttempts).bytes(encode(policyEntries, policy)).u8(origin);
  },
  read(r) {
    const head = { objectId: r.u32(), type: r.u8(), authenticates: r.u8() === INDICATOR.authentication };
    const attempts = { failedAttempts: r.u16(), madeBy: r.u32(), maxAttempts: r.u16() };
    const policy = decode(policyEntries, r.bytes(Math.max(0, r.remaining - 1)));
    return { ...head, ...attempts, policy, origin: r.u8() };
  },
};
