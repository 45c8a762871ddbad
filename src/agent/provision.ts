import { equal, Refused, UsageError } from "../codec/index.ts";
import type { PlainKeyPair, SecureElement, Signer } from "../crypto/index.ts";
import { createCsr, parseCertificate, type Certificate, type DistinguishedName } from "../pki/index.ts";
import { CERTIFICATE_INDEX } from "../provisioning/line/index.ts";
import type { Trace } from "../trace/index.ts";
import type { AgentErrorCode } from "./errors.ts";

export { CERTIFICATE_INDEX };

/** Where the device's key pair comes from: made in the chip, injected, or there already. AN12131, section 8.6 */
export type KeyOrigin =
  | { readonly from: "generated" }
  | { readonly from: "injected"; readonly keyPair: PlainKeyPair }
  | { readonly from: "kept" };

/** A device's identity: what it shows, and the key in the chip that it proves it with. */
export type DeviceIdentity = {
  readonly signer: Signer;
  /** The device's own certificate first, then that of its issuer where the chip holds it. */
  readonly chain: readonly Certificate[];
};

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

/**
 * Who the device is, from the secure element alone.
 * Throws `UsageError` `no-certificate`, `empty-slot` or `certificate-mismatch`.
 */
export async function deviceIdentity(element: SecureElement, slot: number): Promise<DeviceIdentity> {
  const der = await element.readCertificate(CERTIFICATE_INDEX.device);
  if (!der) throw new UsageError<AgentErrorCode>("no-certificate", "the chip's storage holds no device certificate");
  const device = parseCertificate(der);
  const signer = await signerIn(element, slot);
  requireMatch(signer, device);
  const issuer = await element.readCertificate(CERTIFICATE_INDEX.issuer);
  return { signer, chain: issuer ? [device, parseCertificate(issuer)] : [device] };
}

/** A chip refuses to show the public key of a slot that has none. */
async function signerIn(element: SecureElement, slot: number): Promise<Signer> {
  try {
    return await element.signer(slot);
  } catch (cause) {
    if (!(cause instanceof Refused)) throw cause;
    throw new UsageError<AgentErrorCode>("empty-slot", `key slot ${slot} gives no key`, { cause });
  }
}

function requireMatch(signer: Signer, certificate: Certificate): void {
  if (equal(signer.publicKey, certificate.publicKey.der)) return;
  const message = `the certificate of ${certificate.subject.text} is for another key`;
  throw new UsageError<AgentErrorCode>("certificate-mismatch", message);
}
