import type { Command } from "commander";

import { a71chHelp } from "./a71ch-help.ts";
import { runA71chTool } from "./a71ch-tool.ts";
import { outputOf } from "./output.ts";

/** `hawser a71ch`: the A71CH Configure tool, with its own grammar and exit statuses. AN12131, section 8.6 */
export function registerA71chCommands(program: Command): void {
  program
    .command("a71ch")
    .description("the A71CH Configure tool: keys, certificates, locks and state of a chip behind a JRCP server")
    .argument("[words...]", "[ip:port] [nc] and a command")
    .allowUnknownOption()
    // -h is hex in this grammar.
    .helpOption("--help", "display help for command")
    .addHelpText("after", () => `\n${a71chHelp("hawser a71ch")}\n`)
    .action(async (words: readonly string[], _options: unknown, command: Command) => {
      process.exitCode = await runA71chTool({
        words,
        program: "hawser a71ch",
        output: outputOf(command),
        environmentAddress: process.env.RJCT_SERVER_ADDR,
        input: process.stdin,
      });
    });
}
