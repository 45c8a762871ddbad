import { TRANSPORT_LOCK } from "../../apdu/a71ch/index.ts";
import { CODE, checkCode } from "./codes.ts";
import type { A71chHandlers, A71chInside } from "./handler.ts";
import { contentOf, freshObjects, refuse } from "./objects.ts";

type LockCommand =
  | "readChallenge"
  | "lockInjection"
  | "lockTransport"
  | "unlockTransport"
  | "endDebugMode"
  | "debugReset"
  | "readCounter"
  | "incrementCounter"
  | "setCounter"
  | "eraseCounter";

/** Locks, counters and what undoes them. A71CH APDU table, instructions 6x, 91 05, 92 to 94 */
export function lockHandlers(inside: A71chInside): Pick<A71chHandlers, LockCommand> {
  return { ...lifeCycleHandlers(inside), ...counterHandlers(inside) };
}

function lifeCycleHandlers(inside: A71chInside): Pick<A71chHandlers, Exclude<LockCommand, `${string}Counter`>> {
  return {
    readChallenge({ kind }) {
      if (kind > CODE.publicKey) throw refuse(0x6a86, `there is no challenge of kind ${kind}`);
      const challenge = inside.entropy.bytes(16);
      inside.session.challenges.set(kind, challenge);
      return { challenge };
    },
    lockInjection() {
      inside.objects.injectionLocked = true;
      inside.changed("life cycle");
      return {};
    },
    lockTransport() {
      const { configKeys, transportLock } = inside.objects;
      // Without its key the lock could never be opened again.
      contentOf(configKeys, CODE.transport, "configuration key");
      if (transportLock !== TRANSPORT_LOCK.notYetSet) throw refuse(0x6985, "a chip is locked for transport only once");
      inside.objects.transportLock = TRANSPORT_LOCK.locked;
      inside.changed("life cycle");
      return {};
    },
    unlockTransport({ code }) {
      if (inside.objects.transportLock !== TRANSPORT_LOCK.locked) throw refuse(0x6985, "the chip is not locked");
      checkCode(inside, CODE.transport, code);
      inside.objects.transportLock = TRANSPORT_LOCK.unlockedForGood;
      inside.changed("life cycle");
      return {};
    },
    endDebugMode() {
      checkDebugMode(inside);
      inside.objects.debugAvailable = false;
      inside.changed("life cycle");
      return {};
    },
    debugReset() {
      checkDebugMode(inside);
      const { uniqueId, writes } = inside.objects;
      // What is worn stays worn.
      inside.objects = { ...freshObjects(inside.capacity, uniqueId), writes };
      inside.session.channel = undefined;
      inside.changed("life cycle");
      return {};
    },
  };
}

function counterHandlers(inside: A71chInside): Pick<A71chHandlers, Extract<LockCommand, `${string}Counter`>> {
  const valueOf = (slot: number) => {
    const value = inside.objects.counters[slot];
    if (value === undefined) throw refuse(0x6a86, `there is no counter ${slot}`);
    return value;
  };
  const set = (slot: number, value: number) => {
    inside.objects.counters[slot] = value;
    inside.changed(`counter ${slot}`);
    return {};
  };
  return {
    readCounter: ({ slot }) => ({ value: valueOf(slot) }),
    incrementCounter({ slot }) {
      const value = valueOf(slot);
      if (value === 0xffffffff) throw refuse(0x6985, `counter ${slot} is at its end`);
      return set(slot, value + 1);
    },
    setCounter({ slot, value }) {
      if (value < valueOf(slot)) throw refuse(0x6985, `counter ${slot} is past ${value}`);
      return set(slot, value);
    },
    eraseCounter({ slot }) {
      valueOf(slot);
      checkDebugMode(inside);
      return set(slot, 0);
    },
  };
}

function checkDebugMode({ objects }: A71chInside): void {
  if (!objects.debugAvailable) throw refuse(0x6985, "debug mode was ended for good");
}
