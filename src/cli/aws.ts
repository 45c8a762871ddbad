import type { Command } from "commander";

import { apiAccess, withApiOptions, type ApiAccess, type ApiOptions } from "./api-access.ts";
import { awsCall, type AwsCall } from "./aws-input.ts";
import { repairLine } from "./aws-line.ts";
import { examples, outputOf, type Output } from "./output.ts";

/** `hawser aws …`: a line of the AWS CLI as it stands in an application note, repaired and carried out by our own cloud. */
export function registerAwsCommands(program: Command): void {
  withApiOptions(program.command("aws"))
    .description("run a pasted AWS CLI line against this cloud, repairing what a document did to it")
    .argument("[words...]", "what follows aws in the line, or the whole line in one pair of quotes")
    .allowUnknownOption()
    .addHelpText(
      "after",
      `${examples(
        "hawser aws --data ./cloud iot get-registration-code",
        "hawser aws --data ./cloud iot describe-ca-certificate –certificate-id 1f…",
        `hawser aws --data ./cloud 'aws iot update-ca-certificate --certificate-id 1f… --new-autoregistration-status ENABLED'`,
      )}
Every change to the line is told as a warning. Repaired are typographic dashes and quotes, --new-autoregistration-status,
ENABLED and DISABLED, and two commands without a line break between them. file:// and fileb:// read files; --endpoint-url,
--region and --profile are ignored, since the cloud is known. A payload is taken as text. The AWS CLI itself works as well.
`,
    )
    .action(async (words: readonly string[], options: ApiOptions, command: Command) => {
      await runLine(words, () => apiAccess(options), outputOf(command));
    });
}

async function runLine(words: readonly string[], access: () => ApiAccess, output: Output): Promise<void> {
  const { commands, changes } = repairLine(words[0] === "aws" ? words.slice(1) : words);
  for (const change of changes) output.warn(change);
  // All lines are read before any is carried out: a mistake in the second must not leave half done.
  const calls = commands.map((each) => awsCall(each[0] === "aws" ? each.slice(1) : each));
  if (calls.length === 0) awsCall([]);
  const { call } = access();
  for (const { name, input } of calls) await carryOut({ name, input }, call, output);
}

async function carryOut({ name, input }: AwsCall, call: ApiAccess["call"], output: Output): Promise<void> {
  const result: unknown = await call(name, input as never);
  if (result === undefined) {
    output.line({ operation: name, result: null }, `${name}: done`);
    return;
  }
  const plain = JSON.parse(JSON.stringify(result, readable)) as unknown;
  output.line({ operation: name, result: plain }, JSON.stringify(plain, undefined, 4));
}

function readable(_: string, value: unknown): unknown {
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : value;
}
