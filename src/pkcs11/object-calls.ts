import type { Handlers } from "./application.ts";
import { type Attribute, type AttributeQuery, type AttributeValue, valueLength } from "./attributes.ts";
import { CKA, CKR } from "./cryptoki.ts";
import { refuse } from "./errors.ts";
import type { TokenObject } from "./objects.ts";
import { hasRoom, numbersFor } from "./room.ts";
import { changedName, matches, newCertificate } from "./templates.ts";

/** Objects: finding, reading, making and deleting them. PKCS #11 v2.40, section 11.7 */
export const objectHandlers: Handlers = {
  async C_FindObjectsInit(application, handle, template) {
    const session = application.session(handle);
    session.checkFree("find");
    const found = (await application.objects()).filter((object) => matches(object, template));
    session.begin(
      "find",
      found.map((object) => object.handle),
    );
    return [];
  },

  C_FindObjects(application, handle, room) {
    const waiting = application.session(handle).active("find");
    return [numbersFor(room ?? 0, waiting.splice(0, room ?? 0))];
  },

  C_FindObjectsFinal(application, handle) {
    const session = application.session(handle);
    session.active("find");
    session.end("find");
    return [];
  },

  async C_GetAttributeValue(application, handle, key, queries) {
    application.session(handle);
    const object = await application.object(key);
    const answers = queries.map((query) => answerTo(query, object));
    // One return value for all: the first that is not well. PKCS #11 v2.40, section 11.7
    const worst = answers.find(({ ckr }) => ckr !== CKR.CKR_OK)?.ckr ?? CKR.CKR_OK;
    return [answers.map(({ attribute }) => attribute), BigInt(worst)];
  },

  async C_SetAttributeValue(application, handle, key, template) {
    application.writableSession(handle);
    const object = await application.object(key);
    if (object.kind === "secret-key") throw refuse("attribute-read-only", "a derived secret cannot change");
    application.token.rename(object, changedName(template));
    return [];
  },

  async C_CreateObject(application, handle, template) {
    application.writableSession(handle);
    const { certificate, name } = newCertificate(template);
    return [(await application.token.addCertificate(certificate, name)).handle];
  },

  async C_DestroyObject(application, handle, key) {
    application.session(handle);
    // What lives in a session alone needs no session that may change the token.
    if (application.forgetSecret(key)) return [];
    application.writableSession(handle);
    const object = await application.object(key);
    if (object.kind === "public-key") {
      throw refuse("action-prohibited", `slot ${object.place} holds the private key too`);
    }
    await application.token.destroy(object);
    return [];
  },
};

/** A private key never shows its scalar, nor a secret its value where a program asked for that. */
function isSensitive({ kind, attributes }: TokenObject): boolean {
  if (kind === "private-key") return true;
  return kind === "secret-key" && (attributes.get(CKA.SENSITIVE) === 1 || attributes.get(CKA.EXTRACTABLE) === 0);
}

function answerTo(query: AttributeQuery, object: TokenObject): { attribute: Attribute; ckr: number } {
  const { type, room } = query;
  const absent = { type, state: "absent" } as const;
  if (isSensitive(object) && type === CKA.VALUE) {
    return { attribute: absent, ckr: CKR.CKR_ATTRIBUTE_SENSITIVE };
  }
  const value = object.attributes.get(type);
  if (value === undefined) return { attribute: absent, ckr: CKR.CKR_ATTRIBUTE_TYPE_INVALID };
  const length = valueLength(value);
  if (room === undefined) return { attribute: lengthOnly(type, value), ckr: CKR.CKR_OK };
  // p11-kit's client overwrites its own verdict with ours, so it is ours to see that the room is too small.
  if (!hasRoom(room, length)) return { attribute: absent, ckr: CKR.CKR_BUFFER_TOO_SMALL };
  return { attribute: { type, state: "value", value }, ckr: CKR.CKR_OK };
}

/** A byte array's length stands alone; other kinds have no form without their value. p11-kit RPC, attributes */
function lengthOnly(type: number, value: AttributeValue): Attribute {
  if (value instanceof Uint8Array) return { type, state: "length", length: value.length };
  return { type, state: "value", value };
}
