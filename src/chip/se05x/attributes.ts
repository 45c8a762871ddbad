import { objectAttributes, typeOnCurve } from "../../apdu/se05x/index.ts";
import { encode } from "../../codec/index.ts";
import { DEFAULT_POLICY } from "./access.ts";
import { type SecureObject, typeOf } from "./objects.ts";
import type { Se05xModel } from "./variants.ts";

/** An object's attributes as hosts read them. SE05x command table, tier f */
export function attributesOf(object: SecureObject, model: Se05xModel): Uint8Array {
  const { id: objectId, authentication: authenticates, policy, content } = object;
  const effective = policy.length > 0 ? policy : DEFAULT_POLICY;
  const told = { ...object, objectId, type: shownTypeOf(object, model), authenticates, policy: effective };
  if (!model.attributesHaveVersions) {
    const { version: _version, ...former } = told;
    return encode(objectAttributes, former);
  }
  if (authenticates) return encode(objectAttributes, told);
  // What stands here of others has no use for an object that opens no sessions.
  const failedAttempts = content.kind === "aes" ? content.minTagLength : 0;
  const maxAttempts = content.kind === "hmac" ? content.minOutputLength : 0;
  return encode(objectAttributes, { ...told, failedAttempts, maxAttempts });
}

/** The type that a model's hosts are told. */
export function shownTypeOf(object: SecureObject, model: Se05xModel): number {
  const { content } = object;
  const curve = "curve" in content ? content.curve : undefined;
  const type = typeOf(object);
  return model.typesNameCurves && curve !== undefined ? typeOnCurve(type, curve) : type;
}
