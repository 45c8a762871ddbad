import { MAX_SHORT_COMMAND } from "../../apdu/index.ts";
import {
  A71CH_AID,
  credentialMap,
  DEBUG_AVAILABLE,
  INJECT_LOCK,
  NO_RESTRICTED_KEY_PAIR,
  SECURE_CHANNEL,
} from "../../apdu/a71ch/index.ts";
import { encode, equal, Writer } from "../../codec/index.ts";
import type { A71chHandlers, A71chInside } from "./handler.ts";
import { refuse, type Slot, statesOf } from "./objects.ts";
import type { Restriction } from "./objects.ts";
import { freshSession } from "./session-state.ts";

type ModuleCommand =
  | "selectCardManager"
  | "select"
  | "readUniqueId"
  | "readFreeMemory"
  | "readModuleInfo"
  | "readCredentialMap"
  | "readRestriction"
  | "random"
  | "reflect";

/** Applet 1.30; the last bit, which makes it 1.31, says that debug mode is available. A71CH state bytes */
const APPLET_VERSION = 0x0130;

/** Selection, identification, life cycle. A71CH APDU table, instructions A4, 91, 95 and FE */
export function moduleHandlers(inside: A71chInside): Pick<A71chHandlers, ModuleCommand> {
  const selectResponse = () => APPLET_VERSION | (inside.objects.debugAvailable ? DEBUG_AVAILABLE : 0);
  return {
    // The application answers whether it is selected or not: hosts always select it, and nothing else is on the chip.
    selectCardManager: () => (forget(inside), {}),
    select({ aid }) {
      forget(inside);
      if (!equal(aid, A71CH_AID)) throw refuse(0x6a82, "no such application");
      return { appletVersion: selectResponse(), secureBoxVersion: 0 };
    },
    readUniqueId: () => ({ uniqueId: inside.objects.uniqueId }),
    readFreeMemory: ({ kind }) => ({ freeBytes: freeBytes(inside, kind) }),
    readModuleInfo: () => ({
      selectResponse: selectResponse(),
      restrictedKeyPair: inside.objects.restriction?.keyPair ?? NO_RESTRICTED_KEY_PAIR,
      transportLock: inside.objects.transportLock,
      secureChannel: channelState(inside),
      injectLock: inside.objects.injectionLocked ? INJECT_LOCK.locked : INJECT_LOCK.unlocked,
      storageBytes: inside.capacity.storageBytes,
    }),
    readCredentialMap: () => ({
      map: encode(credentialMap(inside.capacity), {
        secureChannel: channelState(inside),
        keyPairs: statesOf(inside.objects.keyPairs),
        publicKeys: statesOf(inside.objects.publicKeys),
        configKeys: statesOf(inside.objects.configKeys),
        symmetricSecrets: statesOf(inside.objects.secrets),
        counters: Array.from({ length: inside.capacity.counters }, () => ({ present: true, frozen: false })),
        storage: inside.objects.frozenSegments.map((frozen) => ({ present: true, frozen })),
      }),
    }),
    readRestriction: () => ({ restriction: restrictionInfo(inside.objects.restriction) }),
    random({ length }) {
      if (length < 1 || length > 255) throw refuse(0x6a86, "between 1 and 255 random bytes at once");
      return { bytes: inside.entropy.bytes(length) };
    },
    reflect: ({ bytes }) => ({ bytes }),
  };
}

/** The answer where no key pair is restricted. A71CH APDU table */
const NO_RESTRICTION = Uint8Array.of(0xff, 0x00);

/** The key pair, and where in storage its updates go, block by block. A71CH APDU table, instruction 91 06 */
function restrictionInfo(restriction: Restriction | undefined): Uint8Array {
  if (!restriction) return NO_RESTRICTION;
  const { keyPair, blocks } = restriction;
  const info = new Writer(2 + 4 * blocks.length).u8(keyPair).u8(blocks.length);
  for (const { offset, length } of blocks) info.u16(offset).u16(length);
  return info.finish();
}

/** Selecting anything ends a secure channel and whatever was under way. */
function forget(inside: A71chInside): void {
  inside.session = freshSession();
}

function channelState({ objects }: A71chInside): number {
  if (objects.channelMandatory) return SECURE_CHANNEL.mandatory;
  return objects.channelKeys ? SECURE_CHANNEL.keysSet : SECURE_CHANNEL.keysNotSet;
}

/** Persistent memory is what empty slots would take; transient memory is the command buffer, free between commands. */
function freeBytes({ objects }: A71chInside, kind: number): number {
  if (kind > 1) throw refuse(0x6a86, `there is no memory kind ${kind}`);
  if (kind === 1) return MAX_SHORT_COMMAND;
  const empty = (slots: readonly Slot<unknown>[]) => slots.filter(({ content }) => content === undefined).length;
  const keys = empty(objects.keyPairs) * (32 + 65) + empty(objects.publicKeys) * 65;
  return keys + (empty(objects.configKeys) + empty(objects.secrets)) * 16;
}
