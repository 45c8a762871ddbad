import type { Command } from "commander";

import { renderAnswer, why, type Answer } from "../cloud/why/index.ts";
import { apiAccess, hasApi, withApiOptions, type ApiOptions } from "./api-access.ts";
import { cloudEvents, eventsIn } from "./ledger.ts";
import { examples, outputOf } from "./output.ts";

type WhyOptions = ApiOptions & { readonly trace: readonly string[] };

/** More of the cloud's events than these are not read to join them with a device's own. */
const CLOUD_EVENTS = 10_000;

/** `hawser why`: why the cloud refused a device, or the device the cloud. */
export function registerWhyCommand(program: Command): void {
  withApiOptions(program.command("why"))
    .description("why the cloud refused a device: cause, evidence and cure; without a subject, the latest refusal")
    .argument("[subject]", "device, certificate id, client id or address")
    .option("--trace <files...>", "trace files of the device, which knows why it refused the cloud", [])
    .addHelpText(
      "after",
      examples(
        "hawser why --data ./cloud",
        "hawser why sensor-7 --data ./cloud",
        "hawser why 127.0.0.1 --data ./cloud",
        "hawser why --trace device.jsonl",
      ),
    )
    .action(async (subject: string | undefined, options: WhyOptions, command: Command) => {
      const answer = await answerFor(subject, options);
      outputOf(command).line(answer, renderAnswer(answer));
    });
}

async function answerFor(subject: string | undefined, options: WhyOptions): Promise<Answer> {
  const { trace } = options;
  if (trace.length === 0) {
    return apiAccess(options).call("Why", subject === undefined ? {} : { subject });
  }
  const cloud = hasApi(options) ? await cloudEvents(options, { limit: CLOUD_EVENTS }) : [];
  return why(subject, [...cloud, ...trace.flatMap(eventsIn)]);
}
