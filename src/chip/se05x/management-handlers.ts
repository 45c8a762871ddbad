import { SE05X_CREDENTIAL, SE05X_ORIGIN, SE05X_RESULT } from "../../apdu/se05x/index.ts";
import { Reader } from "../../codec/index.ts";
import { isLocked } from "./admission.ts";
import { BORN_CURVES } from "./curves.ts";
import type { Se05xHandlers, Se05xInside } from "./handler.ts";
import { hexId } from "./objects.ts";
import { refuse } from "./refuse.ts";
import { selfTestHolds } from "./self-test.ts";
import { timestampOf } from "./timestamp.ts";
import { EXTENDED_FEATURES_LENGTH, isRestriction, RESTRICTION } from "./settings.ts";

type TellingCommand =
  | "getVersion"
  | "getExtVersion"
  | "getTimestamp"
  | "getFreeMemory"
  | "random"
  | "readState"
  | "triggerSelfTest";
type ChangingCommand =
  | "deleteAll"
  | "setLockState"
  | "setPlatformScpRequest"
  | "setAppletFeatures"
  | "disableObjectCreation"
  | "sendCardManagerCommand";

/** What one answer to a host with the smaller buffer holds. SE05x coding rules */
const MAX_RANDOM = 0x300;
/** The most that a free memory answer tells: "this much or more". SE05x command table, tier a */
const MUCH_FREE = 0x7fff;
/** Lock and restriction until the next reset, or for good. SE05x command table, tier e */
const INDICATOR = { passing: 0x01, lasting: 0x02 } as const;
const LOCKED = 0x01;
/** Modes of the self test; the first is for parts in FIPS mode, which these are not. SE05x command table, section 4.5 */
const SELF_TESTS: ReadonlySet<number> = new Set([0xfe01, 0xfd02, 0xfc03, 0xfb04, 0xfa05]);

/** The chip as a whole. SE05x command table, tiers a and e */
export function managementHandlers(inside: Se05xInside): Pick<Se05xHandlers, TellingCommand | ChangingCommand> {
  return { ...tellingHandlers(inside), ...changingHandlers(inside) };
}

function tellingHandlers(inside: Se05xInside): Pick<Se05xHandlers, TellingCommand> {
  const { model, store, entropy, passing } = inside;
  const { appletVersion, secureBoxVersion } = model;
  const version = () => ({ appletVersion, features: store.settings.features, secureBoxVersion });
  return {
    getVersion: () => ({ info: version() }),
    getExtVersion: () => ({ info: { ...version(), extended: store.settings.extendedFeatures } }),
    readState() {
      const { restriction, platformScpRequired } = store.settings;
      const required = platformScpRequired ? SE05X_RESULT.yes : SE05X_RESULT.no;
      const locked = isLocked(inside) ? LOCKED : 0;
      return { state: Uint8Array.of(locked, Math.max(restriction, passing.restriction), required) };
    },
    getTimestamp: () => ({ timestamp: timestampOf(inside) }),
    getFreeMemory({ memory }) {
      if (memory < 1 || memory > 3) throw refuse(0x6a80, `there is no memory ${memory}`);
      return { bytes: Math.min(MUCH_FREE, store.freeOfKind(memory)) };
    },
    random({ length }) {
      if (length < 1 || length > MAX_RANDOM) throw refuse(0x6a80, `${length} random bytes`);
      return { bytes: entropy.bytes(length) };
    },
    triggerSelfTest: ({ mode }) => ({ result: selfTested(inside, mode) }),
  };
}

function changingHandlers(inside: Se05xInside): Pick<Se05xHandlers, ChangingCommand> {
  const { model, store, sessions, passing } = inside;
  return {
    deleteAll() {
      demandCredential(inside, SE05X_CREDENTIAL.factoryReset);
      for (const { id, origin } of store) if (origin !== SE05X_ORIGIN.provisioned) store.remove(id);
      store.configure({ cryptoObjects: new Map(), curves: BORN_CURVES });
      inside.running.clear();
      // What sessions were authenticated with is gone.
      sessions.open.clear();
      return {};
    },
    setLockState({ indicator, state }) {
      demandCredential(inside, SE05X_CREDENTIAL.transport);
      if (isLasting(indicator)) store.configure({ isLocked: state === LOCKED });
      // The passing lock counts while the lasting one is on, and is on itself after every selection.
      else passing.isUnlocked = state !== LOCKED;
      return {};
    },
    setPlatformScpRequest({ request }) {
      demandCredential(inside, SE05X_CREDENTIAL.platformScp);
      if (request !== SE05X_RESULT.yes && request !== SE05X_RESULT.no) throw refuse(0x6a80, `request ${request}`);
      store.configure({ platformScpRequired: request === SE05X_RESULT.yes });
      return {};
    },
    setAppletFeatures({ features }) {
      demandCredential(inside, SE05X_CREDENTIAL.feature);
      const reader = new Reader(features);
      const asked = reader.u16();
      const extended = reader.rest();
      if (extended.length > 0 && extended.length !== EXTENDED_FEATURES_LENGTH)
        throw refuse(0x6a80, "extended feature bits of another length");
      const change = extended.length > 0 ? { extendedFeatures: extended.slice() } : {};
      // What the part does not have cannot be turned on; asking for it turns on the rest.
      store.configure({ features: asked & model.features, ...change });
      return {};
    },
    disableObjectCreation({ indicator, mode }) {
      demandCredential(inside, SE05X_CREDENTIAL.restrict);
      if (!isRestriction(mode) || mode === RESTRICTION.none) throw refuse(0x6a80, `there is no restriction ${mode}`);
      if (isLasting(indicator)) store.configure({ restriction: mode });
      else passing.restriction = mode;
      return {};
    },
    sendCardManagerCommand: ({ command }) => ({ answer: inside.passOn(command) }),
  };
}

/** Whether a self test holds, as it is told. Refused with 6985 where there is no such test. */
export function selfTested(inside: Se05xInside, mode: number): number {
  if (!SELF_TESTS.has(mode)) throw refuse(0x6985, `there is no self test ${mode.toString(16)} in this part`);
  return selfTestHolds(inside) ? SE05X_RESULT.yes : SE05X_RESULT.no;
}

/** Refuses with 6982 unless the session was authenticated with this credential. SE05x object ids */
function demandCredential({ caller, store }: Se05xInside, id: number): void {
  if (caller.authObjectId !== id || !store.find(id)) {
    throw refuse(0x6982, `this takes a session authenticated with ${hexId(id)}`);
  }
}

function isLasting(indicator: number): boolean {
  if (indicator !== INDICATOR.passing && indicator !== INDICATOR.lasting)
    throw refuse(0x6a80, `indicator ${indicator}`);
  return indicator === INDICATOR.lasting;
}
