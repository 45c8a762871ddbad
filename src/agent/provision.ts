import { equal, UsageError } from "../codec/index.ts";
import type { PlainKeyPair, SecureElement, Signer } from "../crypto/index.ts";
import { createCsr, type Certificate, type DistinguishedName } from "../pki/index.ts";
import { CERTIFICATE_INDEX } from "../provisioning/line/index.ts";
import type { Trace } from "../trace/index.ts";
import type { AgentErrorCode } from "./errors.ts";

export { CERTIFICATE_INDEX };

/** Where the device's key pair comes from: made in the chip, injected, or there already. AN12131, section 8.6 */
export type KeyOrigin =
  | { readonly from: "generated" }
  | { readonly from: "injected"; readonly keyPair: PlainKeyPair }
  | { readonly from: "kept" };

/**
 * The signer of a slot, after its key pair was put there. Throws `UsageError` `slot-in-use` rather than replace a key pair,
 * and `empty-slot` where one should be there and is not.
 */
export async function prepareKey(element: SecureElement, slot: number, origin: KeyOrigin): Promise<Signer> {
  const isFull = (await element.keySlots()).some((each) => each.slot === slot && each.publicKey !== undefined);
  if (origin.from === "kept") {
    if (!isFull) throw new UsageError<AgentErrorCode>("empty-slot", `key slot ${slot} is empty`);
  } else {
    if (isFull) throw new UsageError<AgentErrorCode>("slot-in-use", `key slot ${slot} holds a key pair`);
    if (origin.from === "generated") await element.generateKeyPair(slot);
    else await element.injectKeyPair(slot, origin.keyPair);
  }
  return element.signer(slot);
}

/** A certificate request for the key of a slot, signed where the key is. DER. RFC 2986, section 4 */
export async function requestCertificate(
  signer: Signer,
  { subject, trace }: { readonly subject: DistinguishedName; readonly trace: Trace },
): Promise<Uint8Array> {
  return createCsr({ signer, subject, trace });
}

/**
 * Stores a device's certificate, and that of its issuer, in the secure element.
 * Throws `UsageError` `certificate-mismatch` where the certificate is for another key.
 */
export async function storeCertificates(
  element: SecureElement,
  slot: number,
  { device, issuer }: { readonly device: Certificate; readonly issuer?: Certificate },
): Promise<void> {
  requireMatch(await element.signer(slot), device);
  await element.writeCertificate(CERTIFICATE_INDEX.device, device.der);
  if (issuer) await element.writeCertificate(CERTIFICATE_INDEX.issuer, issuer.der);
}

function requireMatch(signer: Signer, certificate: Certificate): void {
  if (equal(signer.publicKey, certificate.publicKey.der)) return;
  const message = `the certificate of ${certificate.subject.text} is for another key`;
  throw new UsageError<AgentErrorCode>("certificate-mismatch", message);
}
