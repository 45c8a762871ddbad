import { readFileSync, writeFileSync } from "node:fs";

import { NotFound } from "../codec/index.ts";
import type { CaErrorCode, CertificateAuthority } from "../pki/ca/index.ts";
import { DirectoryCaStore } from "../pki/ca/node.ts";
import { certificateFromPem, crlToPem, sameName, type Certificate, type RevocationReason } from "../pki/index.ts";
import { silentTrace } from "../trace/index.ts";
import { withAuthority, withCa, type CaOptions } from "./ca-directory.ts";
import { badOption } from "./errors.ts";
import type { Output } from "./output.ts";
import { traceFile } from "./trace-file.ts";

export type RevokeOptions = {
  readonly dir: string;
  readonly ca?: string;
  readonly serial?: string;
  readonly certificate?: string;
  readonly reason: RevocationReason;
};

export type CrlOptions = Omit<CaOptions, "caDir"> & {
  readonly dir: string;
  readonly days: number;
  readonly out?: string;
  readonly trace?: string;
};

/** `hawser ca revoke`: records that a certificate must not be trusted any more. */
export async function revokeCertificate(options: RevokeOptions, output: Output): Promise<void> {
  const { dir, serial, certificate: file, reason } = options;
  if ((serial === undefined) === (file === undefined)) throw badOption("one of --serial and --certificate is needed");
  const store = await DirectoryCaStore.open(dir);
  await withAuthority({ options: { caDir: dir }, trace: silentTrace, store }, async (authority) => {
    const wanted = file === undefined ? undefined : certificateFromPem(readFileSync(file, "utf8"));
    const serialNumber = wanted?.serialNumber ?? serialOf(serial ?? "");
    const label = await issuerOf(authority, options, serialNumber, wanted);
    const { id: certificateId, subject } = await authority.revoke(label, serialNumber, reason);
    output.line(
      { event: "revoked", ca: label, serial: serialNumber, certificateId, subject: subject.text, reason },
      `revoked the certificate of ${subject.text} (${reason}); hawser ca crl --ca ${label} publishes it`,
    );
  });
}

/** `hawser ca crl`: the list of what an issuer has revoked, under the next number. */
export async function publishCrl(options: CrlOptions, output: Output): Promise<void> {
  const { trace, close } = traceFile(options.trace);
  try {
    await withCa({ ...options, caDir: options.dir }, trace, async ({ authority, issuer }) => {
      const { der, number } = await authority.crl(issuer.label, options.days * 86_400_000);
      const pem = crlToPem(der);
      if (options.out !== undefined) writeFileSync(options.out, pem);
      const revoked = (await authority.issued(issuer.label)).filter(({ revocation }) => revocation).length;
      output.line(
        {
          event: "crl",
          ca: issuer.label,
          number,
          revoked,
          ...(options.out === undefined ? { pem } : { file: options.out }),
        },
        options.out === undefined
          ? pem.trimEnd()
          : `${issuer.label} signed list ${number}, ${revoked} revoked: ${options.out}`,
      );
    });
  } finally {
    close();
  }
}

/** The issuer that `--ca` names, or the one that issued this serial number. */
async function issuerOf(
  authority: CertificateAuthority,
  { ca, dir }: RevokeOptions,
  serialNumber: string,
  wanted: Certificate | undefined,
): Promise<string> {
  if (ca !== undefined) return ca;
  for (const { label, certificate } of await authority.issuers()) {
    if (wanted && !sameName(certificate.subject, wanted.issuer)) continue;
    const issued = await authority.issued(label);
    const found = issued.some(({ certificate: each }) =>
      wanted ? each.id === wanted.id : each.serialNumber === serialNumber,
    );
    if (found) return label;
  }
  throw new NotFound<CaErrorCode>("certificate-unknown", `no CA in ${dir} has issued ${serialNumber}`);
}

/** Serial numbers as openssl prints them, too: upper case, with colons. */
function serialOf(text: string): string {
  const serial = text.replaceAll(":", "").toLowerCase();
  if (/^([0-9a-f]{2})+$/.test(serial)) return serial;
  throw badOption(`--serial ${JSON.stringify(text)} is not a serial number in hex`);
}
