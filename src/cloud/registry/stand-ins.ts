import { utf8Bytes } from "../../codec/index.ts";
import { certificateId } from "../../pki/index.ts";
import type { Registry } from "./registry.ts";

/**
 * Whether a text stands for a certificate without being one, and the registry was told to take such texts: test suites of
 * others register "ca_certificate". Nobody can present it, since it has no key. Never true without the option.
 */
export function isStandIn({ relaxedCertificates }: Pick<Registry, "relaxedCertificates">, pem: string): boolean {
  return relaxedCertificates && isNoCertificate(pem);
}

/** Whether a stored text was registered as a stand-in; it is told apart from PEM by having no boundary at all. */
export function isNoCertificate(pem: string): boolean {
  return !pem.includes("-----BEGIN ");
}

/** The id of a stand-in: lower-case hex SHA-256 of its text, as a certificate's id is that of its DER. */
export function standInId(text: string): string {
  return certificateId(utf8Bytes(text));
}
