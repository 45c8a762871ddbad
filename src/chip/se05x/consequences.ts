import { decodeExtendedCommand, encodeExtendedCommand } from "../../apdu/index.ts";
import {
  type PolicyEntry,
  RIGHT,
  SE05X_COMMAND_SET,
  SE05X_CREDENTIAL,
  SE05X_ORIGIN,
  type Se05xCommandName,
  type Se05xRequest,
} from "../../apdu/se05x/index.ts";
import { DecodeError, ProtocolError } from "../../codec/index.ts";
import type { Consequence } from "../ports.ts";
import { hexId, type SecureObject } from "./objects.ts";
import type { ObjectStore } from "./store.ts";

/** What commands make impossible, seen from a chip's present state. Commands without an entry can be taken back. */
type Consequences = {
  readonly [Key in Se05xCommandName]?: (request: Se05xRequest<Key>, store: ObjectStore) => readonly Consequence[];
};

/** What a command would make impossible; nothing for one that can be taken back, or that is none. SE05x command table */
export function consequencesOf(bytes: Uint8Array, store: ObjectStore): readonly Consequence[] {
  try {
    const { key, request } = SE05X_COMMAND_SET.recognise(decodeExtendedCommand(bytes));
    if (key === "processSession") {
      // What a session carries counts, as far as it is in the clear.
      return consequencesOf((request as Se05xRequest<"processSession">).command, store);
    }
    // The request was decoded by the row that the entry is typed from.
    const entry = CONSEQUENCES[key] as ((request: object, store: ObjectStore) => readonly Consequence[]) | undefined;
    return entry?.(request, store) ?? [];
  } catch (error) {
    if (error instanceof ProtocolError || error instanceof DecodeError) return [];
    throw error;
  }
}

const CONSEQUENCES: Consequences = {
  deleteObject: ({ objectId }, store) => lost(store.find(objectId)),
  deleteAll: (_, store) =>
    [...store].filter(({ origin }) => origin !== SE05X_ORIGIN.provisioned).flatMap((object) => lost(object)),
  writeEcKey: written,
  writeRsaKey: written,
  writeSymmKey: written,
  writeUserId: written,
  writeBinary: written,
  writePcr: written,
  importObject: ({ objectId }, store) => lost(store.find(objectId), "replaced"),
  writeCounter: (request, store) => [...counted(request, store), ...undeletable(request, store)],
  setLockState: ({ indicator, state }) =>
    state === LOCKED && indicator === LASTING
      ? [
          {
            impossible: "to do anything but ask who the chip is",
            undoneBy: byCredential(SE05X_CREDENTIAL.transport),
            probe: bytesOf("getFreeMemory", { memory: 1 }),
          },
        ]
      : [],
  setPlatformScpRequest: ({ request }, store) =>
    request === 0x01 && !store.settings.platformScpRequired
      ? [
          {
            impossible: "to use the chip outside the platform's secure channel",
            undoneBy: `${byCredential(SE05X_CREDENTIAL.platformScp)}, inside that channel`,
            probe: bytesOf("getVersion", {}),
          },
        ]
      : [],
  disableObjectCreation: ({ indicator, mode }) => [
    {
      impossible: mode === 0x01 ? "to make new objects" : "to make objects, and to change any",
      undoneBy: indicator === LASTING ? "nothing" : "a reset",
      probe: bytesOf("writeBinary", { objectId: 0x7d00_0000, length: 1, data: new Uint8Array(1) }),
    },
  ],
  putKeys: ({ replaced }, store) =>
    store.settings.keySets.has(replaced)
      ? [{ impossible: `to open the platform's channel with the present keys ${replaced}`, undoneBy: "nothing" }]
      : [],
};

const LASTING = 0x02;
const LOCKED = 0x01;

type Writing = {
  readonly objectId: number;
  readonly policy?: readonly PolicyEntry[] | undefined;
};

function written(request: Writing, store: ObjectStore): readonly Consequence[] {
  return [...lost(store.find(request.objectId), "replaced"), ...undeletable(request, store)];
}

/** An object that is made, and whose policy lets nobody delete it. SE05x policy table */
function undeletable({ objectId, policy = [] }: Writing, store: ObjectStore): readonly Consequence[] {
  if (store.find(objectId) || policy.length === 0) return [];
  if (policy.some(({ rights }) => (rights & RIGHT.delete) !== 0)) return [];
  const probe = bytesOf("deleteObject", { objectId });
  return [{ impossible: `to delete object ${hexId(objectId)}`, undoneBy: deletingAll(), probe }];
}

/** Secrets that only this chip has, or that it may be the last to have; what can be read can be kept elsewhere. */
function lost(object: SecureObject | undefined, how: "deleted" | "replaced" = "deleted"): readonly Consequence[] {
  if (!object || object.transient) return [];
  const { id: objectId, content } = object;
  const probe = how === "deleted" ? { probe: bytesOf("readType", { objectId }) } : {};
  const gone = (what: string) => [{ impossible: `${what}, ever again`, undoneBy: "nothing", ...probe }];
  switch (content.kind) {
    case "ecPair":
    case "okpPair":
    case "rsa":
    case "rsaToCome":
    case "aes":
    case "des":
    case "hmac":
      return gone(`to use the key that is in object ${hexId(objectId)} now`);
    case "userId":
      return gone(`to open sessions with the present user identifier ${hexId(objectId)}`);
    case "counter":
      return how === "deleted" ? gone(`to know what counter ${hexId(objectId)} had reached`) : [];
    case "pcr":
      return gone(`to know what extended register ${hexId(objectId)}`);
    default:
      return gone(`to read what is in object ${hexId(objectId)} now`);
  }
}

function counted({ objectId }: { readonly objectId: number }, store: ObjectStore): readonly Consequence[] {
  const content = store.find(objectId)?.content;
  if (content?.kind !== "counter") return [];
  const impossible = `to set counter ${hexId(objectId)} back to ${content.value}`;
  return [{ impossible, undoneBy: "deleting the counter, where its policy lets somebody" }];
}

function byCredential(id: number): string {
  return `a session authenticated with ${hexId(id)}`;
}

function deletingAll(): string {
  return `deleting all objects, by ${byCredential(SE05X_CREDENTIAL.factoryReset)}`;
}

function bytesOf<Key extends Se05xCommandName>(key: Key, request: Se05xRequest<Key>): Uint8Array {
  return encodeExtendedCommand(SE05X_COMMAND_SET.build(key, request));
}
