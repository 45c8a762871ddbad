import { readFileSync, writeFileSync } from "node:fs";

import { prepareKey, requestCertificate, storeCertificates, type KeyOrigin } from "../agent/index.ts";
import { keyPairFromPem } from "../agent/node.ts";
import { toHex } from "../codec/index.ts";
import type { Signer } from "../crypto/index.ts";
import { nodeClock } from "../crypto/node.ts";
import type { A71ch } from "../host/a71ch/index.ts";
import type { Se05x } from "../host/se05x/index.ts";
import { certificatesFromPem, certificateToPem, csrToPem, nameFromText, type Certificate } from "../pki/index.ts";
import type { Trace } from "../trace/index.ts";
import { withCa, type CaOptions } from "./ca-directory.ts";
import type { ChipOptions } from "./device-options.ts";
import { badOption } from "./errors.ts";
import type { Output } from "./output.ts";

export type InitOptions = ChipOptions & {
  readonly generate?: true;
  readonly inject?: string;
  readonly subject?: string;
  readonly csrOut?: string;
  readonly certificate?: string;
  readonly certificateOut?: string;
  readonly days: number;
} & Partial<CaOptions>;

/** What a step of `hawser device init` works with. */
export type InitTools = { readonly element: A71ch | Se05x; readonly trace: Trace; readonly output: Output };

/** Throws `bad-option` for options that contradict each other. */
export function checkInit({ generate, inject, csrOut, certificate, caDir }: InitOptions): void {
  if (generate && inject !== undefined) throw badOption("--generate and --inject exclude each other");
  const ways = [csrOut, certificate, caDir].filter((way) => way !== undefined).length;
  if (ways !== 1) throw badOption("one of --ca-dir, --csr-out and --certificate is needed");
  if (certificate !== undefined && (generate || inject !== undefined)) {
    throw badOption("--certificate stores a certificate for the key pair that is there already");
  }
}

/** `hawser device init`: key pair, request signed in the chip, certificates into the chip's storage. */
export async function initDevice(options: InitOptions, tools: InitTools): Promise<void> {
  if (options.certificate !== undefined) {
    const [device, issuer] = certificatesFromPem(readFileSync(options.certificate, "utf8"));
    if (!device) throw badOption(`--certificate ${options.certificate} holds no certificate`);
    return store(options, tools, issuer ? { device, issuer } : { device });
  }
  const signer = await keyOf(options, tools);
  const csr = await request(options, tools, signer);
  if (options.csrOut !== undefined) {
    writeFileSync(options.csrOut, csrToPem(csr));
    tools.output.line({ event: "request-written", file: options.csrOut }, `wrote the request to ${options.csrOut}`);
    return;
  }
  await store(options, tools, await issue(options, tools, csr));
}

/** Has the CA directory's issuer certify the request, for as long as asked for and as the issuer itself lasts. */
async function issue(
  { caDir = "", days, ...options }: InitOptions,
  { element, trace, output }: InitTools,
  csr: Uint8Array,
) {
  const opened = { address: options.chip, element };
  return withCa({ caDir, ...options, opened }, trace, async ({ authority, issuer }) => {
    const notBefore = nodeClock.now() - 3_600_000;
    const notAfter = Math.min(notBefore + days * 86_400_000, issuer.certificate.validity.notAfter);
    const device = await authority.issue({
      issuer: issuer.label,
      profile: "device",
      applicant: { csr },
      validity: { notBefore, notAfter },
    });
    output.line(
      { event: "issued", certificateId: device.id, subject: device.subject.text, ca: issuer.label },
      `${issuer.label} issued the certificate of ${device.subject.text}`,
    );
    return { device, issuer: issuer.certificate };
  });
}

async function keyOf(options: InitOptions, { element, output }: InitTools): Promise<Signer> {
  const origin = originOf(options);
  const signer = await prepareKey(element, options.slot, origin);
  const slot = `key slot ${options.slot}`;
  const text = {
    generated: `generated a key pair in ${slot}; its private half never leaves the chip`,
    injected: `injected ${options.inject ?? ""} into ${slot}; the file still holds the private key`,
    kept: `using the key pair in ${slot}`,
  };
  output.line(
    { event: "key", slot: options.slot, origin: origin.from, publicKey: toHex(signer.publicKey) },
    text[origin.from],
  );
  return signer;
}

function originOf({ generate, inject }: InitOptions): KeyOrigin {
  if (inject !== undefined) return { from: "injected", keyPair: keyPairFromPem(readFileSync(inject, "utf8")) };
  return { from: generate ? "generated" : "kept" };
}

async function request(
  { subject }: InitOptions,
  { element, trace, output }: InitTools,
  signer: Signer,
): Promise<Uint8Array> {
  const name = nameFromText(subject ?? `CN=${element.identity.uniqueId}`);
  const csr = await requestCertificate(signer, { subject: name, trace });
  output.line({ event: "requested", subject: name.text }, `the chip signed a certificate request for ${name.text}`);
  return csr;
}

async function store(
  { slot, certificateOut }: InitOptions,
  { element, output }: InitTools,
  certificates: { readonly device: Certificate; readonly issuer?: Certificate },
): Promise<void> {
  const { device, issuer } = certificates;
  await storeCertificates(element, slot, certificates);
  output.line(
    { event: "stored", certificateId: device.id, subject: device.subject.text, issuer: issuer?.id ?? null },
    `stored the certificate of ${device.subject.text}${issuer ? ` and of ${issuer.subject.text}` : ""} in the chip: ${device.id}`,
  );
  if (certificateOut === undefined) return;
  writeFileSync(certificateOut, [device, ...(issuer ? [issuer] : [])].map(certificateToPem).join(""));
  output.line({ event: "certificate-written", file: certificateOut }, `wrote the chain to ${certificateOut}`);
}
