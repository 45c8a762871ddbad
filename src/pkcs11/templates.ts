import { equal, HawserError } from "../codec/index.ts";
import type { CurveName } from "../crypto/index.ts";
import { type Certificate, parseCertificate } from "../pki/index.ts";
import type { Attribute, AttributeValue } from "./attributes.ts";
import { CKA, CKC_X_509, CKK_EC, CKK_GENERIC_SECRET, CKO } from "./cryptoki.ts";
import { refuse } from "./errors.ts";
import type { ObjectName } from "./object-names.ts";
import { EC_CURVES, type TokenObject } from "./objects.ts";

type Template = readonly Attribute[];

/** Whether an object has every attribute of a template, with the same value. PKCS #11 v2.40, section 11.7 */
export function matches({ attributes }: TokenObject, template: Template): boolean {
  return template.every((wanted) => {
    const found = attributes.get(wanted.type);
    return found !== undefined && sameValue(found, valueOf(wanted));
  });
}

/** What a new key pair is to be on and to be called. */
export type NewKeyPair = { readonly curve: CurveName; readonly name: ObjectName };

/**
 * The key pair that two templates describe. Throws `curve-not-supported` for any curve but P-256, P-384 and P-521, and
 * `attribute-value-invalid` for a key that could leave the chip. PKCS #11 mechanisms v2.40, section 2.3.5
 */
export function newKeyPair(publicTemplate: Template, privateTemplate: Template): NewKeyPair {
  const params = attributeOf(publicTemplate, CKA.EC_PARAMS) ?? attributeOf(privateTemplate, CKA.EC_PARAMS);
  if (!(params instanceof Uint8Array)) throw refuse("template-incomplete", "CKA_EC_PARAMS is missing");
  const curve = (Object.keys(EC_CURVES) as CurveName[]).find((each) => equal(EC_CURVES[each].params, params));
  if (!curve) throw refuse("curve-not-supported", "keys are made on P-256, P-384 and P-521 alone");
  for (const template of [publicTemplate, privateTemplate]) checkMembers(template, KEY_MEMBERS);
  const name = {
    label: textOf(privateTemplate, CKA.LABEL) ?? textOf(publicTemplate, CKA.LABEL),
    id: idOf(privateTemplate) ?? idOf(publicTemplate),
    subject: bytesOf(privateTemplate, CKA.SUBJECT) ?? bytesOf(publicTemplate, CKA.SUBJECT),
  };
  return { curve, name };
}

/** What a program has written into the chip's storage. */
export type NewObject = { readonly name: ObjectName } & (
  | { readonly certificate: Certificate }
  | { readonly data: Uint8Array }
);

/**
 * The certificate or data object that a template describes. Throws `template-inconsistent` for any other object,
 * `template-incomplete` without CKA_VALUE, and `attribute-value-invalid` where that is no X.509 certificate.
 */
export function newObject(template: Template): NewObject {
  const kind = attributeOf(template, CKA.CLASS);
  if (kind === undefined) throw refuse("template-incomplete", "CKA_CLASS is missing");
  if (kind === CKO.DATA) return newData(template);
  if (kind !== CKO.CERTIFICATE) {
    throw refuse("template-inconsistent", "only certificates and data objects can be written");
  }
  checkMembers(template, CERTIFICATE_MEMBERS);
  // A copy: the certificate outlives the message, which may be much larger.
  const der = storedValue(template).slice();
  try {
    const certificate = parseCertificate(der);
    return { certificate, name: { label: textOf(template, CKA.LABEL), id: idOf(template) } };
  } catch (error) {
    if (!(error instanceof HawserError)) throw error;
    throw refuse("attribute-value-invalid", `CKA_VALUE is not a certificate: ${error.message}`);
  }
}

/** Whether a template describes bytes for a session alone, which those are that ask for nothing else. PKCS #11 v2.40, section 10.4 */
export function isSessionData(template: Template): boolean {
  return attributeOf(template, CKA.CLASS) === CKO.DATA && attributeOf(template, CKA.TOKEN) !== 1;
}

/** The data object that a template describes, wherever it is to live. Throws what `newObject` does. */
export function newData(template: Template): { readonly name: ObjectName; readonly data: Uint8Array } {
  checkMembers(template, DATA_MEMBERS);
  const data = storedValue(template).slice();
  if (data.length === 0) throw refuse("attribute-value-invalid", "CKA_VALUE is empty: the chip keeps a byte at least");
  const name = {
    label: textOf(template, CKA.LABEL),
    id: bytesOf(template, CKA.OBJECT_ID),
    application: textOf(template, CKA.APPLICATION),
  };
  return { data, name };
}

function storedValue(template: Template): Uint8Array {
  const value = attributeOf(template, CKA.VALUE);
  if (value instanceof Uint8Array) return value;
  throw refuse("template-incomplete", "CKA_VALUE is missing");
}

/**
 * What a secret that is derived is to be like, of the `sharedBytes` that the key agrees on. Throws
 * `template-inconsistent` for anything but a generic secret in the session, and `attribute-value-invalid` for a length
 * that the agreement does not give.
 */
