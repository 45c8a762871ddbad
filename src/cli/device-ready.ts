import type { Command } from "commander";

import { AGENT_ERRORS, readiness } from "../agent/index.ts";
import { toHex } from "../codec/index.ts";
import { type ChipOptions, rootsIn, withChip, withChipOptions } from "./device-options.ts";
import { examples, type Output, outputOf } from "./output.ts";

type ReadyOptions = ChipOptions & { readonly cafile?: string };

/** `hawser device ready`: whether a device may go into operation, and what it lacks. AN13501, figure 4 */
export function registerReadyCommand(device: Command): void {
  withChipOptions(device.command("ready"))
    .description("whether a device holds what operation takes: key pair, device certificate, CA certificate")
    .option("--cafile <file>", "the CA certificate that the device keeps outside its chip, PEM")
    .addHelpText("after", examples("hawser device ready --chip 127.0.0.1:8050 --cafile cloud/tls/root.pem"))
    .action(async (options: ReadyOptions, command: Command) => ready(options, outputOf(command)));
}

async function ready(options: ReadyOptions, output: Output): Promise<void> {
  const anchors = options.cafile === undefined ? [] : rootsIn(options.cafile).anchors;
  const { signer, certificate, caCertificates, lacks } = await withChip(options, (element) =>
    readiness(element, options.slot, anchors),
  );
  const lines = [
    `key pair: ${signer ? toHex(signer.publicKey) : "missing"}`,
    `device certificate: ${certificate ? certificate.subject.text : "missing"}`,
    `CA certificate: ${caCertificates.map(({ subject }) => subject.text).join("; ") || "missing"}`,
    ...lacks.map(({ code, message }) => `lacks: ${message}\n  cure: ${AGENT_ERRORS[code].cure}`),
    lacks.length === 0 ? "the device is ready for operation" : "the device is not admitted to operation",
  ];
  output.line(
    {
      event: "ready",
      isReady: lacks.length === 0,
      keyPair: signer ? toHex(signer.publicKey) : null,
      certificate: certificate?.id ?? null,
      caCertificates: caCertificates.map(({ id }) => id),
      lacks: lacks.map(({ code, message }) => ({ code, message, cure: AGENT_ERRORS[code].cure })),
    },
    lines.join("\n"),
  );
  if (lacks.length > 0) process.exitCode = 1;
}
