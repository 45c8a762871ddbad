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

/** The longest answer that `apdu` takes over JRCP v2, with its status word. A71CH Configure tool */
const ANSWER_OVER_JRCP2 = 256;

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
    if (tool.hasChannel)
      tool.output.warn("this command goes out in the clear, beside the secure channel, as in the original tool");
    const response = await tool.inTheClear.transmit(command);
    const { sw } = decodeResponse(response);
    done(
      tool,
      { command: toHex(command), response: toHex(response) },
      `cmd: ${toHex(command)}\nrsp: ${toHex(response)}`,
    );
    if (tool.isJrcp2 && response.length > ANSWER_OVER_JRCP2) {
      throw toolError(
        "tool-failed",
        `the answer has ${response.length} bytes; over JRCP v2 the original tool takes ${ANSWER_OVER_JRCP2}`,
      );
    }
    if (sw !== expected) throw toolError("tool-failed", `status word ${hex16(sw)}, not ${hex16(expected)}`);
  },
  "debug reset": async (tool) => {
    await tool.inTheClear.send("debugReset", {});
    done(tool, {}, "reset the chip: keys, objects, locks and channel keys are gone");
    if (!tool.hasChannel) return;
    tool.channelForgotten();
    tool.output.warn(
      "the chip has forgotten the secure channel, and this tool, like the original, has not: commands end with 1 until 'scp clear_host'",
    );
  },
  "debug permanently_disable_debug": async (tool) => {
    await tool.inTheClear.send("endDebugMode", {});
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
    if (tool.hasChannel && !tool.isChannelForgotten) {
      throw toolError("tool-put-in-channel", "no channel keys were sent: the secure channel is open");
    }
    const [version = 0] = keyVersion;
    // Always in the clear, also while the tool goes on in a channel that the chip has forgotten.
    await putChannelKeys(tool.inTheClear, { keys, aes: nodeBlockCipher, keyVersion: version });
    done(tool, { keyVersion: version }, "set the keys of the secure channel; they are not shown");
  },
  // The version is taken and not used, as by the original tool: the chip has one key set, with a number of its own.
  "scp auth": async (tool, { channelKeyFile }) => {
    const keys = readChannelKeys(channelKeyFile);
    try {
      await openSecureChannel(tool.forChannel, { keys, aes: nodeBlockCipher, entropy: nodeEntropy });
    } catch (error) {
      // Whoever types commands sees this and decides; the original tool goes on in the clear too.
      tool.channelForgotten();
      throw error;
    }
    tool.channelOpened();
    done(tool, {}, "opened a secure channel; the chip answers only inside one from now on");
  },
  "scp clear_host": async (tool) => {
    tool.clearChannel();
    done(tool, {}, "forgot the secure channel on this side; the chip still has its own");
  },
};