export function derivedSecret(template: Template, sharedBytes: number) {
  checkMembers(template, SECRET_MEMBERS);
  const asked = attributeOf(template, CKA.VALUE_LEN);
  const length = typeof asked === "bigint" ? Number(asked) : sharedBytes;
  if (length < 1 || length > sharedBytes) {
    throw refuse("attribute-value-invalid", `a secret of ${length} bytes is not within 1..${sharedBytes}`);
  }
  return {
    length,
    label: textOf(template, CKA.LABEL) ?? "",
    id: idOf(template) ?? new Uint8Array(0),
    isSensitive: attributeOf(template, CKA.SENSITIVE) === 1,
    isExtractable: attributeOf(template, CKA.EXTRACTABLE) !== 0,
  };
}

/** @table What can be called otherwise, by the kind of object: no more than that, since a chip has no place for it. */
const NAMES: Readonly<Partial<Record<TokenObject["kind"], readonly number[]>>> = {
  "private-key": [CKA.LABEL, CKA.ID, CKA.SUBJECT],
  "public-key": [CKA.LABEL, CKA.ID, CKA.SUBJECT],
  certificate: [CKA.LABEL, CKA.ID],
  data: [CKA.LABEL, CKA.APPLICATION, CKA.OBJECT_ID],
};

/** The names that a template gives to an object that exists. Throws `attribute-read-only` for anything else. */
export function changedName({ kind }: TokenObject, template: Template): Partial<ObjectName> {
  const other = template.find(({ type }) => !NAMES[kind]?.includes(type));
  if (other) throw refuse("attribute-read-only", `attribute 0x${other.type.toString(16)} of a ${kind} cannot change`);
  const [label, application] = [textOf(template, CKA.LABEL), textOf(template, CKA.APPLICATION)];
  const id = bytesOf(template, kind === "data" ? CKA.OBJECT_ID : CKA.ID);
  const subject = bytesOf(template, CKA.SUBJECT);
  return {
    ...(label === undefined ? {} : { label }),
    ...(id ? { id } : {}),
    ...(application === undefined ? {} : { application }),
    ...(subject ? { subject } : {}),
  };
}

type Member = { readonly type: number; readonly must: AttributeValue; readonly otherwise: string };

/** What holds of every object here, so that a template may say it but nothing else. */
const COMMON: readonly Member[] = [
  { type: CKA.TOKEN, must: 1, otherwise: "objects of a session alone do not exist here" },
];
const KEY_MEMBERS: readonly Member[] = [
  ...COMMON,
  { type: CKA.KEY_TYPE, must: CKK_EC, otherwise: "the chip makes EC keys alone" },
  { type: CKA.SENSITIVE, must: 1, otherwise: "a key in the chip cannot be read" },
  { type: CKA.EXTRACTABLE, must: 0, otherwise: "a key in the chip cannot leave it" },
  { type: CKA.ALWAYS_AUTHENTICATE, must: 0, otherwise: "a login holds until the program ends" },
];
const SECRET_MEMBERS: readonly Member[] = [
  { type: CKA.TOKEN, must: 0, otherwise: "the chip has no place for derived secrets, they live in a session" },
  { type: CKA.CLASS, must: CKO.SECRET_KEY, otherwise: "what is derived is a secret key" },
  { type: CKA.KEY_TYPE, must: CKK_GENERIC_SECRET, otherwise: "what is derived is a generic secret" },
];
const CERTIFICATE_MEMBERS: readonly Member[] = [
  ...COMMON,
  { type: CKA.CERTIFICATE_TYPE, must: CKC_X_509, otherwise: "only X.509 certificates can be written" },
  { type: CKA.PRIVATE, must: 0, otherwise: "certificates are public" },
];

const DATA_MEMBERS: readonly Member[] = [
  { type: CKA.PRIVATE, must: 0, otherwise: "the chip gives its storage to whoever asks" },
];

function checkMembers(template: Template, members: readonly Member[]): void {
  for (const { type, must, otherwise } of members) {
    const value = attributeOf(template, type);
    if (value === undefined || sameValue(value, must)) continue;
    const code =
      type === CKA.SENSITIVE || type === CKA.EXTRACTABLE ? "attribute-value-invalid" : "template-inconsistent";
    throw refuse(code, `attribute 0x${type.toString(16)}: ${otherwise}`);
  }
}

function attributeOf(template: Template, type: number): AttributeValue | undefined {
  const found = template.find((each) => each.type === type);
  return found && valueOf(found);
}

/** The value in a template; a NULL pointer of no length is an empty value, any other one is wrong. */
function valueOf(attribute: Attribute): AttributeValue {
  if (attribute.state === "value") return attribute.value;
  if (attribute.state === "length" && attribute.length === 0) return new Uint8Array(0);
  throw refuse("attribute-value-invalid", `attribute 0x${attribute.type.toString(16)} has no value`);
}

function textOf(template: Template, type: number): string | undefined {
  const value = attributeOf(template, type);
  return value instanceof Uint8Array && value.length > 0 ? new TextDecoder().decode(value) : undefined;
}

function idOf(template: Template): Uint8Array | undefined {
  return bytesOf(template, CKA.ID);
}

function bytesOf(template: Template, type: number): Uint8Array | undefined {
  const value = attributeOf(template, type);
  return value instanceof Uint8Array && value.length > 0 ? value.slice() : undefined;
}

function sameValue(a: AttributeValue, b: AttributeValue): boolean {
  if (a instanceof Uint8Array) return b instanceof Uint8Array && equal(a, b);
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((each, i) => each === b[i]);
  return a === b;
}
