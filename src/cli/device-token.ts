import type { Command } from "commander";

import { deviceIdentity, deviceToken } from "../agent/index.ts";
import { nodeClock } from "../crypto/node.ts";
import { withChip, withChipOptions, type ChipOptions } from "./device-options.ts";
import { examples, numberOption, outputOf } from "./output.ts";

type TokenOptions = ChipOptions & {
  readonly registry: string;
  readonly lifetime: number;
  readonly sendCertificate?: true;
  readonly nonce?: string;
};

/** `hawser device token`: a JSON Web Token signed in the chip, for clouds where it stands for a client certificate. */
export function registerTokenCommand(device: Command): void {
  withChipOptions(device.command("token"))
    .description("a JSON Web Token that the chip's key signs: the MQTT password, or HTTP bearer credential, of AN-7648")
    .requiredOption("--registry <name>", "the device registry that the token is for (its aud)")
    .option("--lifetime <seconds>", "how long it is good for, at most a day", numberOption(1, 86_400), 3600)
    .option("--send-certificate", "put the device's certificate into it, for registries that register by it")
    .option("--nonce <text>", "the challenge that it answers")
    .addHelpText(
      "after",
      examples(
        "hawser device token --chip 127.0.0.1:8050 --registry sensors",
        'mosquitto_pub -u unused -P "$(hawser device token --chip 127.0.0.1:8050 --registry sensors)" …',
      ),
    )
    .action(async (options: TokenOptions, command: Command) => {
      const { registry: audience, lifetime: lifetimeS, sendCertificate: sendsCertificate = false, nonce } = options;
      await withChip(options, async (element) => {
        const order = { audience, lifetimeS, sendsCertificate, now: nodeClock.now(), ...(nonce && { nonce }) };
        const token = await deviceToken(await deviceIdentity(element, options.slot), order);
        outputOf(command).line({ event: "token", token }, token);
      });
    });
}
