import { SE05X_RESULT, SE05X_RSA_COMPONENT, SE05X_TYPE } from "../../apdu/se05x/index.ts";
import { Writer } from "../../codec/index.ts";
import { attributesOf, shownTypeOf } from "./attributes.ts";
import type { Se05xHandlers, Se05xInside } from "./handler.ts";
import { hexId, type SecureObject, sizeOf, typeOf } from "./objects.ts";
import { refuse } from "./refuse.ts";

type ObjectCommand =
  | "readObject"
  | "readType"
  | "readSize"
  | "readIdList"
  | "exists"
  | "deleteObject"
  | "readAttributes";

/** The most identifiers in one answer: what fits the smaller of the hosts' buffers. SE05x coding rules */
const IDS_PER_ANSWER = 200;
const MAX_READ = 0x400;
const ANY_TYPE = 0xff;
const MEMORY = { persistent: 0x01, transient: 0x02 } as const;

/** Objects of any kind: reading, listing, deleting. SE05x command table, tiers a and b */
export function objectHandlers(inside: Se05xInside): Pick<Se05xHandlers, ObjectCommand> {
  const { store } = inside;
  return {
    readObject: ({ objectId, ...part }) => ({ bytes: readBytes(inside.demand(objectId, "read"), part) }),
    readType({ objectId }) {
      const object = store.present(objectId);
      const memory = object.transient ? MEMORY.transient : MEMORY.persistent;
      return { type: shownTypeOf(object, inside.model), memory };
    },
    readSize({ objectId }) {
      const object = store.present(objectId);
      if (typeOf(object) === SE05X_TYPE.userId) throw refuse(0x6985, "how long a user identifier is helps to guess it");
      return { size: sizeOf(object) };
    },
    readIdList({ offset, filter }) {
      const ids = [...store].filter((object) => filter === ANY_TYPE || typeOf(object) === filter).map(({ id }) => id);
      const part = ids.toSorted((a, b) => a - b).slice(offset, offset + IDS_PER_ANSWER);
      const writer = new Writer();
      for (const id of part) writer.u32(id);
      const more = offset + part.length < ids.length ? SE05X_RESULT.no : SE05X_RESULT.yes;
      return { more, ids: writer.finish() };
    },
    exists: ({ objectId }) => ({ result: store.find(objectId) ? SE05X_RESULT.yes : SE05X_RESULT.no }),
    readAttributes: ({ objectId }) => ({ attributes: attributesOf(store.present(objectId), inside.model) }),
    deleteObject({ objectId }) {
      inside.demandChanging();
      inside.demand(objectId, "delete");
      store.remove(objectId);
      return {};
    },
  };
}

/** What part of an object is asked for: of a file by place, of an RSA key by number. */
type Part = {
  readonly offset?: number | undefined;
  readonly length?: number | undefined;
  readonly component?: number | undefined;
};

/** What an object tells of itself: of a file a part, of a key its public half. Refused with 6985 for secrets. */
export function readBytes({ id, content }: SecureObject, { offset = 0, length, component }: Part): Uint8Array {
  if (content.kind === "rsa") return content.key.told(rsaComponent(component));
  if (component !== undefined) throw refuse(0x6a80, "only RSA keys are read number by number");
  if (content.kind === "binary") {
    const wanted = length ?? content.bytes.length - offset;
    if (wanted < 0 || wanted > MAX_READ || offset + wanted > content.bytes.length) {
      throw refuse(0x6a80, `${wanted} bytes at ${offset} of a file of ${content.bytes.length}`);
    }
    return content.bytes.slice(offset, offset + wanted);
  }
  if (offset !== 0 || length !== undefined) throw refuse(0x6a80, "only files are read in parts");
  if (content.kind === "ecPair" && content.whole) return content.key.point;
  if (content.kind === "ecPublic") return content.point;
  // Keys of these curves go over the wire with their highest byte first.
  if (content.kind === "okpPair" && content.whole) return content.key.publicKey.toReversed();
  if (content.kind === "okpPublic") return content.publicKey.toReversed();
  if (content.kind === "pcr") return content.value;
  if (content.kind === "counter")
    return new Writer()
      .u64(content.value)
      .finish()
      .slice(8 - content.size);
  throw refuse(0x6985, `${hexId(id)} is a secret, and no secret is read`);
}

/** Refused with 6A80 but for the two public numbers. */
function rsaComponent(component: number | undefined): "n" | "e" {
  if (component === SE05X_RSA_COMPONENT.modulus) return "n";
  if (component === SE05X_RSA_COMPONENT.exponent) return "e";
  throw refuse(0x6a80, "an RSA key is read number by number");
}
