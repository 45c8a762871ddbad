import { resolve } from "node:path";

import type { Command } from "commander";

import { A71CH_COMMAND_SET } from "../apdu/a71ch/index.ts";
import { decodeCommand, decodeExtendedCommand } from "../apdu/index.ts";
import { SE05X_COMMAND_SET } from "../apdu/se05x/index.ts";
import { MemoryInRam, type NonVolatileMemory } from "../chip/index.ts";
import { askControl, type ControlAnswer, SealedFileMemory, type ServeControlOptions } from "../chip/node.ts";
import { fromHex, HawserError } from "../codec/index.ts";
import { badOption } from "./errors.ts";
import { examples, outputOf, type Output } from "./output.ts";

type ControlOptions = { readonly control: string };

/** `hawser chip snapshot|rewind|fork|what-if`: what only a simulated chip can do, over its control socket. */
export function registerRehearsalCommands(chip: Command): void {
  withControl(
    chip,
    "snapshot <name>",
    "keep a simulated chip's present state under a name, sealed as its state file is",
  )
    .addHelpText("after", examples("hawser chip snapshot before-lock --control ./chip.sock"))
    .action(async (name: string, { control }: ControlOptions, command: Command) => {
      const answer = await askControl(control, { do: "snapshot", name });
      tell(outputOf(command), { event: "snapshot", name }, answer, `kept as snapshot ${name}`);
    });
  withControl(chip, "rewind <name>", "set a simulated chip back to a snapshot, locks and counters included")
    .addHelpText("after", examples("hawser chip rewind before-lock --control ./chip.sock"))
    .action(async (name: string, { control }: ControlOptions, command: Command) => {
      const answer = await askControl(control, { do: "rewind", name });
      tell(outputOf(command), { event: "rewind", name }, answer, `set back to snapshot ${name}`);
    });
  withControl(
    chip,
    "fork",
    "copy a simulated chip into a state file of its own, which 'chip serve --state' then serves",
  )
    .requiredOption("--state <file>", "the copy's sealed state file; its key file is made beside it")
    .option("--snapshot <name>", "copy this snapshot in place of the present state")
    .addHelpText("after", examples("hawser chip fork --control ./chip.sock --state rehearsal.chip"))
    .action(
      async ({ control, state, snapshot }: ControlOptions & { state: string; snapshot?: string }, command: Command) => {
        // The simulator writes the file, and may run in another folder.
        const file = resolve(state);
        const request = { do: "fork" as const, file, ...(snapshot === undefined ? {} : { name: snapshot }) };
        tell(outputOf(command), { event: "fork", file }, await askControl(control, request), `copied into ${file}`);
      },
    );
  withControl(chip, "what-if <commands...>", "run commands (hex) on a copy and say what would become impossible")
    .addHelpText("after", examples("hawser chip what-if 809300DD00 --control ./chip.sock"))
    .action(async (commands: readonly string[], { control }: ControlOptions, command: Command) => {
      commands.forEach(checkHex);
      tellRehearsal(outputOf(command), commands, await askControl(control, { do: "what-if", commands }));
    });
}

/** Where `hawser chip serve` keeps snapshots: sealed files beside the state file, or memory where there is none. */
export function snapshotPlaces(files: {
  readonly state?: string;
  readonly stateKey?: string;
}): Pick<ServeControlOptions, "snapshot" | "forkTo"> {
  const { state, stateKey } = files;
  const inRam = new Map<string, NonVolatileMemory>();
  return {
    snapshot(name) {
      if (state !== undefined) {
        return new SealedFileMemory({ file: `${state}.snapshot-${name}`, keyFile: stateKey ?? `${state}.key` });
      }
      const memory = inRam.get(name) ?? new MemoryInRam();
      inRam.set(name, memory);
      return memory;
    },
    forkTo: (file) => new SealedFileMemory({ file }),
  };
}

function withControl(chip: Command, name: string, description: string): Command {
  return chip
    .command(name)
    .description(`${description}; simulated chips only`)
    .requiredOption("--control <path>", "the simulator's control socket (hawser chip serve --control)");
}

function tell(output: Output, fields: object, { uniqueId, facts }: ControlAnswer, text: string): void {
  output.line({ ...fields, simulated: true, uniqueId, facts }, `simulated chip ${uniqueId}: ${text}`);
}

function tellRehearsal(
  output: Output,
  commands: readonly string[],
  { uniqueId, facts, rehearsed = [] }: ControlAnswer,
): void {
  rehearsed.forEach(({ statusWord, impossible, onceCarriedOut = [], changes }, i) => {
    const name = nameOf(commands[i] ?? "", facts);
    const word = statusWord.toString(16).padStart(4, "0");
    const lines = [
      `simulated chip ${uniqueId}: ${name} would answer ${word}`,
      ...Object.entries(changes).map(([what, { before, after }]) => `  ${what}: ${before} -> ${after}`),
      ...impossible.map((each) => `  impossible from then on: ${each.impossible}; undone by ${each.undoneBy}`),
      ...onceCarriedOut.map(
        (each) => `  impossible once it is carried out: ${each.impossible}; undone by ${each.undoneBy}`,
      ),
    ];
    output.line(
      {
        event: "what-if",
        simulated: true,
        uniqueId,
        command: name,
        statusWord: word,
        changes,
        impossible,
        ...(onceCarriedOut.length > 0 ? { onceCarriedOut } : {}),
      },
      lines.join("\n"),
    );
  });
}

function checkHex(text: string): void {
  try {
    fromHex(text);
  } catch (cause) {
    throw cause instanceof HawserError ? badOption("commands are given as hex digits, two a byte") : cause;
  }
}

/** A command's name in its table; its bytes may hold a key, so they are not repeated. */
function nameOf(hex: string, facts: ControlAnswer["facts"]): string {
  try {
    // The families name other things in their state, and use the same instructions for other commands.
    if (!("debug mode" in facts)) return SE05X_COMMAND_SET.recognise(decodeExtendedCommand(fromHex(hex))).row.name;
    return A71CH_COMMAND_SET.recognise(decodeCommand(fromHex(hex))).row.name;
  } catch (error) {
    if (error instanceof HawserError) return "an unknown command";
    throw error;
  }
}
