import { readFileSync } from "node:fs";

import type { Command } from "commander";

import { certificateFromPem } from "../pki/index.ts";
import { apiAccess, withApiOptions, type ApiOptions } from "./api-access.ts";
import { examples, outputOf } from "./output.ts";

/** `hawser cloud deny|allow|denied|crl`: what takes a certificate's standing away besides its status. */
export function registerRevocationCommands(cloud: Command): void {
  withApiOptions(cloud.command("deny").argument("<certificate>", "certificate id, or a PEM file"))
    .description("refuse a certificate from now on, registered or not; open connections end at once")
    .requiredOption("--reason <text>", "what whoever is refused for it is told")
    .addHelpText("after", examples('hawser cloud deny device.pem --reason "reported stolen" --data ./cloud'))
    .action(async (certificate: string, options: ApiOptions & { readonly reason: string }, command: Command) => {
      const { reason } = options;
      const denied = await apiAccess(options).call("DenyCertificate", { certificateId: idOf(certificate), reason });
      outputOf(command).line({ event: "denied", ...denied }, `${denied.certificateId} is refused: ${reason}`);
    });
  withApiOptions(cloud.command("allow").argument("<certificate>", "certificate id, or a PEM file"))
    .description("take a certificate off the deny-list")
    .addHelpText("after", examples("hawser cloud allow device.pem --data ./cloud"))
    .action(async (certificate: string, options: ApiOptions, command: Command) => {
      const certificateId = idOf(certificate);
      await apiAccess(options).call("AllowCertificate", { certificateId });
      outputOf(command).line({ event: "allowed", certificateId }, `${certificateId} is off the deny-list`);
    });
  withApiOptions(cloud.command("denied"))
    .description("the deny-list")
    .addHelpText("after", examples("hawser cloud denied --data ./cloud"))
    .action(async (options: ApiOptions, command: Command) => {
      const { denied } = await apiAccess(options).call("ListDeniedCertificates", {});
      const output = outputOf(command);
      for (const each of denied) {
        output.line(each, `${each.certificateId}  since ${new Date(each.since).toISOString()}  ${each.reason}`);
      }
      if (denied.length === 0) output.note("the deny-list is empty");
    });
  withApiOptions(cloud.command("crl").argument("<file>", "the list, DER or PEM"))
    .description("put a registered CA's revocation list in force; open connections of those on it end at once")
    .requiredOption("--ca <certificate>", "the CA: certificate id, or a PEM file")
    .addHelpText("after", examples("hawser cloud crl ca.crl --ca intermediate.pem --data ./cloud"))
    .action(async (file: string, options: ApiOptions & { readonly ca: string }, command: Command) => {
      const crl = new Uint8Array(readFileSync(file));
      const caCertificateId = idOf(options.ca);
      const list = await apiAccess(options).call("PutCertificateRevocationList", { caCertificateId, crl });
      const text = `list ${list.number ?? ""} is in force: ${list.revoked} revoked certificates`;
      outputOf(command).line({ event: "crl", ...list }, text);
    });
}

function idOf(certificate: string): string {
  if (/^(0x)?[0-9a-fA-F]{64}$/.test(certificate)) return certificate;
  return certificateFromPem(readFileSync(certificate, "utf8")).id;
}
