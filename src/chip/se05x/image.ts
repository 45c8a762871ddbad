import { policyEntries, SE05X_CURVE } from "../../apdu/se05x/index.ts";
import { DecodeError, decode, encode, Reader, UsageError, utf8Bytes, Writer } from "../../codec/index.ts";
import type { EcCurve } from "../ec-curve.ts";
import type { ChipErrorCode } from "../errors.ts";
import type { Content, SecureObject } from "./objects.ts";
import { EcKey, Secret } from "./secrets.ts";
import type { Se05xModelName } from "./variants.ts";

const MAGIC = utf8Bytes("SE05X");
const VERSION = 1;
const KINDS = ["ecPair", "ecPublic", "aes", "userId", "hmac", "binary", "counter"] as const;

/** The curves of a chip by their identifiers on the wire. */
export type CurveTable = ReadonlyMap<number, EcCurve>;

/** The curves that every model of the family has. */
export function curveTable(curves: { readonly p256: EcCurve; readonly p384: EcCurve }): CurveTable {
  return new Map([
    [SE05X_CURVE.p256, curves.p256],
    [SE05X_CURVE.p384, curves.p384],
  ]);
}

/** All persistent objects of a chip as one image: magic, format version, model, then object by object. */
export function encodeImage(model: Se05xModelName, objects: Iterable<SecureObject>): Uint8Array {
  const image = new Writer(8192)
    .bytes(MAGIC)
    .u8(VERSION)
    .prefixed(1, (body) => body.utf8(model));
  for (const object of objects) if (!object.transient) writeObject(image, object);
  return image.finish();
}

/** The objects of an image. Throws `UsageError` `state-version` for another model, format version or layout. */
export function decodeImage(model: Se05xModelName, bytes: Uint8Array, curves: CurveTable): SecureObject[] {
  const image = new Reader(bytes);
  try {
    const head = [...image.bytes(MAGIC.length), image.u8()];
    const found = image.prefixed(1, (body) => body.utf8(body.remaining));
    if (head.some((byte, i) => byte !== [...MAGIC, VERSION][i]) || found !== model) {
      throw new UsageError<ChipErrorCode>("state-version", `the state is not of ${model}, version ${VERSION}`);
    }
    const objects: SecureObject[] = [];
    while (image.remaining > 0) objects.push(readObject(image, curves));
    return objects;
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw new UsageError<ChipErrorCode>("state-version", "the state has another layout", { cause });
  }
}

function writeObject(image: Writer, object: SecureObject): void {
  const { content } = object;
  image.u32(object.id).u8(object.origin).u16(object.maxAttempts).u16(object.failedAttempts);
  image.prefixed(2, (body) => body.bytes(encode(policyEntries, object.policy)));
  image.u8(KINDS.indexOf(content.kind));
  switch (content.kind) {
    case "ecPair":
      image.u8(content.curve).u8(content.whole ? 1 : 0);
      return content.key.save(image);
    case "ecPublic":
      return void image.u8(content.curve).bytes(content.point);
    case "binary":
      return void image.prefixed(2, (body) => body.bytes(content.bytes));
    case "counter":
      return void image.u8(content.size).u64(content.value);
    case "hmac":
      image.u16(content.minOutputLength);
      return content.secret.save(image);
    default:
      return content.secret.save(image);
  }
}

function readObject(image: Reader, curves: CurveTable): SecureObject {
  const head = { id: image.u32(), origin: image.u8(), maxAttempts: image.u16(), failedAttempts: image.u16() };
  const policy = decode(
    policyEntries,
    image.prefixed(2, (body) => body.rest()),
  );
  return { ...head, policy, transient: false, content: readContent(image, curves) };
}

function readContent(image: Reader, curves: CurveTable): Content {
  const at = image.at;
  const kind = KINDS[image.u8()];
  const curve = () => {
    const id = image.u8();
    const known = curves.get(id);
    if (!known) throw new DecodeError("value", `curve ${id}`, at);
    return { id, known };
  };
  switch (kind) {
    case "ecPair": {
      const { id, known } = curve();
      return { kind, curve: id, whole: image.u8() === 1, key: EcKey.load(known, image) };
    }
    case "ecPublic": {
      const { id, known } = curve();
      return { kind, curve: id, point: image.bytes(1 + 2 * known.scalarLength).slice() };
    }
    case "binary":
      return { kind, bytes: image.prefixed(2, (body) => body.rest().slice()) };
    case "counter":
      return { kind, size: image.u8(), value: image.u64() };
    case "hmac":
      return { kind, minOutputLength: image.u16(), secret: Secret.load(image) };
    case "aes":
    case "userId":
      return { kind, secret: Secret.load(image) };
    default:
      throw new DecodeError("value", "kind of object", at);
  }
}
