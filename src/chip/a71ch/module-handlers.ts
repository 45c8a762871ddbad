import { MAX_SHORT_COMMAND } from "../../apdu/index.ts";
import {
  A71CH_AID,
  credentialMap,
  INJECT_LOCK,
  NO_RESTRICTED_KEY_PAIR,
  SECURE_CHANNEL,
  TRANSPORT_LOCK,
} from "../../apdu/a71ch/index.ts";
import { encode, equal } from "../../codec/index.ts";
import type { A71chHandlers, A71chInside } from "./handlers.ts";
import { freshObjects, refuse, type Slot, statesOf } from "./objects.ts";

type ModuleCommand =
  | "selectCardManager"
  | "select"
  | "readUniqueId"
  | "readFreeMemory"
  | "readModuleInfo"
  | "readCredentialMap"
  | "debugReset"
  | "random"
  | "reflect";

/** Applet 1.31, whose last bit says that debug mode is available. A71CH state bytes */
const SELECT_RESPONSE = 0x0131;

/** Selection, identification, life cycle. A71CH APDU table, instructions A4, 9x and FE */
export function moduleHandlers(inside: A71chInside): Pick<A71chHandlers, ModuleCommand> {
  const absent = (count: number) => Array.from({ length: count }, () => ({ present: false, frozen: false }));
  return {
    // The application answers whether it is selected or not: hosts always select it, and nothing else is on the chip.
    selectCardManager: () => ({}),
    select({ aid }) {
      if (!equal(aid, A71CH_AID)) throw refuse(0x6a82, "no such application");
      return { appletVersion: SELECT_RESPONSE, secureBoxVersion: 0 };
    },
    readUniqueId: () => ({ uniqueId: inside.objects.uniqueId }),
    readFreeMemory: ({ kind }) => ({ freeBytes: freeBytes(inside, kind) }),
    readModuleInfo: () => ({
      selectResponse: SELECT_RESPONSE,
      restrictedKeyPair: NO_RESTRICTED_KEY_PAIR,
      transportLock: TRANSPORT_LOCK.notYetSet,
      secureChannel: SECURE_CHANNEL.keysNotSet,
      injectLock: INJECT_LOCK.unlocked,
      storageBytes: inside.capacity.storageBytes,
    }),
    readCredentialMap: () => ({
      map: encode(credentialMap(inside.capacity), {
        secureChannel: SECURE_CHANNEL.keysNotSet,
        keyPairs: statesOf(inside.objects.keyPairs),
        publicKeys: statesOf(inside.objects.publicKeys),
        configKeys: absent(inside.capacity.configKeys),
        symmetricSecrets: absent(inside.capacity.symmetricSecrets),
        counters: Array.from({ length: inside.capacity.counters }, () => ({ present: true, frozen: false })),
        storage: inside.objects.frozenSegments.map((frozen) => ({ present: true, frozen })),
      }),
    }),
    debugReset() {
      inside.objects = freshObjects(inside.capacity, inside.objects.uniqueId);
      inside.changed();
      return {};
    },
    random({ length }) {
      if (length < 1 || length > 255) throw refuse(0x6a86, "between 1 and 255 random bytes at once");
      return { bytes: inside.entropy.bytes(length) };
    },
    reflect: ({ bytes }) => ({ bytes }),
  };
}

/** Persistent memory is what empty slots would take; transient memory is the command buffer, free between commands. */
function freeBytes({ objects }: A71chInside, kind: number): number {
  if (kind > 1) throw refuse(0x6a86, `there is no memory kind ${kind}`);
  if (kind === 1) return MAX_SHORT_COMMAND;
  const empty = (slots: readonly Slot<unknown>[]) => slots.filter(({ content }) => content === undefined).length;
  return empty(objects.keyPairs) * (32 + 65) + empty(objects.publicKeys) * 65;
}
