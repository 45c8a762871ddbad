import { concat, fromHex, utf8Bytes, Writer } from "../codec/index.ts";
import { type CurveName, ecPublicPoint } from "../crypto/index.ts";
import type { Certificate } from "../pki/index.ts";
import type { AttributeValue } from "./attributes.ts";
import { CKA, CKC_X_509, CKK_EC, CKK_GENERIC_SECRET, CKM, CKO, UNAVAILABLE } from "./cryptoki.ts";
import { type MechanismInfo, MECHANISMS } from "./mechanism-info.ts";

/** What an object is without its handle: `place` is its key slot or storage index, `key` what its names are kept under. */
export type ObjectFacts = {
  readonly kind: "private-key" | "public-key" | "certificate" | "secret-key" | "data";
  readonly place: number;
  readonly key: string;
  /** Seen only by who is logged in. */
  readonly isPrivate: boolean;
  /** DER SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
  readonly attributes: ReadonlyMap<number, AttributeValue>;
};

/** An object of the token. A handle is never given twice, so a stale one names nothing. */
export type TokenObject = ObjectFacts & { readonly handle: bigint };

/** A key pair in a slot, as programs see it. */
export type KeyPairFacts = {
  readonly slot: number;
  readonly key: string;
  readonly publicKey: Uint8Array;
  readonly curve: EcCurve;
  readonly label: string;
  readonly id: Uint8Array;
  readonly subject: Uint8Array | undefined;
  readonly isPrivate: boolean;
  /** Known only of keys that this process had made. */
  readonly isLocal: boolean;
};

/** A curve as programs name it: DER of its object identifier. RFC 5480, section 2.1.1.1 */
export type EcCurve = { readonly params: Uint8Array; readonly coordinateBytes: number };

/** Those that programs can use keys on. RFC 5480, section 2.1.1.1 */
export const EC_CURVES: Readonly<Record<CurveName, EcCurve & { readonly bits: number }>> = {
  "P-256": { params: fromHex("06082a8648ce3d030107"), coordinateBytes: 32, bits: 256 },
  "P-384": { params: fromHex("06052b81040022"), coordinateBytes: 48, bits: 384 },
  "P-521": { params: fromHex("06052b81040023"), coordinateBytes: 66, bits: 521 },
};

/** The curve of a DER SubjectPublicKeyInfo, or undefined where no program here could use such a key. */
export function curveOf(publicKey: Uint8Array): EcCurve | undefined {
  const found = ecPublicPoint(publicKey);
  return found && EC_CURVES[found.curve];
}

const [YES, NO] = [1, 0] as const;
const NOTHING = new Uint8Array(0);

/** The two objects that a key pair is: PKCS #11 has no pairs. PKCS #11 v2.40, sections 10.8 and 10.9 */
export function keyPairObjects(pair: KeyPairFacts): readonly [ObjectFacts, ObjectFacts] {
  const { slot, key, publicKey } = pair;
  const common = { place: slot, key, publicKey };
  return [
    { ...common, kind: "private-key", isPrivate: pair.isPrivate, attributes: privateKeyAttributes(pair) },
    { ...common, kind: "public-key", isPrivate: false, attributes: publicKeyAttributes(pair) },
  ];
}

/** A certificate in storage. PKCS #11 v2.40, section 10.6.1 */
export function certificateObject(facts: {
  readonly index: number;
  readonly certificate: Certificate;
  readonly label: string;
  readonly id: Uint8Array;
}): ObjectFacts {
  const { index, certificate, label, id } = facts;
  const { subject, issuer, serialNumber, validity, extensions, publicKey } = certificate;
  const category = extensions.basicConstraints?.ca === true ? 2n : 1n;
  const attributes = new Map<number, AttributeValue>([
    [CKA.CLASS, CKO.CERTIFICATE],
    ...stored({ label, isPrivate: false }),
    [CKA.ID, id],
    [CKA.CERTIFICATE_TYPE, CKC_X_509],
    [CKA.CERTIFICATE_CATEGORY, category],
    [CKA.TRUSTED, NO],
    [CKA.SUBJECT, subject.der],
    [CKA.ISSUER, issuer.der],
    [CKA.SERIAL_NUMBER, derElement(0x02, fromHex(serialNumber))],
    [CKA.VALUE, certificate.der],
    [CKA.START_DATE, dateOf(validity.notBefore)],
    [CKA.END_DATE, dateOf(validity.notAfter)],
    [CKA.PUBLIC_KEY_INFO, publicKey.der],
  ]);
  return {
    kind: "certificate",
    place: index,
    key: certificate.id,
    isPrivate: false,
    publicKey: publicKey.der,
    attributes,
  };
}

/**
 * Bytes in storage, whose value stays there until a program asks for it, or bytes of a session, with their value. PKCS
 * #11 v2.40, section 10.5
 */
export function dataObject(facts: {
  readonly index: number;
  readonly key: string;
  readonly label: string;
  readonly application: string;
  readonly objectId: Uint8Array;
  readonly value?: Uint8Array;
}): ObjectFacts {
  const { index, key, label, application, objectId, value } = facts;
  const attributes = new Map<number, AttributeValue>([
    [CKA.CLASS, CKO.DATA],
    ...stored({ label, isPrivate: false }),
    [CKA.APPLICATION, utf8Bytes(application)],
    [CKA.OBJECT_ID, objectId],
  ]);
  if (value) attributes.set(CKA.TOKEN, NO).set(CKA.MODIFIABLE, NO).set(CKA.VALUE, value);
  return { kind: "data", place: index, key, isPrivate: false, publicKey: NOTHING, attributes };
}

/** What a program wants of a secret that it derives, and the secret. */
export type SecretFacts = {
  readonly value: Uint8Array;
  readonly label: string;
  readonly id: Uint8Array;
  readonly isSensitive: boolean;
  readonly isExtractable: boolean;
};

/** A secret that was derived, in the session of one program. PKCS #11 v2.40, section 10.10 */
export function secretObject({ value, label, id, isSensitive, isExtractable }: SecretFacts): ObjectFacts {
  const attributes = new Map<number, AttributeValue>([
    [CKA.CLASS, CKO.SECRET_KEY],
    ...stored({ label, isPrivate: false }),
    [CKA.ID, id],
    [CKA.TOKEN, NO],
    [CKA.MODIFIABLE, NO],
    [CKA.KEY_TYPE, CKK_GENERIC_SECRET],
    [CKA.VALUE, value],
    [CKA.VALUE_LEN, BigInt(value.length)],
    [CKA.SENSITIVE, isSensitive ? YES : NO],
    [CKA.EXTRACTABLE, isExtractable ? YES : NO],
    // What a key agreement gives has been outside the chip.
    [CKA.ALWAYS_SENSITIVE, NO],
    [CKA.NEVER_EXTRACTABLE, NO],
    [CKA.LOCAL, NO],
    [CKA.DERIVE, NO],
    [CKA.ENCRYPT, NO],
    [CKA.DECRYPT, NO],
    [CKA.SIGN, NO],
    [CKA.VERIFY, NO],
    [CKA.WRAP, NO],
    [CKA.UNWRAP, NO],
    [CKA.KEY_GEN_MECHANISM, UNAVAILABLE],
  ]);
  return { kind: "secret-key", place: 0, key: "", isPrivate: false, publicKey: NOTHING, attributes };
}

function privateKeyAttributes(pair: KeyPairFacts): ReadonlyMap<number, AttributeValue> {
  return new Map<number, AttributeValue>([
    [CKA.CLASS, CKO.PRIVATE_KEY],
    ...stored(pair),
    ...keyed(pair),
    [CKA.SENSITIVE, YES],
    // A key that another tool injected was readable once; that it was not is known only of one made here.
    [CKA.ALWAYS_SENSITIVE, pair.isLocal ? YES : NO],
    [CKA.NEVER_EXTRACTABLE, pair.isLocal ? YES : NO],
    [CKA.EXTRACTABLE, NO],
    [CKA.SIGN, YES],
    [CKA.DERIVE, YES],
    [CKA.SIGN_RECOVER, NO],
    [CKA.DECRYPT, NO],
    [CKA.UNWRAP, NO],
    [CKA.WRAP_WITH_TRUSTED, NO],
    [CKA.ALWAYS_AUTHENTICATE, NO],
    [CKA.ALLOWED_MECHANISMS, mechanismsFor("sign", "derive")],
    [CKA.EC_PARAMS, pair.curve.params],
    [CKA.PUBLIC_KEY_INFO, pair.publicKey],
  ]);
}

function publicKeyAttributes(pair: KeyPairFacts): ReadonlyMap<number, AttributeValue> {
  const point = ecPublicPoint(pair.publicKey)?.point ?? NOTHING;
  return new Map<number, AttributeValue>([
    [CKA.CLASS, CKO.PUBLIC_KEY],
    ...stored({ ...pair, isPrivate: false }),
    ...keyed(pair),
    [CKA.TRUSTED, NO],
    [CKA.VERIFY, YES],
    [CKA.DERIVE, NO],
    [CKA.VERIFY_RECOVER, NO],
    [CKA.ENCRYPT, NO],
    [CKA.WRAP, NO],
    [CKA.ALLOWED_MECHANISMS, mechanismsFor("sign")],
    [CKA.EC_PARAMS, pair.curve.params],
    [CKA.EC_POINT, derElement(0x04, point)],
    [CKA.PUBLIC_KEY_INFO, pair.publicKey],
  ]);
}

function stored(object: { readonly label: string; readonly isPrivate: boolean }) {
  return [
    [CKA.TOKEN, YES],
    [CKA.PRIVATE, object.isPrivate ? YES : NO],
    [CKA.MODIFIABLE, YES],
    [CKA.COPYABLE, NO],
    // p11-kit moves this CK_BBOOL as bytes.
    [CKA.DESTROYABLE, Uint8Array.of(YES)],
    [CKA.LABEL, utf8Bytes(object.label)],
  ] as const;
}

function keyed(pair: KeyPairFacts) {
  return [
    [CKA.ID, pair.id],
    [CKA.SUBJECT, pair.subject ?? NOTHING],
    [CKA.KEY_TYPE, CKK_EC],
    [CKA.START_DATE, NOTHING],
    [CKA.END_DATE, NOTHING],
    [CKA.LOCAL, pair.isLocal ? YES : NO],
    [CKA.KEY_GEN_MECHANISM, pair.isLocal ? BigInt(CKM.EC_KEY_PAIR_GEN) : UNAVAILABLE],
  ] as const;
}

function mechanismsFor(...uses: readonly MechanismInfo["does"][]): readonly bigint[] {
  return MECHANISMS.filter(({ does }) => uses.includes(does)).map(({ type }) => BigInt(type));
}

/** DER of a primitive element of up to 255 bytes, which all that is wrapped here is. X.690, section 8.1 */
function derElement(tag: number, content: Uint8Array): Uint8Array {
  const head = new Writer(3).u8(tag);
  if (content.length >= 0x80) head.u8(0x81);
  return concat(head.u8(content.length).finish(), content);
}

/** CK_DATE: year, month and day in digits. PKCS #11 v2.40, section 9.4 */
function dateOf(time: number): Uint8Array {
  return utf8Bytes(new Date(time).toISOString().replaceAll("-", "").slice(0, 8));
}
