import { readFileSync, writeFileSync } from "node:fs";

import { Option, type Command } from "commander";

import {
  certificateFromPem,
  certificateToPem,
  crlToPem,
  parseCertificate,
  REVOCATION_REASONS,
  type RevocationReason,
} from "../pki/index.ts";
import { apiAccess, withApiOptions, type ApiOptions } from "./api-access.ts";
import { examples, outputOf } from "./output.ts";

/** `hawser cloud revoke|deny|allow|denied|crl|issuer`: what takes a certificate's standing away, and who is told. */
export function registerRevocationCommands(cloud: Command): void {
  registerRevoke(cloud);
  registerIssuer(cloud);
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

function registerRevoke(cloud: Command): void {
  withApiOptions(cloud.command("revoke").argument("<certificate>", "certificate id, or a PEM file"))
    .description("make a registered certificate REVOKED; open connections end at once")
    .addOption(
      new Option("--reason <reason>", "what the cloud's own CA tells those who ask (OCSP, CRL)")
        .choices(Object.keys(REVOCATION_REASONS))
        .default("unspecified"),
    )
    .addHelpText("after", examples("hawser cloud revoke device.pem --reason keyCompromise --data ./cloud"))
    .action(
      async (certificate: string, options: ApiOptions & { readonly reason: RevocationReason }, command: Command) => {
        const { reason } = options;
        const certificateId = idOf(certificate);
        await apiAccess(options).call("RevokeCertificate", { certificateId, reason });
        outputOf(command).line({ event: "revoked", certificateId, reason }, `${certificateId} is REVOKED: ${reason}`);
      },
    );
}

type IssuerOptions = ApiOptions & { readonly out?: string; readonly crl?: string };

function registerIssuer(cloud: Command): void {
  withApiOptions(cloud.command("issuer"))
    .description("the CA with which the cloud itself issues device certificates, and what it has revoked")
    .option("--out <file>", "write its certificate there, PEM; standard output otherwise")
    .option("--crl <file>", "write its revocation list there, PEM")
    .addHelpText("after", examples("hawser cloud issuer --data ./cloud --out issuer.pem --crl issuer.crl"))
    .action(async (options: IssuerOptions, command: Command) => {
      const { page, facts } = apiAccess(options);
      const certificate = parseCertificate(await page("/hawser/v1/issuer.crt"));
      const pem = certificateToPem(certificate);
      if (options.out !== undefined) writeFileSync(options.out, pem);
      if (options.crl !== undefined) {
        writeFileSync(options.crl, crlToPem(await page(`/hawser/v1/crl/${certificate.id}.crl`)));
      }
      const ocsp = `${options.api ?? facts.api}/hawser/v1/ocsp`;
      const fields = { event: "issuer", certificateId: certificate.id, subject: certificate.subject.text, ocsp };
      const written = `${certificate.subject.text} written to ${options.out}; its OCSP responder is ${ocsp}`;
      outputOf(command).line({ ...fields, pem }, options.out === undefined ? pem.trimEnd() : written);
    });
}

function idOf(certificate: string): string {
  if (/^(0x)?[0-9a-fA-F]{64}$/.test(certificate)) return certificate;
  return certificateFromPem(readFileSync(certificate, "utf8")).id;
}
