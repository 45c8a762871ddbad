import { silentTrace } from "../trace/index.ts";
import type { CertificateAuthority, StoredIssuer } from "../pki/ca/index.ts";
import { DirectoryCaStore } from "../pki/ca/node.ts";
import type { Certificate } from "../pki/index.ts";
import { withAuthority } from "./ca-directory.ts";
import type { Output } from "./output.ts";

export type ListOptions = { readonly dir: string; readonly ca?: string };

/** `hawser ca list`: each CA, and under it each certificate that it issued. */
export async function listCa({ dir, ca }: ListOptions, output: Output): Promise<void> {
  const store = await DirectoryCaStore.open(dir);
  await withAuthority({ options: { caDir: dir }, trace: silentTrace, store }, async (authority) => {
    const issuers = ca === undefined ? await authority.issuers() : [await authority.issuer(ca)];
    if (issuers.length === 0) output.note(`${dir} has no CA yet: hawser ca init makes one`);
    for (const issuer of issuers) await listIssuer(authority, issuer, output);
  });
}

async function listIssuer(authority: CertificateAuthority, issuer: StoredIssuer, output: Output): Promise<void> {
  const { label, parent, certificate, key } = issuer;
  const place = key.in === "chip" ? `key in the chip at ${key.address}, slot ${key.slot}` : "key in the directory";
  output.line(
    {
      kind: "ca",
      label,
      parent: parent ?? null,
      ...factsOf(certificate),
      key: key.in === "chip" ? key : { in: "file" },
    },
    `${label}: ${certificate.subject.text}, ${parent === undefined ? "root" : `under ${parent}`}, until ${dayOf(certificate)}, ${place}`,
  );
  for (const { certificate: issued, revocation } of await authority.issued(label)) {
    const state = revocation
      ? `revoked ${new Date(revocation.time).toISOString().slice(0, 10)}, ${revocation.reason}`
      : `until ${dayOf(issued)}`;
    output.line(
      {
        kind: "certificate",
        ca: label,
        ...factsOf(issued),
        revoked: revocation ? { time: new Date(revocation.time).toISOString(), reason: revocation.reason } : null,
      },
      `  ${issued.serialNumber}  ${issued.subject.text}  ${state}`,
    );
  }
}

function factsOf({ subject, id, serialNumber, validity }: Certificate) {
  return {
    subject: subject.text,
    certificateId: id,
    serial: serialNumber,
    notBefore: new Date(validity.notBefore).toISOString(),
    notAfter: new Date(validity.notAfter).toISOString(),
  };
}

function dayOf({ validity }: Certificate): string {
  return new Date(validity.notAfter).toISOString().slice(0, 10);
}
