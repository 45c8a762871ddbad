import { objectAttributes } from "../../apdu/se05x/index.ts";
import { encode } from "../../codec/index.ts";
import { DEFAULT_POLICY } from "./access.ts";
import { type SecureObject, typeOf } from "./objects.ts";

/** An object's attributes as hosts read them. SE05x command table, tier f */
export function attributesOf(object: SecureObject): Uint8Array {
  const { id: objectId, authentication: authenticates, policy } = object;
  const effective = policy.length > 0 ? policy : DEFAULT_POLICY;
  return encode(objectAttributes, { ...object, objectId, type: typeOf(object), authenticates, policy: effective });
}
