import { readFileSync } from "node:fs";
import { join } from "node:path";

import { Command } from "commander";

import { UsageError } from "../codec/index.ts";
import type { CliErrorCode } from "./errors.ts";
import { examples, reportFailure, surviveClosedPipes } from "./output.ts";
import { keepCompiledCode, requireNode } from "./runtime.ts";

type Register = (program: Command) => void;

const registerLedger = async () => (await import("./ledger.ts")).registerLedgerCommands;

/** Top-level commands and the file that registers each; a file is loaded when its command is typed, or for help. */
const COMMANDS: Readonly<Record<string, () => Promise<Register>>> = {
  a71ch: async () => (await import("./a71ch.ts")).registerA71chCommands,
  aws: async () => (await import("./aws.ts")).registerAwsCommands,
  ca: async () => (await import("./ca.ts")).registerCaCommands,
  chain: async () => (await import("./chain.ts")).registerChainCommands,
  chip: async () => (await import("./chip.ts")).registerChipCommands,
  cloud: async () => (await import("./cloud.ts")).registerCloudCommands,
  device: async () => (await import("./device.ts")).registerDeviceCommands,
  ledger: registerLedger,
  line: async () => (await import("./line.ts")).registerLineCommands,
  logs: async () => (await import("./logs.ts")).registerLogsCommands,
  oem: async () => (await import("./oem.ts")).registerOemCommands,
  pkcs11: async () => (await import("./pkcs11.ts")).registerPkcs11Commands,
  se: async () => (await import("./se.ts")).registerSeCommands,
  rules: async () => (await import("./rules.ts")).registerRulesCommands,
  status: async () => (await import("./status.ts")).registerStatusCommand,
  timeline: registerLedger,
  tls: async () => (await import("./tls.ts")).registerTlsCommands,
  up: async () => (await import("./up.ts")).registerUpCommand,
  why: async () => (await import("./why.ts")).registerWhyCommand,
};

async function main(argv: readonly string[]): Promise<void> {
  surviveClosedPipes();
  try {
    requireNode(process.versions.node);
    if (import.meta.filename.endsWith(".ts")) {
      keepCompiledCode(join(import.meta.dirname, "../../node_modules/.cache/compile"));
    }
    const program = programOf(argv.includes("--json"));
    const typed = argv.find((word) => !word.startsWith("-"));
    const wanted = typed !== undefined && Object.hasOwn(COMMANDS, typed) ? COMMANDS[typed] : undefined;
    if (typed !== undefined && typed !== "help" && !wanted) {
      throw new UsageError<CliErrorCode>("unknown-command", `there is no command '${typed}'`);
    }
    const files = wanted ? [wanted] : asksVersion(argv) ? [] : new Set(Object.values(COMMANDS));
    for (const load of files) (await load())(program);
    await program.parseAsync(argv, { from: "user" });
  } catch (error) {
    process.exitCode = await reportFailure(error, argv.includes("--json"));
  }
}

/** The version alone needs no command's file. */
function asksVersion(argv: readonly string[]): boolean {
  return argv.length > 0 && argv.every((word) => ["-V", "--version"].includes(word));
}

function programOf(json: boolean): Command {
  return (
    new Command("hawser")
      .description("Takes an IoT device from bare secure element to trusted cloud connection.")
      .version(version(), "-V, --version")
      .option("--json", "print one JSON object a line")
      .configureHelp({ showGlobalOptions: true })
      // reportFailure tells what was typed wrongly, in the form of every other failure.
      .configureOutput({ outputError: () => undefined, ...(json ? { writeErr: () => undefined } : {}) })
      .exitOverride()
      .addHelpText("after", examples("hawser up --data ./cloud", "hawser chip serve --port 8050", "hawser up --help"))
  );
}

function version(): string {
  const text = readFileSync(join(import.meta.dirname, "../../package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

await main(process.argv.slice(2));
