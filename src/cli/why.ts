import type { Command } from "commander";

import { renderAnswer, type Answer } from "../cloud/why/index.ts";
import { apiAccess, withApiOptions, type ApiOptions } from "./api-access.ts";
import { examples, outputOf } from "./output.ts";

/** `hawser why`: why the cloud refused a device. */
export function registerWhyCommand(program: Command): void {
  withApiOptions(program.command("why"))
    .description("why the cloud refused a device: cause, evidence and cure; without a subject, the latest refusal")
    .argument("[subject]", "device, certificate id, client id or address")
    .addHelpText(
      "after",
      examples(
        "hawser why --data ./cloud",
        "hawser why sensor-7 --data ./cloud",
        "hawser why 127.0.0.1 --data ./cloud",
      ),
    )
    .action(async (subject: string | undefined, options: ApiOptions, command: Command) => {
      const answer = (await apiAccess(options).call("Why", subject === undefined ? {} : { subject })) as unknown;
      outputOf(command).line(answer as Record<string, unknown>, renderAnswer(answer as Answer));
    });
}
