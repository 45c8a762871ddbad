import { policyEntries } from "../../apdu/se05x/index.ts";
import { DecodeError, decode, encode, equal, Reader, UsageError, utf8Bytes, Writer } from "../../codec/index.ts";
import type { ChipErrorCode } from "../errors.ts";
import { type KeyPorts, readContent, withoutPower, writeContent } from "./contents.ts";
import type { SecureObject } from "./objects.ts";
import { type ImageParts, readSettings, type Settings, writeSettings } from "./settings.ts";
import type { Se05xModelName } from "./variants.ts";

const MAGIC = utf8Bytes("SE05X");
const VERSION = 7;
/** What each version that is read has: since 5 crypto objects have owners, since 6 writes are counted, since 7 some births are to come. */
const VERSIONS: ReadonlyMap<number, ImageParts> = new Map([
  [4, { owners: false, writes: false }],
  [5, { owners: true, writes: false }],
  [6, { owners: true, writes: true }],
  [VERSION, { owners: true, writes: true }],
]);
const FLAG = { authentication: 1, transient: 2 } as const;

/** What a chip keeps without power. */
export type ChipState = { readonly settings: Settings; readonly objects: Iterable<SecureObject> };

/** Settings and objects, transient ones without their values, as one image: magic, format version, model, settings, then object by object. */
export function encodeImage(model: Se05xModelName, { settings, objects }: ChipState): Uint8Array {
  const image = new Writer(8192)
    .bytes(MAGIC)
    .u8(VERSION)
    .prefixed(1, (body) => body.utf8(model));
  writeSettings(image, settings);
  for (const object of objects) {
    writeObject(image, object.transient ? { ...object, content: withoutPower(object.content) } : object);
  }
  return image.finish();
}

/** The contents of an image. Throws `UsageError` `state-version` for another model, format version or layout. */
export function decodeImage(model: Se05xModelName, bytes: Uint8Array, ports: KeyPorts): ChipState {
  const image = new Reader(bytes);
  try {
    const isImage = equal(image.bytes(MAGIC.length), MAGIC);
    const has = VERSIONS.get(image.u8());
    const found = image.prefixed(1, (body) => body.utf8(body.remaining));
    if (!isImage || !has || found !== model) {
      throw new UsageError<ChipErrorCode>("state-version", `the state is not of ${model}, version ${VERSION}`);
    }
    const settings = readSettings(image, has);
    const objects: SecureObject[] = [];
    while (image.remaining > 0) objects.push(readObject(image, ports, has));
    return { settings, objects };
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw new UsageError<ChipErrorCode>("state-version", "the state has another layout", { cause });
  }
}

/** Appends an object, secrets and all. */
export function writeObject(image: Writer, object: SecureObject): void {
  image
    .u32(object.id)
    .u8(object.origin)
    .u8((object.authentication ? FLAG.authentication : 0) | (object.transient ? FLAG.transient : 0));
  image.u16(object.maxAttempts).u16(object.failedAttempts).u32(object.madeBy).u32(object.version).u32(object.writes);
  image.prefixed(2, (body) => body.bytes(encode(policyEntries, object.policy)));
  writeContent(image, object.content);
}

/** An object that `writeObject` wrote. */
export function readObject(image: Reader, ports: KeyPorts, has: Pick<ImageParts, "writes">): SecureObject {
  const named = { id: image.u32(), origin: image.u8() };
  const flags = image.u8();
  const head = {
    ...named,
    authentication: (flags & FLAG.authentication) !== 0,
    transient: (flags & FLAG.transient) !== 0,
  };
  const attempts = { maxAttempts: image.u16(), failedAttempts: image.u16() };
  const made = { madeBy: image.u32(), version: image.u32(), writes: has.writes ? image.u32() : 0 };
  const policy = decode(
    policyEntries,
    image.prefixed(2, (body) => body.rest()),
  );
  return { ...head, ...attempts, ...made, policy, content: readContent(image, ports) };
}
