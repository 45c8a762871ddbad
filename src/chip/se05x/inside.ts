import { type Right, SE05X_OBJECT } from "../../apdu/se05x/index.ts";
import { demandRight, NOBODY, type Registers } from "./access.ts";
import type { Se05xChipOptions } from "./options.ts";
import type { Se05xInside } from "./handler.ts";
import type { ChipState } from "./image.ts";
import { broughtForth, isToCome } from "./late-birth.ts";
import { hexId } from "./objects.ts";
import { refuse } from "./refuse.ts";
import { RESTRICTION } from "./settings.ts";
import { ObjectStore } from "./store.ts";
import { keepTime } from "./timestamp.ts";
import { SE05X_MODELS } from "./variants.ts";

/** What can be done with an object that has no value now: give it another, or none ever again. */
const OF_SHELLS: ReadonlySet<Right> = new Set(["write", "derivedInput", "generate", "delete", "importExport"]);

/** Not a figure of these chips' data sheets, but a common one for their kind of memory. */
export const ENDURANCE_WRITES = 500_000;

/** What registers hold. */
export function registersOf(store: ObjectStore): Registers {
  return (id) => {
    const content = store.find(id)?.content;
    return content?.kind === "pcr" ? content.value : undefined;
  };
}

/** The identifier that tells a part from all others. */
export function uniqueIdIn(store: ObjectStore): Uint8Array {
  const content = store.find(SE05X_OBJECT.uniqueId)?.content;
  return content?.kind === "binary" ? content.bytes : new Uint8Array(18);
}

/** What handlers work on, for a chip that was just powered. */
export function newInside(
  { model: name, crypto, entropy, clock, enduranceWrites = ENDURANCE_WRITES }: Se05xChipOptions,
  { settings, objects }: ChipState,
  back: Pick<Se05xInside, "keep" | "passOn">,
): Se05xInside {
  const model = SE05X_MODELS[name];
  const store = new ObjectStore({ model, enduranceWrites }, settings, objects);
  const passing: Se05xInside["passing"] = { isUnlocked: false, restriction: RESTRICTION.none };
  const restriction = () => Math.max(store.settings.restriction, passing.restriction);
  const inside: Se05xInside = {
    model,
    store,
    sessions: { open: new Map(), current: undefined },
    platform: { selected: "application", proposed: undefined, channel: undefined },
    passing,
    curves: crypto.curves,
    edwards: crypto.edwards,
    montgomery: crypto.montgomery,
    rsa: crypto.rsa,
    hash: crypto.hash,
    aes: crypto.aes,
    arithmetic: crypto.arithmetic,
    running: new Map(),
    entropy,
    clock,
    time: keepTime(clock.now()),
    command: { cla: 0, ins: 0, p1: 0, p2: 0, data: new Uint8Array(0) },
    caller: NOBODY,
    tlsRandom: undefined,
    demand(id: number, right: Right) {
      const object = store.present(id);
      demandRight(object, inside.caller, right, registersOf(store));
      if (object.content.kind === "shell" && !OF_SHELLS.has(right))
        throw refuse(0x6985, `the value of ${hexId(id)} went with power`);
      if (!isToCome(object.content) || OF_SHELLS.has(right)) return object;
      return broughtForth(store, object, { ...crypto, model, uniqueId: uniqueIdIn(store) });
    },
    demandFeature(bit) {
      if ((store.settings.features & bit) === 0) throw refuse(0x6985, `feature ${bit.toString(16)} is turned off`);
    },
    demandMaking() {
      if (restriction() !== RESTRICTION.none) throw refuse(0x6986, "new objects are forbidden");
    },
    demandChanging() {
      if (restriction() === RESTRICTION.all) throw refuse(0x6986, "changing objects is forbidden");
    },
    ...back,
  };
  return inside;
}
