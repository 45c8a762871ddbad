import type { ApplicationState, Handlers } from "./application-state.ts";
import type { Attribute } from "./attributes.ts";
import { mechanismFor } from "./digest-calls.ts";
import { refuse } from "./errors.ts";
import { curveFor, keyAmong } from "./key-calls.ts";
import type { Mechanism } from "./mechanisms.ts";
import { secretObject } from "./objects.ts";
import { derivedSecret } from "./templates.ts";

/** CKD_NULL: the secret is the X coordinate as it is. PKCS #11 mechanisms v2.40, section 2.3.7 */
const CKD_NULL = 1n;

/** Agreement with a key in the chip; clients of version 2 make the same call by another name. PKCS #11 v2.40, section 11.14 */
export const deriveHandlers: Handlers = {
  async C_DeriveKey(application, handle, mechanism, key, template) {
    return [await derive(application, { handle, mechanism, key, template })];
  },

  async C_DeriveKey2(application, handle, mechanism, key, template) {
    const derived = await derive(application, { handle, mechanism, key, template });
    // The mechanism's parameter stays as it was sent.
    return [0n, "unchanged", derived];
  },
};

async function derive(
  application: ApplicationState,
  order: {
    readonly handle: bigint;
    readonly mechanism: Mechanism;
    readonly key: bigint;
    readonly template: readonly Attribute[];
  },
): Promise<bigint> {
  const session = application.session(order.handle);
  if (order.mechanism === "null") throw refuse("mechanism-invalid", "no mechanism to derive a key by");
  mechanismFor(order.mechanism, "derive");
  const object = keyAmong(await application.objects(), order.key, "derive");
  const { coordinateBytes } = curveFor(object);
  const point = peerPoint(order.mechanism, 1 + 2 * coordinateBytes);
  const wanted = derivedSecret(order.template, coordinateBytes);
  const shared = await application.token.sharedSecret(object, point);
  // What is too long loses its leading bytes. PKCS #11 mechanisms v2.40, section 2.3.8
  const value = shared.slice(shared.length - wanted.length);
  return application.keepInSession(secretObject({ ...wanted, value }), session).handle;
}

/** The peer's point, bare or in the OCTET STRING that CKA_EC_POINT has round it. Throws `mechanism-param-invalid`. */
function peerPoint({ parameter }: Exclude<Mechanism, "null">, length: number): Uint8Array {
  if (parameter.kind !== "ecdh1") throw refuse("mechanism-param-invalid", "CKM_ECDH1_DERIVE has a parameter");
  const { kdf, shared, publicData } = parameter;
  if (kdf !== CKD_NULL) throw refuse("mechanism-param-invalid", `key derivation function ${kdf}: only CKD_NULL`);
  if (shared && shared.length > 0) throw refuse("mechanism-param-invalid", "CKD_NULL shares no data");
  const isWrapped = publicData?.length === 2 + length && publicData[0] === 0x04 && publicData[1] === length;
  const point = isWrapped ? publicData.subarray(2) : publicData;
  if (point?.length === length && point[0] === 0x04) return point.slice();
  throw refuse("mechanism-param-invalid", "the peer's public key is not an uncompressed point of the key's curve");
}
