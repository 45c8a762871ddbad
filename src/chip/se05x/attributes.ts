import { type PolicyEntry, policyEntries } from "../../apdu/se05x/index.ts";
import { encode, Writer } from "../../codec/index.ts";
import { DEFAULT_POLICY } from "./access.ts";
import { type SecureObject, typeOf } from "./objects.ts";

/** Whether an object opens sessions. SE05x command table, tier f */
const INDICATOR = { ordinary: 0x01, authentication: 0x02 } as const;

/**
 * An object's attributes as hosts read them: identifier, type, whether it authenticates, failed attempts, who made it,
 * attempts at most, policies, origin. SE05x command table, tier f
 */
export function attributesOf(object: SecureObject): Uint8Array {
  const { id, authentication, failedAttempts, madeBy, maxAttempts, origin } = object;
  const policy: readonly PolicyEntry[] = object.policy.length > 0 ? object.policy : DEFAULT_POLICY;
  return new Writer(64)
    .u32(id)
    .u8(typeOf(object))
    .u8(authentication ? INDICATOR.authentication : INDICATOR.ordinary)
    .u16(failedAttempts)
    .u32(madeBy)
    .u16(maxAttempts)
    .bytes(encode(policyEntries, policy))
    .u8(origin)
    .finish();
}
