import { STORAGE_SEGMENT, TRANSPORT_LOCK } from "../../apdu/a71ch/index.ts";
import { type A71chObjects, type Slot, statesOf } from "./objects.ts";

/** A chip's state by name, in words: what is there, what is frozen and locked, and no contents. */
export function stateFacts(objects: A71chObjects): Readonly<Record<string, string>> {
  return {
    "debug mode": objects.debugAvailable ? "available" : "ended for good",
    "transport lock": TRANSPORT_WORDS[objects.transportLock],
    "inject lock": objects.injectionLocked ? "locked" : "unlocked",
    "secure channel": channelWords(objects),
    ...slotFacts("key pair", objects.keyPairs),
    "restricted key pair": restrictionWords(objects),
    ...slotFacts("public key", objects.publicKeys),
    ...slotFacts("configuration key", objects.configKeys),
    ...slotFacts("symmetric secret", objects.secrets),
    ...Object.fromEntries(objects.counters.map((value, i) => [`counter ${i}`, String(value)])),
    "frozen storage": `${objects.frozenSegments.filter(Boolean).length * STORAGE_SEGMENT} bytes`,
  };
}

const TRANSPORT_WORDS = {
  [TRANSPORT_LOCK.locked]: "locked",
  [TRANSPORT_LOCK.unlockedForGood]: "unlocked for good",
  [TRANSPORT_LOCK.notYetSet]: "not yet set",
} as const;

function channelWords({ channelMandatory, channelKeys }: A71chObjects): string {
  if (channelMandatory) return "mandatory";
  return channelKeys ? "keys set" : "keys not set";
}

function restrictionWords({ restriction }: A71chObjects): string {
  if (!restriction) return "none";
  const { keyPair, uses, maxUses } = restriction;
  return `${keyPair}, ${uses} uses${maxUses === 0 ? "" : ` of ${maxUses}`}`;
}

function slotFacts(what: string, slots: readonly Slot<unknown>[]): Record<string, string> {
  const words = statesOf(slots).map(
    ({ present, frozen }) => `${present ? "present" : "empty"}, ${frozen ? "frozen" : "open"}`,
  );
  return Object.fromEntries(words.map((word, i) => [`${what} ${i}`, word]));
}
