import type { Handlers } from "./application-state.ts";
import { startDigest } from "./digest-names.ts";
import { refuse } from "./errors.ts";
import { type MechanismInfo, MECHANISMS } from "./mechanism-info.ts";
import type { Mechanism } from "./mechanisms.ts";
import { bytesFor, hasRoom } from "./room.ts";
import type { Bytes } from "./values.ts";

/** Digests, taken on the host: a chip would only be slower. PKCS #11 v2.40, section 11.10 */
export const digestHandlers: Handlers = {
  C_DigestInit(application, handle, mechanism) {
    const session = application.session(handle);
    if (mechanism === "null") session.end("digest");
    else {
      const { hash } = mechanismFor(mechanism, "digest");
      session.begin("digest", startDigest(application.token.hash, hash ?? "sha256"));
    }
    return [];
  },

  C_Digest(application, handle, data, room) {
    const session = application.session(handle);
    const running = session.active("digest").copy();
    running.update(given(data));
    const digest = running.digest();
    if (hasRoom(room, digest.length)) session.end("digest");
    return [bytesFor(room, digest)];
  },

  C_DigestUpdate(application, handle, data) {
    application.session(handle).active("digest").update(given(data));
    return [];
  },

  C_DigestFinal(application, handle, room) {
    const session = application.session(handle);
    const digest = session.active("digest").digest();
    if (hasRoom(room, digest.length)) session.end("digest");
    return [bytesFor(room, digest)];
  },
};

/** The row of a mechanism that does this. Throws `mechanism-invalid` and `mechanism-param-invalid`. */
export function mechanismFor(mechanism: Exclude<Mechanism, "null">, does: MechanismInfo["does"]): MechanismInfo {
  const found = MECHANISMS.find((each) => each.type === mechanism.type && each.does === does);
  if (!found) throw refuse("mechanism-invalid", `mechanism 0x${mechanism.type.toString(16)} does not ${does} here`);
  const { parameter } = mechanism;
  if (does === "derive" && parameter.kind === "ecdh1") return found;
  const isEmpty = parameter.kind === "none" || (parameter.kind === "bytes" && parameter.bytes.length === 0);
  if (!isEmpty) throw refuse("mechanism-param-invalid", `mechanism 0x${mechanism.type.toString(16)} has no parameter`);
  return found;
}

/** The bytes of an argument. Throws `arguments-bad` for a NULL pointer with a length. */
export function given(data: Bytes): Uint8Array {
  if (!("needed" in data)) return data;
  if (data.needed === 0) return new Uint8Array(0);
  throw refuse("arguments-bad", `a NULL pointer to ${data.needed} bytes`);
}
