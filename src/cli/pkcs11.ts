import { readFileSync } from "node:fs";
import { resolve } from "node:path";

import { InvalidArgumentError, type Command } from "commander";

import { nodeClock, nodeHash } from "../crypto/node.ts";
import { checkChipAddress } from "../host/node.ts";
import { type OpenedElement, Token, tokenLabelFits } from "../pkcs11/index.ts";
import { keepPinIn, NamesInFile, serveToken } from "../pkcs11/node.ts";
import type { Trace } from "../trace/index.ts";
import { readChannelKeys } from "./a71ch-files.ts";
import { type AccessOptions, type ChipAccess, openChipWith, readAccess, withAccessOptions } from "./chip-access.ts";
import { badOption } from "./errors.ts";
import { aborted, interruptible } from "./interrupt.ts";
import { examples, outputOf, type Output } from "./output.ts";
import { traceFile } from "./trace-file.ts";

type ServeOptions = AccessOptions & {
  readonly socket: string;
  readonly chip: string;
  readonly channelKeys?: string;
  readonly pinFile?: string;
  readonly label: string;
  readonly names?: string;
  readonly lookFirst?: true;
  readonly trace?: string;
};

/** `hawser pkcs11 serve`: a chip's keys and certificates for every program that speaks PKCS #11. */
export function registerPkcs11Commands(program: Command): void {
  const pkcs11 = program.command("pkcs11").description("let ordinary programs use a chip's key");
  withAccessOptions(pkcs11.command("serve"))
    .description("serve a chip as a PKCS #11 token to p11-kit's client library until interrupted")
    .requiredOption("--socket <path>", "Unix socket to listen on; its directory is made with mode 0700")
    .requiredOption("--chip <host:port>", "where the chip listens; it may come and go")
    .option("--channel-keys <file>", "the same as --scp03, as the Configure tool names its file")
    .option(
      "--pin-file <file>",
      "file with the PIN that programs must give, and may change; without it none is asked for",
    )
    .option("--label <name>", "what programs choose the token by", labelOption, "hawser")
    .option("--names <file>", "keep labels and IDs that programs give in this file; without it they end here")
    .option("--look-first", "before each signature, look whether the slot still holds the key that the program chose")
    .option("--trace <file>", "append every call, and every command to the chip, as JSON Lines")
    .addHelpText(
      "after",
      examples(
        "hawser pkcs11 serve --socket /run/user/1000/hawser/pkcs11 --chip 127.0.0.1:8050",
        "hawser pkcs11 serve --socket /run/hawser/pkcs11 --chip 127.0.0.1:8050 --pin-file pin --label device",
      ),
    )
    .action(async (options: ServeOptions, command: Command) => serve(options, outputOf(command)));
}

async function serve(options: ServeOptions, output: Output): Promise<void> {
  const access = accessOf(options);
  const { trace, close } = traceFile(options.trace);
  const token = new Token({
    open: () => openChip(options.chip, access, trace),
    hash: nodeHash,
    label: options.label,
    ...(options.pinFile === undefined ? {} : { pin: pinIn(options.pinFile), keepPin: keepPinIn(options.pinFile) }),
    ...(options.names === undefined ? {} : { names: new NamesInFile(options.names) }),
    looksFirst: options.lookFirst === true,
    trace,
  });
  try {
    checkChipAddress(options.chip);
    await interruptible(async (signal) => {
      const served = await serveToken({ token, path: resolve(options.socket), clock: nodeClock, trace });
      await tellChip(token, options, output);
      tellHowToUse(served.path, options.label, output);
      await aborted(signal);
      await served.close();
      output.line({ event: "stopped" }, "stopped");
    });
  } finally {
    await token.close();
    close();
  }
}

/** Read once, before anything is reached: a file that cannot be used is no reason to try. */
function accessOf({ channelKeys, ...options }: ServeOptions): ChipAccess {
  return { ...readAccess(options), ...(channelKeys === undefined ? {} : { keys: readChannelKeys(channelKeys) }) };
}

async function openChip(address: string, access: ChipAccess, trace: Trace): Promise<OpenedElement> {
  const element = await openChipWith(address, access, trace);
  return { element, close: () => element.close() };
}

/** A chip that is not there yet is no reason to end: programs see an empty slot until it is. */
async function tellChip(token: Token, { chip }: ServeOptions, output: Output): Promise<void> {
  try {
    const { identity, objects } = await token.contents();
    const count = (kind: string) => objects.filter((each) => each.kind === kind).length;
    const [keys, certificates] = [count("private-key"), count("certificate")];
    const { model, uniqueId } = identity;
    output.line(
      { event: "chip", address: chip, model, uniqueId, keys, certificates },
      `${model} ${uniqueId} at ${chip}: ${keys} key pairs, ${certificates} certificates`,
    );
  } catch (error) {
    output.warn(
      `${error instanceof Error ? error.message : "the chip cannot be reached"}; the slot is empty until then`,
    );
  }
}

function tellHowToUse(path: string, label: string, output: Output): void {
  const address = `unix:path=${path.split("/").map(encodeURIComponent).join("/")}`;
  const module = `remote: ${address}\n`;
  output.line(
    { event: "listening", socket: path, label, serverAddress: address, module },
    `listening on ${path}: token "${label}"`,
  );
  output.note(
    [
      "one program:   paste this, and let it load p11-kit-client.so",
      `  export P11_KIT_SERVER_ADDRESS=${address}`,
      "  pkcs11-tool --module /usr/lib/*/pkcs11/p11-kit-client.so --list-objects",
      "every program: put this line into /etc/pkcs11/modules/hawser.module (or ~/.config/pkcs11/modules/)",
      `  ${module.trimEnd()}`,
      `the key's URI: pkcs11:token=${encodeURIComponent(label)};object=key-0;type=private`,
    ].join("\n"),
  );
}

function pinIn(file: string): string {
  const pin = readFileSync(file, "utf8").replace(/\r?\n$/, "");
  if (pin === "" || Buffer.byteLength(pin) > 255) throw badOption(`--pin-file ${file}: a PIN has 1 to 255 bytes`);
  return pin;
}

function labelOption(value: string): string {
  if (!tokenLabelFits(value)) throw new InvalidArgumentError("a label has 1 to 32 bytes.");
  return value;
}
