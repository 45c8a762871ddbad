import { A71CH_VARIANTS, type A71chCapacity, type A71chVariant, TRANSPORT_LOCK } from "../../apdu/a71ch/index.ts";
import { DecodeError, equal, Reader, UsageError, utf8Bytes, Writer } from "../../codec/index.ts";
import type { ChipErrorCode } from "../errors.ts";
import { KeyPair } from "../key-pair.ts";
import { SecretKey } from "../secret-key.ts";
import { type A71chObjects, freshObjects, type Slot } from "./objects.ts";
import type { Restriction } from "./objects.ts";

const MODEL = utf8Bytes("A71CH");
const VERSION = 3;
/** Before a key pair could be restricted. */
const VERSION_WITHOUT_RESTRICTION = 2;
/** Before writes were counted. */
const VERSION_WITHOUT_WRITES = 1;

/** The whole state of a chip as one image: model, format version, variant, then the objects in their order. */
export function encodeImage(variant: A71chVariant, objects: A71chObjects): Uint8Array {
  const image = new Writer(8192).bytes(MODEL).u8(VERSION).utf8(variant).bytes(objects.uniqueId);
  objects.keyPairs.forEach((slot) => writeSlot(image, slot, (pair) => pair.save(image)));
  objects.publicKeys.forEach((slot) => writeSlot(image, slot, (point) => image.bytes(point)));
  image.bytes(objects.storage);
  objects.frozenSegments.forEach((frozen) => image.u8(frozen ? 1 : 0));
  [...objects.configKeys, ...objects.secrets].forEach((slot) => writeSlot(image, slot, (key) => key.save(image)));
  objects.counters.forEach((value) => image.u32(value));
  image.prefixed(1, (body) => body.bytes(objects.tlsLabel));
  image
    .u8(objects.injectionLocked ? 1 : 0)
    .u8(objects.transportLock)
    .u8(objects.debugAvailable ? 1 : 0);
  const { channelKeys } = objects;
  image.u8((channelKeys ? 1 : 0) | (objects.channelMandatory ? 2 : 0));
  if (channelKeys) [channelKeys.enc, channelKeys.mac, channelKeys.dek].forEach((key) => key.save(image));
  image.u16(objects.writes.size);
  for (const [place, count] of objects.writes) image.prefixed(1, (body) => body.utf8(place)).u32(count);
  writeRestriction(image, objects.restriction);
  return image.finish();
}

/** The objects of an image. Throws `UsageError` `state-version` for another model, variant or format version. */
export function decodeImage(variant: A71chVariant, bytes: Uint8Array): A71chObjects {
  const image = new Reader(bytes);
  try {
    const model = image.bytes(MODEL.length);
    const version = image.u8();
    const isKnown = version >= VERSION_WITHOUT_WRITES && version <= VERSION;
    if (!equal(model, MODEL) || !isKnown || image.utf8(1) !== variant) {
      throw new UsageError<ChipErrorCode>(
        "state-version",
        `the state is not of an A71CH ${variant}, version ${VERSION}`,
      );
    }
    const objects = readObjects(image, A71CH_VARIANTS[variant]);
    if (version !== VERSION_WITHOUT_WRITES) readWrites(image, objects);
    if (version > VERSION_WITHOUT_RESTRICTION) objects.restriction = readRestriction(image);
    image.end();
    return objects;
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw new UsageError<ChipErrorCode>("state-version", "the state has another layout", { cause });
  }
}

function readObjects(image: Reader, capacity: A71chCapacity): A71chObjects {
  const objects = freshObjects(capacity, image.bytes(18).slice());
  objects.keyPairs.forEach((slot) => readSlot(image, slot, () => KeyPair.load(image)));
  objects.publicKeys.forEach((slot) => readSlot(image, slot, () => image.bytes(65).slice()));
  objects.storage.set(image.bytes(capacity.storageBytes));
  objects.frozenSegments.forEach((_, i) => (objects.frozenSegments[i] = readFlags(image) === 1));
  [...objects.configKeys, ...objects.secrets].forEach((slot) => readSlot(image, slot, () => SecretKey.load(image)));
  objects.counters.forEach((_, i) => (objects.counters[i] = image.u32()));
  objects.tlsLabel = image.prefixed(1, (body) => body.rest().slice());
  objects.injectionLocked = readFlags(image) === 1;
  objects.transportLock = readTransportLock(image);
  objects.debugAvailable = readFlags(image) === 1;
  const channel = readFlags(image);
  objects.channelMandatory = (channel & 2) !== 0;
  const key = () => SecretKey.load(image);
  if ((channel & 1) !== 0) objects.channelKeys = { enc: key(), mac: key(), dek: key() };
  return objects;
}

function readWrites(image: Reader, { writes }: A71chObjects): void {
  for (let left = image.u16(); left > 0; left--) {
    const place = image.prefixed(1, (body) => body.utf8(body.remaining));
    writes.set(place, image.u32());
  }
}

/** A byte, 1 where there is a restriction, then what it says. */
function writeRestriction(image: Writer, restriction: Restriction | undefined): void {
  image.u8(restriction ? 1 : 0);
  if (!restriction) return;
  const { keyPair, maxUses, uses, room, signedLength, blocks } = restriction;
  image.u8(keyPair).u8(maxUses).u8(uses).u16(room.offset).u16(room.length).u16(signedLength).u8(blocks.length);
  for (const { offset, length } of blocks) image.u16(offset).u16(length);
}

function readRestriction(image: Reader): Restriction | undefined {
  if (readFlags(image) !== 1) return undefined;
  const range = () => ({ offset: image.u16(), length: image.u16() });
  const [keyPair, maxUses, uses, room, signedLength] = [image.u8(), image.u8(), image.u8(), range(), image.u16()];
  return { keyPair, maxUses, uses, room, signedLength, blocks: Array.from({ length: image.u8() }, range) };
}

/** A slot is a byte of flags, 1 present and 2 frozen, then its content where present. */
function writeSlot<T>(image: Writer, slot: Slot<T>, write: (content: T) => void): void {
  image.u8((slot.content === undefined ? 0 : 1) | (slot.frozen ? 2 : 0));
  if (slot.content !== undefined) write(slot.content);
}

function readSlot<T>(image: Reader, slot: Slot<T>, read: () => T): void {
  const flags = readFlags(image);
  slot.frozen = (flags & 2) !== 0;
  if ((flags & 1) !== 0) slot.content = read();
}

function readTransportLock(image: Reader): A71chObjects["transportLock"] {
  const at = image.at;
  const value = image.u8();
  const known = Object.values(TRANSPORT_LOCK).find((state) => state === value);
  if (known === undefined) throw new DecodeError("value", `transport lock state ${value}`, at);
  return known;
}

function readFlags(image: Reader): number {
  const at = image.at;
  const flags = image.u8();
  if (flags > 3) throw new DecodeError("value", `flags 0x${flags.toString(16)}`, at);
  return flags;
}
