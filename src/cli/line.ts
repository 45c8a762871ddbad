import { Option, type Command } from "commander";

import { LINE_MODELS, type LineModelName } from "../provisioning/line/index.ts";
import { SE05X_MODELS } from "../chip/se05x/index.ts";
import { withAccessOptions, withCaChipOptions } from "./chip-access.ts";
import { withApiOptions } from "./api-access.ts";
import { exportBirths, type BirthsOptions, trustBirths, type TrustOptions } from "./line-births.ts";
import { runLineCommand, type LineRunOptions } from "./line-run.ts";
import { examples, numberOption, outputOf } from "./output.ts";

/** `hawser line run|births|trust`: parts made ready by the hundred, and their records handed to a cloud. */
export function registerLineCommands(program: Command): void {
  const line = program.command("line").description("a provisioning line: parts get their keys and certificates");
  registerRun(line);
  registerBirths(line);
  registerTrust(line);
}

function registerRun(line: Command): void {
  const models = Object.entries(LINE_MODELS).map(([name, { title }]) => `${name} (${title})`);
  withCaChipOptions(withAccessOptions(line.command("run")))
    .description("make parts ready, one after the other; a run that was cut goes on with --resume")
    .addOption(
      new Option("--model <model>", `who provisions: ${models.join("; ")}`)
        .choices(Object.keys(LINE_MODELS) as LineModelName[])
        .makeOptionMandatory(),
    )
    .option("--count <number>", "how many parts", numberOption(1, 1_000_000))
    .addOption(
      new Option("--chip-model <model>", "which parts")
        .choices(["a71ch", ...Object.keys(SE05X_MODELS)])
        .default("a5000"),
    )
    .addOption(
      new Option("--born-keys <kinds>", "preconfigured: which keys count; RSA keys take a simulated part some seconds")
        .choices(["ec", "ec+rsa"])
        .default("ec"),
    )
    .option("--chip <host:port>", "a part in a socket of yours, in place of simulated ones; may be repeated", repeated)
    .option("--out <directory>", "journal, report, birth records, and the states of simulated parts", "line")
    .option("--ca-dir <directory>", "the CA that issues; OUT/ca by default, made where it is missing")
    .option("--ca <label>", "which of its CAs; the model's own intermediate by default")
    .option("--passphrase-file <file>", "passphrase of the CA's keys: the first line of this file")
    .option("--days <number>", "how long the certificates shall be valid", numberOption(1, 36_500), 3650)
    .option("--subject <name>", "subject; {uniqueId} and {part} stand for the part's", "CN={uniqueId}")
    .option("--stations <number>", "parts that are worked on at a time", numberOption(1, 64), 1)
    .option("--resume", "go on with a run that was cut, and try refused parts again")
    .option("--trace <file>", "append what is signed, and what is refused, as JSON Lines")
    .addHelpText(
      "after",
      examples(
        "hawser line run --model oem --count 100 --ca-dir ./ca --out line",
        "hawser line run --model preconfigured --count 10 --chip-model se051 --out parts",
        "hawser line run --model preconfigured --count 1 --chip-model se050 --born-keys ec+rsa --out parts",
        "hawser line run --model distributor --chip 127.0.0.1:8050 --chip 127.0.0.1:8051",
        "hawser line run --model oem --count 100 --ca-dir ./ca --out line --resume",
      ),
    )
    .action(async (options: LineRunOptions, command: Command) => runLineCommand(options, outputOf(command)));
}

function registerBirths(line: Command): void {
  line
    .command("births")
    .description("the records of a line's parts, for whoever shall trust them")
    .option("--dir <directory>", "the line's --out", "line")
    .option("--out <file>", "write them there; standard output otherwise")
    .addHelpText("after", examples("hawser line births --dir line --out births.json"))
    .action(async (options: BirthsOptions, command: Command) => exportBirths(options, outputOf(command)));
}

function registerTrust(line: Command): void {
  withApiOptions(line.command("trust").argument("<births.json>"))
    .description("verify a batch of birth records and register its certificates with a cloud, ACTIVE")
    .requiredOption("--root <file>", "PEM of the root that the batch must verify under, from a source that you trust")
    .option("--identity <name>", "which of each part's identities, such as gateway or device-rsa2048", "device")
    .option("--policy-name <name>", "the policy that the devices get, made where it is missing", "hawser-device")
    .addHelpText("after", examples("hawser line trust births.json --root maker-root.pem --data ./cloud"))
    .action(async (file: string, options: TrustOptions, command: Command) =>
      trustBirths(file, options, outputOf(command)),
    );
}

function repeated(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
