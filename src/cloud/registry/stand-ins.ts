import { utf8Bytes } from "../../codec/index.ts";
import { certificateId } from "../../pki/index.ts";
import { checkPolicyLength, parsePolicyDocument, type PolicyDocument } from "../policy/index.ts";
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

type Relaxed = Pick<Registry, "relaxedCertificates">;

/**
 * The compiled policy document. Where the registry takes stand-ins, a text without statements is a policy that grants
 * nothing. Throws `MalformedPolicy`.
 */
export function policyOf(registry: Relaxed, text: string): PolicyDocument {
  const isNone = isStandInText(registry, text, "Statement");
  return isNone ? { version: "2012-10-17", statements: [], asksOfThing: false } : parsePolicyDocument(text);
}

/** The same for a document that is not kept yet, and has to be as short as the account's limits say. Throws `MalformedPolicy`. */
export function newPolicyOf(registry: Relaxed & Pick<Registry, "limits">, text: string): PolicyDocument {
  checkPolicyLength(text, registry.limits.policyCharacters);
  return policyOf(registry, text);
}

/** Whether a text that should be a JSON document with some member is a plain word, or has none, and the registry was told to take such texts. */
export function isStandInText({ relaxedCertificates }: Relaxed, text: string, member: string): boolean {
  if (!relaxedCertificates) return false;
  return /^\w+$/.test(text) || (/^\{[^{}]*\}$/.test(text.trim()) && !text.includes(`"${member}"`));
}
