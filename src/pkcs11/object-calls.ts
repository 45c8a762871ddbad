import type { ApplicationState, Handlers } from "./application-state.ts";
import { type Attribute, type AttributeQuery, type AttributeValue, valueLength } from "./attributes.ts";
import { CKA, CKR, UNAVAILABLE } from "./cryptoki.ts";
import { refuse, TokenFailure } from "./errors.ts";
import { dataObject, type TokenObject } from "./objects.ts";
import { hasRoom, numbersFor } from "./room.ts";
import type { Session } from "./session.ts";
import { changedName, isSessionData, matches, newData, newObject } from "./templates.ts";

/** Objects: finding, reading, making and deleting them. PKCS #11 v2.40, section 11.7 */
export const objectHandlers: Handlers = {
  async C_FindObjectsInit(application, handle, template) {
    const session = application.session(handle);
    session.checkFree("find");
    const found: TokenObject[] = [];
    for (const object of await application.objects()) {
      if (await isFound(application, object, template)) found.push(object);
    }
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
    const asked = queries.map(({ type }) => type);
    const object = await withValue(application, await application.object(key), asked);
    const answers = queries.map((query) => answerTo(query, object));
    // One return value for all: the first that is not well. PKCS #11 v2.40, section 11.7
    const worst = answers.find(({ ckr }) => ckr !== CKR.CKR_OK)?.ckr ?? CKR.CKR_OK;
    return [answers.map(({ attribute }) => attribute), BigInt(worst)];
  },

  async C_SetAttributeValue(application, handle, key, template) {
    application.session(handle);
    const object = await application.object(key);
    if (object.attributes.get(CKA.TOKEN) === 0) {
      throw refuse("attribute-read-only", "what lives in a session does not change");
    }
    application.writableSession(handle);
    application.token.rename(object, changedName(object, template));
    return [];
  },

  async C_CreateObject(application, handle, template) {
    if (isSessionData(template)) return [keepData(application, application.session(handle), template).handle];
    application.writableSession(handle);
    const wanted = newObject(template);
    const { token } = application;
    const made =
      "data" in wanted
        ? await token.addData(wanted.data, wanted.name)
        : await token.addCertificate(wanted.certificate, wanted.name);
    return [made.handle];
  },

  async C_CopyObject(application, handle, key) {
    application.session(handle);
    const { kind, place } = await application.object(key);
    throw refuse("action-prohibited", `${kind} ${place} cannot be copied: what the chip holds is there once`);
  },

  async C_GetObjectSize(application, handle, key) {
    application.session(handle);
    const object = await withValue(application, await application.object(key), [CKA.VALUE]);
    const value = object.attributes.get(CKA.VALUE);
    // How much of the chip a key takes nobody tells.
    return [value instanceof Uint8Array ? BigInt(value.length) : UNAVAILABLE];
  },

  async C_DestroyObject(application, handle, key) {
    application.session(handle);
    // What lives in a session alone needs no session that may change the token.
    if (application.forgetKept(key)) return [];
    application.writableSession(handle);
    if (application.wentWithItsPair(key)) return [];
    const object = await application.object(key);
    if (object.kind === "public-key") {
      throw refuse("action-prohibited", `slot ${object.place} holds the private key too`);
    }
    const { objects } = await application.token.contents();
    await application.token.destroy(object);
    const other = objects.find((each) => object.kind === "private-key" && isOtherHalf(each, object));
    if (other) application.noteGone(other.handle);
    return [];
  },
};

/** What one program may keep in its sessions of each object: far above what any does. */
const MAX_SESSION_DATA = 65_536;

function keepData(application: ApplicationState, session: Session, template: readonly Attribute[]): TokenObject {
  const { data, name } = newData(template);
  if (data.length > MAX_SESSION_DATA) {
    throw new TokenFailure("device-memory", `${data.length} bytes in a session, over ${MAX_SESSION_DATA}`);
  }
  const { label = "", id: objectId = new Uint8Array(0), application: owner = "" } = name;
  const facts = { index: 0, key: "", label, application: owner, objectId, value: data };
  return application.keepInSession(dataObject(facts), session);
}

async function isFound(
  application: ApplicationState,
  object: TokenObject,
  template: readonly Attribute[],
): Promise<boolean> {
  if (object.kind !== "data") return matches(object, template);
  const [values, others] = [
    template.filter(({ type }) => type === CKA.VALUE),
    template.filter(({ type }) => type !== CKA.VALUE),
  ];
  if (!matches(object, others)) return false;
  return values.length === 0 || matches(await withValue(application, object, [CKA.VALUE]), values);
}

function isOtherHalf(other: TokenObject, { place, key }: TokenObject): boolean {
  return other.kind === "public-key" && other.place === place && other.key === key;
}

/** A data object with its value, where that was asked for: it is read from the chip now. */
async function withValue(
  { token }: ApplicationState,
  object: TokenObject,
  asked: readonly number[],
): Promise<TokenObject> {
  if (object.kind !== "data" || object.attributes.has(CKA.VALUE) || !asked.includes(CKA.VALUE)) return object;
  return { ...object, attributes: new Map(object.attributes).set(CKA.VALUE, await token.readData(object)) };
}

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
