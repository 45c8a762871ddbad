import { DecodeError, HawserError, toHex, utf8Bytes } from "../codec/index.ts";
import type { Hash, SecureElement, SecureElementIdentity } from "../crypto/index.ts";
import { type Certificate, parseCertificate } from "../pki/index.ts";
import type { Trace } from "../trace/index.ts";
import type { ObjectNames } from "./object-names.ts";
import { certificateObject, curveOf, dataObject, keyPairObjects, type ObjectFacts } from "./objects.ts";

export type ReadingOptions = {
  readonly hash: Hash;
  readonly names: ObjectNames;
  /** Is told of storage that is left out. */
  readonly trace: Trace;
  /** Whether private keys are seen only by who is logged in. */
  readonly arePrivate: boolean;
  /** What keys this process had made are kept under. */
  readonly madeHere: ReadonlySet<string>;
};

const NOTHING = new Uint8Array(0);

/** What programs will find on an element: key pairs, certificates, data objects. Throws what its driver does. */
export async function readElement(
  element: SecureElement,
  options: ReadingOptions,
): Promise<{ readonly identity: SecureElementIdentity; readonly facts: readonly ObjectFacts[] }> {
  const identity = await element.identify();
  const keyIds = new Map<string, Uint8Array>();
  const facts = [
    ...(await keyPairs(element, options, keyIds)),
    ...(await certificates(element, options, keyIds)),
    ...(await dataObjects(element, options, identity)),
  ];
  return { identity, facts };
}

/** What a key pair's names are kept under. */
export function keyPairName(hash: Hash, publicKey: Uint8Array): string {
  return toHex(hash.digest("sha256", publicKey));
}

/** Data are not read to be listed: what their names are kept under is the chip and the place. */
export function dataName(hash: Hash, { uniqueId }: SecureElementIdentity, index: number): string {
  return toHex(hash.digest("sha256", utf8Bytes(`data ${index} of ${uniqueId}`)));
}

async function keyPairs(
  element: SecureElement,
  { hash, names, arePrivate, madeHere }: ReadingOptions,
  keyIds: Map<string, Uint8Array>,
): Promise<ObjectFacts[]> {
  const facts: ObjectFacts[] = [];
  for (const { slot, publicKey } of await element.keySlots()) {
    const curve = publicKey && curveOf(publicKey);
    if (!publicKey || !curve) continue;
    const key = keyPairName(hash, publicKey);
    const { label = `key-${placeName(slot)}`, id = placeBytes(slot), subject } = names.nameOf(key) ?? {};
    keyIds.set(toHex(publicKey), id);
    const more = { isPrivate: arePrivate, isLocal: madeHere.has(key) };
    facts.push(...keyPairObjects({ slot, key, publicKey, curve, label, id, subject, ...more }));
  }
  return facts;
}

async function certificates(
  element: SecureElement,
  { names, trace }: ReadingOptions,
  keyIds: ReadonlyMap<string, Uint8Array>,
): Promise<ObjectFacts[]> {
  const facts: ObjectFacts[] = [];
  for (const { index } of (await unlessForeign(trace, "the chip's storage", () => element.listCertificates())) ?? []) {
    const what = `certificate ${index} of the chip's storage`;
    const certificate = await unlessForeign(trace, what, () => readCertificate(element, index));
    if (!certificate) continue;
    const name = names.nameOf(certificate.id);
    // A certificate belongs to the key whose ID it bears: programs match them by nothing else.
    const id = name?.id ?? keyIds.get(toHex(certificate.publicKey.der)) ?? NOTHING;
    facts.push(certificateObject({ index, certificate, label: name?.label ?? `certificate-${placeName(index)}`, id }));
  }
  return facts;
}

async function readCertificate(element: SecureElement, index: number): Promise<Certificate | undefined> {
  const der = await element.readCertificate(index);
  return der && parseCertificate(der);
}

async function dataObjects(
  { data }: SecureElement,
  { hash, names, trace }: ReadingOptions,
  identity: SecureElementIdentity,
): Promise<ObjectFacts[]> {
  const found = data && (await unlessForeign(trace, "the data in the chip's storage", () => data.list()));
  return (found ?? []).map(({ index }) => {
    const key = dataName(hash, identity, index);
    const { label = `data-${placeName(index)}`, id = NOTHING, application = "" } = names.nameOf(key) ?? {};
    return dataObject({ index, key, label, application, objectId: id });
  });
}

/** What a driver says of storage that makes no sense, and what pki says of certificates that are none. */
const CONTENT_CODES: readonly string[] = ["malformed-answer", "duplicate-extension", "algorithm-mismatch"];

/** Storage that others have used for something else must not keep programs from the keys; any other error counts. */
async function unlessForeign<T>(trace: Trace, what: string, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    const isContent =
      error instanceof DecodeError || (error instanceof HawserError && CONTENT_CODES.includes(error.code));
    if (!isContent) throw error;
    trace.emit("host", { kind: "process", what: "warning", detail: `${what} is left out: ${error.message}` });
    return undefined;
  }
}

/** A place as its object's ID: one byte for a slot, four for an element's own identifier, so that no two are the same. */
function placeBytes(place: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, place);
  return place < 0x100 ? bytes.subarray(3) : bytes;
}

/** Identifiers of an element's own are known by their hex digits. */
function placeName(place: number): string {
  return place < 0x100 ? String(place) : place.toString(16).padStart(8, "0");
}
