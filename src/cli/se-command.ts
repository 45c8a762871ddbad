import type { Command } from "commander";

import type { A71ch } from "../host/a71ch/index.ts";
import { Se05x } from "../host/se05x/index.ts";
import { correlated, type Trace } from "../trace/index.ts";
import { type AccessOptions, openChipAt, withAccessOptions } from "./chip-access.ts";
import { badOption } from "./errors.ts";
import { examples, outputOf, type Output } from "./output.ts";
import { traceFile } from "./trace-file.ts";

/** What every one of these commands is told: where the chip is, how to get in, and where to write the bus down. */
export type SeOptions = AccessOptions & { readonly chip: string; readonly trace?: string };

/** What a command works with. */
export type SeTools<Options> = {
  readonly element: A71ch | Se05x;
  readonly options: Options;
  readonly output: Output;
  readonly trace: Trace;
};

/**
 * Adds a command to a family: its options come after `--chip`, its work gets the opened chip, which is closed whatever
 * happens.
 */
export function seCommand<Options extends SeOptions>(
  parent: Command,
  name: string,
  command: {
    readonly description: string;
    readonly options?: (command: Command) => Command;
    readonly examples: readonly string[];
    readonly work: (tools: SeTools<Options>) => Promise<void>;
    /** What is done where its options ask for no chip: true where they did. */
    readonly withoutChip?: (tools: Pick<SeTools<Options>, "options" | "output">) => Promise<boolean>;
  },
): void {
  const made = parent.command(name).description(command.description);
  const address = [
    "--chip <address>",
    "HOST:PORT, jrcp2:HOST:PORT, or i2c:BUS (i2c-gp:BUS for T=1') for a part on this machine's bus",
  ] as const;
  if (command.withoutChip) made.option(...address);
  else made.requiredOption(...address);
  const withAccess = withAccessOptions(made).option("--trace <file>", "append every command as JSON Lines");
  (command.options?.(withAccess) ?? withAccess)
    .addHelpText("after", examples(...command.examples))
    .action(async (options: Options, invoked: Command) => {
      if (await command.withoutChip?.({ options, output: outputOf(invoked) })) return;
      const { trace, close } = traceFile(options.trace);
      try {
        const element = await openChipAt(options.chip, options, trace);
        try {
          const told = correlated(trace, { device: element.identity.uniqueId });
          await command.work({ element, options, output: outputOf(invoked), trace: told });
        } finally {
          await element.close();
        }
      } finally {
        close();
      }
    });
}

/** The chip where it is of the SE05x family. Throws `bad-option` where it is not: other chips have no such objects. */
export function demandSe05x(element: A71ch | Se05x, what: string): Se05x {
  if (element instanceof Se05x) return element;
  throw badOption(`${what} is for the SE05x family, and this is an ${element.identity.model}`);
}
