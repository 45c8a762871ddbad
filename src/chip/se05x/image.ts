import { policyEntries } from "../../apdu/se05x/index.ts";
import { DecodeError, decode, encode, equal, Reader, UsageError, utf8Bytes, Writer } from "../../codec/index.ts";
import type { ChipErrorCode } from "../errors.ts";
import { type KeyPorts, readContent, withoutPower, writeContent } from "./contents.ts";
import type { SecureObject } from "./objects.ts";
import { readSettings, type Settings, writeSettings } from "./settings.ts";
import type { Se05xModelName } from "./variants.ts";

const MAGIC = utf8Bytes("SE05X");
const VERSION = 5;
/** The version before, whose crypto objects belonged to everybody. */
const WITHOUT_OWNERS = 4;
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
    const version = image.u8();
    const found = image.prefixed(1, (body) => body.utf8(body.remaining));
    if (!isImage || (version !== VERSION && version !== WITHOUT_OWNERS) || found !== model) {
      throw new UsageError<ChipErrorCode>("state-version", `the state is not of ${model}, version ${VERSION}`);
    }
    const settings = readSettings(image, { hasOwners: version !== WITHOUT_OWNERS });
    const objects: SecureObject[] = [];
    while (image.remaining > 0) objects.push(readObject(image, ports));
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
  image.u16(object.maxAttempts).u16(object.failedAttempts).u32(object.madeBy).u32(object.version);
  image.prefixed(2, (body) => body.bytes(encode(policyEntries, object.policy)));
  writeContent(image, object.content);
}

/** An object that `writeObject` wrote. */
export function readObject(image: Reader, ports: KeyPorts): SecureObject {
  const named = { id: image.u32(), origin: image.u8() };
  const flags = image.u8();
  const head = {
    ...named,
    authentication: (flags & FLAG.authentication) !== 0,
    transient: (flags & FLAG.transient) !== 0,
  };
  const attempts = { maxAttempts: image.u16(), failedAttempts: image.u16() };
  const made = { madeBy: image.u32(), version: image.u32() };
  const policy = decode(
    policyEntries,
    image.prefixed(2, (body) => body.rest()),
  );
  return { ...head, ...attempts, ...made, policy, content: readContent(image, ports) };
}
