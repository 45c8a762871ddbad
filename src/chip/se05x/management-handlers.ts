import { Writer } from "../../codec/index.ts";
import type { Se05xHandlers, Se05xInside } from "./handlers.ts";
import { refuse } from "./refuse.ts";

type ManagementCommand = "getVersion" | "getTimestamp" | "getFreeMemory" | "random" | "readState";

/** What one answer to a host with the smaller buffer holds. SE05x coding rules */
const MAX_RANDOM = 0x300;
/** The most that a free memory answer tells: "this much or more". SE05x command table, tier a */
const MUCH_FREE = 0x7fff;

/** The chip as a whole. SE05x command table, tier a */
export function managementHandlers(inside: Se05xInside): Pick<Se05xHandlers, ManagementCommand> {
  const { model, store, entropy, clock } = inside;
  const { appletVersion, features, secureBoxVersion } = model;
  return {
    getVersion: () => ({ info: { appletVersion, features, secureBoxVersion } }),
    // Not locked, creation of objects not restricted, platform secure channel not demanded: nothing here changes that.
    readState: () => ({ state: Uint8Array.of(0x00, 0x00, 0x02) }),
    getTimestamp() {
      const ms = BigInt(Math.max(0, Math.floor(clock.now() - inside.poweredAt)));
      return { timestamp: new Writer(12).u32(0).u64(ms).finish() };
    },
    getFreeMemory({ memory }) {
      if (memory < 1 || memory > 3) throw refuse(0x6a80, `there is no memory ${memory}`);
      return { bytes: Math.min(MUCH_FREE, store.freeOfKind(memory)) };
    },
    random({ length }) {
      if (length < 1 || length > MAX_RANDOM) throw refuse(0x6a80, `${length} random bytes`);
      return { bytes: entropy.bytes(length) };
    },
  };
}
