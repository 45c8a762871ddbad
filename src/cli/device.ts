import { setTimeout } from "node:timers/promises";

import { InvalidArgumentError, type Command } from "commander";

import { UsageError, utf8Bytes } from "../codec/index.ts";
import { withCaChipOptions } from "./chip-access.ts";
import { checkInit, initDevice, type InitOptions } from "./device-init.ts";
import { withChip, withChipOptions, withCloudOptions, withDevice, type CloudOptions } from "./device-options.ts";
import { registerTokenCommand } from "./device-token.ts";
import type { CliErrorCode } from "./errors.ts";
import { registerReadyCommand } from "./device-ready.ts";
import { aborted, interruptible } from "./interrupt.ts";
import { examples, numberOption, outputOf, type Output } from "./output.ts";

const HERE = "--chip 127.0.0.1:8050";
const THERE = "--cloud localhost:8883 --cafile cloud/tls/root.pem";

/** `hawser device init|ready|connect|publish|token`: a device whose private key is in a chip. */
export function registerDeviceCommands(program: Command): void {
  const device = program.command("device").description("a device whose private key is in a chip");
  registerInit(device);
  registerReadyCommand(device);
  registerConnect(device);
  registerPublish(device);
  registerTokenCommand(device);
  registerAbsentChip(device);
}

/** A script of AN-7648 that needs a chip which is not here: it says so by its name. AN-7648, "Provision the Device" */
function registerAbsentChip(device: Command): void {
  device
    .command("init-tls-iot", { hidden: true })
    .allowUnknownOption()
    .allowExcessArguments()
    .action(() => {
      throw new UsageError<CliErrorCode>("chip-absent", "init_tls_iot is for a MAXQ1065, which is absent");
    });
}

function registerInit(device: Command): void {
  withCaChipOptions(withChipOptions(device.command("init")))
    .description("give a chip its key pair and its certificate")
    .option("--generate", "make the key pair in the chip")
    .option("--inject <key.pem>", "put this P-256 key pair into the chip")
    .option("--subject <name>", "subject of the certificate; CN=<unique id of the chip> by default")
    .option("--ca-dir <directory>", "have this CA issue the certificate (hawser ca init made it)")
    .option("--ca <label>", "which of its CAs; the only intermediate by default")
    .option("--passphrase-file <file>", "passphrase of the CA's key")
    .option("--days <number>", "how long the certificate shall be valid", numberOption(1, 36_500), 3650)
    .option("--csr-out <file>", "write the request and stop; go on with --certificate when a CA has issued")
    .option("--certificate <file>", "store this certificate, and the issuer's where it follows in the file")
    .option("--certificate-out <file>", "also write the certificates that were stored, the device's first")
    .addHelpText(
      "after",
      examples(
        `hawser device init ${HERE} --generate --ca-dir ./ca`,
        `hawser device init ${HERE} --generate --csr-out device.csr`,
        `hawser device init ${HERE} --certificate device-chain.pem`,
        `hawser device init ${HERE} --inject deviceKey.key --ca-dir ./ca`,
      ),
    )
    .action(async (options: InitOptions, command: Command) => {
      checkInit(options);
      const output = outputOf(command);
      await withChip(options, async (element, trace) => initDevice(options, { element, trace, output }));
    });
}

function registerConnect(device: Command): void {
  withCloudOptions(device.command("connect"))
    .description("connect to the cloud, however often it takes, and stay until interrupted")
    .option("--once", "say goodbye as soon as the cloud has accepted the device")
    .addHelpText("after", examples(`hawser device connect ${HERE} ${THERE}`))
    .action(async (options: CloudOptions & { once?: true }, command: Command) => {
      const output = outputOf(command);
      await interruptible(async (signal) =>
        withDevice(options, { output, signal }, async () => (options.once ? undefined : aborted(signal))),
      );
    });
}

type PublishOptions = CloudOptions & {
  readonly topic: string;
  readonly message: string;
  readonly count: number;
  readonly interval: number;
};

function registerPublish(device: Command): void {
  withCloudOptions(device.command("publish"))
    .description("connect and publish at QoS 1, each message until the cloud has acknowledged it")
    .requiredOption("--topic <topic>", "where to; {clientId} stands for the client id", topicOption)
    .requiredOption("--message <text>", "what to say; {n} stands for the message's number, from 1")
    .option("--count <number>", "how many messages", numberOption(1), 1)
    .option("--interval <ms>", "pause between messages", numberOption(0), 0)
    .addHelpText(
      "after",
      examples(
        `hawser device publish ${HERE} ${THERE} \\`,
        `    --topic 'sensors/{clientId}' --message '{"reading":{n}}' --count 10 --interval 200`,
      ),
    )
    .action(async (options: PublishOptions, command: Command) => {
      const output = outputOf(command);
      await interruptible(async (signal) => publish(options, { output, signal }));
    });
}

/** A topic to publish to is a name, not a filter. MQTT 3.1.1, section 4.7.1 */
function topicOption(value: string): string {
  if (value === "" || /[+#\0]/.test(value)) {
    throw new InvalidArgumentError("a topic has at least one character, and none of +, # and NUL.");
  }
  return value;
}

async function publish(
  options: PublishOptions,
  tools: { readonly output: Output; readonly signal: AbortSignal },
): Promise<void> {
  const { count, interval } = options;
  const { output, signal } = tools;
  await withDevice(options, tools, async (device, clientId) => {
    const topic = options.topic.replaceAll("{clientId}", clientId);
    for (let n = 1; n <= count; n++) {
      if (n > 1) await setTimeout(interval, undefined, { signal });
      await device.publish(topic, utf8Bytes(options.message.replaceAll("{n}", String(n))));
      output.line({ event: "acknowledged", topic, n }, `acknowledged ${n} of ${count} on ${topic}`);
    }
  });
  output.line({ event: "done", acknowledged: count }, `done: ${count} acknowledged`);
}
