import { Denied } from "../../codec/index.ts";
import type { SignatureVerifier } from "../../crypto/index.ts";
import { keyIdentifiersAgree, nameValues, sameName, signedBy, type Certificate } from "../../pki/index.ts";
import type { CloudErrorCode } from "../errors.ts";
import { checkDates, checkStrength, invalidCertificate } from "./certificate-text.ts";

/**
 * Checks that whoever registers a CA holds its private key: it signed the certificate that holds our code.
 *
 * The verification certificate may be X.509 version 1 without any extension, as old `openssl x509 -req` makes it.
 * AWS IoT Core, "Register your CA certificate"
 *
 * Throws `Denied` `certificate-validation`, with what was expected and what was found. `now` is in milliseconds.
 */
export async function checkSigned(
  { ca, verification, now }: { readonly ca: Certificate; readonly verification: Certificate; readonly now: number },
  verifier: SignatureVerifier,
): Promise<void> {
  checkStrength(verification, "the verification certificate");
  checkDates(verification, "the verification certificate", now);
  if (!(await signedBy(verification, ca, verifier))) throw invalidCertificate(whyNotSigned(verification, ca));
}

/**
 * Checks that the verification certificate is about our code: its common name is exactly the code; what else its subject
 * holds does not matter. Throws `Denied` `registration-code-mismatch`, with the code and the name.
 */
export function checkCode(verification: Certificate, registrationCode: string | undefined): void {
  const names = nameValues(verification.subject, "CommonName");
  if (registrationCode !== undefined && names.length === 1 && names[0] === registrationCode) return;
  const found = names.length === 0 ? "missing" : names.map(shown).join(" and ");
  const expected = registrationCode ?? "not given out yet: call GetRegistrationCode first";
  const message = `Registration code validation failed: the verification certificate's common name is ${found}, the registration code is ${expected}`;
  throw new Denied<CloudErrorCode>("registration-code-mismatch", message);
}

/** Refuses what cannot be a CA. Version 1 certificates cannot say that they are one, and are taken at their word. */
export function checkIsCa(ca: Certificate, now: number): void {
  const what = "the CA certificate";
  checkStrength(ca, what);
  checkDates(ca, what, now);
  const { basicConstraints, keyUsage } = ca.extensions;
  if (ca.version === 3 && basicConstraints?.ca !== true) {
    throw invalidCertificate(`${what} is not one: basicConstraints CA:TRUE is missing (openssl req -x509 sets it)`);
  }
  if (keyUsage && !keyUsage.has("keyCertSign")) {
    throw invalidCertificate(`${what} may not sign certificates: keyUsage lacks keyCertSign`);
  }
}

function whyNotSigned(verification: Certificate, ca: Certificate): string {
  if (!sameName(verification.issuer, ca.subject)) {
    const names = `its issuer is ${verification.issuer.text}, the CA's subject is ${ca.subject.text}`;
    return `the CA did not sign the verification certificate: ${names}`;
  }
  if (!keyIdentifiersAgree(verification, ca)) {
    return `another CA named ${ca.subject.text} signed the verification certificate: the key identifiers differ`;
  }
  return `the CA's key did not sign the verification certificate, although both name ${ca.subject.text}: another key of that name, or an altered file`;
}

/** Quoted, so that a trailing newline or space is seen. */
function shown(name: string): string {
  return JSON.stringify(name.slice(0, 128));
}
