import { decodeResponse } from "../apdu/index.ts";
import { nodeBlockCipher } from "../apdu/node.ts";
import { toHex } from "../codec/index.ts";
import { nodeEntropy } from "../crypto/node.ts";
import { openSecureChannel, putChannelKeys } from "../host/a71ch/index.ts";
import { toolError } from "./a71ch-errors.ts";
import { readChannelKeys } from "./a71ch-files.ts";
import { type A71chHandlersOf, done } from "./a71ch-keys.ts";
import { hex16 } from "./a71ch-session.ts";

/** What a transport code is asked and given for. A71CH APDU table */
const TRANSPORT_CHALLENGE = 0;

/** Commands for the chip as a whole: raw commands, debug mode, locks, the secure channel. A71CH Configure tool */
export const moduleHandlers: A71chHandlersOf<
  | "apdu"
  | "debug reset"
  | "debug permanently_disable_debug"
  | "lock inject_plain"
  | "transport lock"
  | "transport unlock"
  | "scp put"
  | "scp auth"
  | "scp clear_host"
> = {
  apdu: async (tool, { command, expected }) => {
    const response = await tool.chip.transmit(command);
    const { sw } = decodeResponse(response);
    done(
      tool,
      { command: toHex(command), response: toHex(response) },
      `cmd: ${toHex(command)}\nrsp: ${toHex(response)}`,
    );
    if (sw !== expected) throw toolError("tool-failed", `status word ${hex16(sw)}, not ${hex16(expected)}`);
  },
  "debug reset": async (tool) => {
    await tool.chip.send("debugReset", {});
    // The chip has forgotten the channel's keys.
    tool.channel(undefined);
    done(tool, {}, "reset the chip: keys, objects, locks and channel keys are gone");
  },
  "debug permanently_disable_debug": async (tool) => {
    await tool.chip.send("endDebugMode", {});
    done(tool, {}, "ended debug mode for good: this chip can never be reset again");
  },
  "lock inject_plain": async (tool) => {
    await tool.chip.send("lockInjection", {});
    done(tool, {}, "locked injection: keys come in wrapped from now on, and change by code only");
  },
  "transport lock": async (tool) => {
    await tool.chip.send("lockTransport", {});
    done(tool, {}, "locked the chip for transport: configuration key 0 unlocks it, once and for all");
  },
  "transport unlock": async (tool, { transportKey }) => {
    const { challenge } = await tool.chip.send("readChallenge", { kind: TRANSPORT_CHALLENGE });
    await tool.chip.send("unlockTransport", { code: nodeBlockCipher.decrypt(transportKey, challenge) });
    done(tool, {}, "unlocked the chip: it cannot be locked for transport again");
  },
  "scp put": async (tool, { keyVersion, channelKeyFile }) => {
    const keys = readChannelKeys(channelKeyFile);
    const presentDek = tool.channelDek;
    const version = keyVersion[0] ?? 0;
    await putChannelKeys(tool.chip, {
      keys,
      aes: nodeBlockCipher,
      keyVersion: version,
      ...(presentDek ? { presentDek } : {}),
    });
    done(tool, { keyVersion: version }, "set the keys of the secure channel; they are not shown");
  },
  // The version is taken and not used, as by the original tool: the chip has one key set, with a number of its own.
  "scp auth": async (tool, { channelKeyFile }) => {
    const keys = readChannelKeys(channelKeyFile);
    tool.channel(undefined);
    try {
      await openSecureChannel(tool.chip, { keys, aes: nodeBlockCipher, entropy: nodeEntropy });
    } catch (error) {
      // Whoever types commands sees this and decides; the original tool goes on in the clear too.
      tool.channel(undefined);
      throw error;
    }
    tool.channel(keys.dek);
    done(tool, {}, "opened a secure channel; the chip answers only inside one from now on");
  },
  "scp clear_host": async (tool) => {
    tool.channel(undefined);
    done(tool, {}, "forgot the secure channel on this side; the chip still has its own");
  },
};
