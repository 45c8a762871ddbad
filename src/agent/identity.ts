import { equal, Refused, UsageError } from "../codec/index.ts";
import type { SecureElement, Signer } from "../crypto/index.ts";
import { type Certificate, parseCertificate } from "../pki/index.ts";
import { bornCertificateOf, CERTIFICATE_INDEX } from "../provisioning/line/index.ts";
import type { AgentErrorCode } from "./errors.ts";

/** A device's identity: what it shows, and the key in the chip that it proves it with. */
export type DeviceIdentity = {
  readonly signer: Signer;
  /** The device's own certificate first, then that of its issuer where the chip holds it. */
  readonly chain: readonly Certificate[];
};

/** One thing that a device lacks for operation, by the code that tells its cure. */
export type Lack = {
  readonly code: "empty-slot" | "no-certificate" | "certificate-mismatch" | "no-ca-certificate";
  readonly message: string;
};

/** Whether a device holds what operation takes: key pair, device certificate and CA certificate. AN13501, figure 4 */
export type Readiness = {
  readonly slot: number;
  readonly signer: Signer | undefined;
  readonly certificate: Certificate | undefined;
  /** Those that it knows the cloud by, from outside the chip, and that of its own issuer in it. */
  readonly caCertificates: readonly Certificate[];
  readonly issuer: Certificate | undefined;
  /** None in a device that is ready. */
  readonly lacks: readonly Lack[];
};

/**
 * Looks what a device holds. The CA certificate is typically stored outside the chip: `anchors` are those that the
 * device has there. AN13501, section 2
 */
export async function readiness(
  element: SecureElement,
  slot: number,
  anchors: readonly Certificate[],
): Promise<Readiness> {
  const signer = await signerIn(element, slot);
  const { certificate, issuer, isForAnother } = await certificatesFor(element, slot, signer);
  const caCertificates = issuer ? [...anchors, issuer] : anchors;
  const lacks: Lack[] = [];
  if (!signer) lacks.push({ code: "empty-slot", message: `key slot ${slotText(slot)} gives no key` });
  if (!certificate) lacks.push({ code: "no-certificate", message: "the chip's storage holds no device certificate" });
  if (certificate && isForAnother) {
    const message = `the certificate of ${certificate.subject.text} is for another key`;
    lacks.push({ code: "certificate-mismatch", message });
  }
  if (caCertificates.length === 0) {
    lacks.push({ code: "no-ca-certificate", message: "there is no CA certificate, in the chip or outside it" });
  }
  return { slot, signer, certificate, caCertificates, issuer, lacks };
}

/**
 * The identity of a device that may go into operation. Throws `UsageError` with the code of the first thing that it
 * lacks, and a message that names them all.
 */
export function admitted({ signer, certificate, issuer, lacks }: Readiness): DeviceIdentity {
  const [first] = lacks;
  if (first || !signer || !certificate) {
    const message = lacks.map((lack) => lack.message).join("; ");
    throw new UsageError<AgentErrorCode>(first?.code ?? "no-certificate", `the device is not ready: ${message}`);
  }
  return { signer, chain: issuer ? [certificate, issuer] : [certificate] };
}

/**
 * Who the device is, from the secure element alone.
 * Throws `UsageError` `no-certificate`, `empty-slot` or `certificate-mismatch`.
 */
export async function deviceIdentity(element: SecureElement, slot: number): Promise<DeviceIdentity> {
  const found = await readiness(element, slot, []);
  return admitted({ ...found, lacks: found.lacks.filter(({ code }) => code !== "no-ca-certificate") });
}

type Found = {
  readonly certificate: Certificate | undefined;
  readonly issuer: Certificate | undefined;
  readonly isForAnother: boolean;
};

/** The certificate that was stored for the key; of a key that the chip was born with, else the one it was born with. */
async function certificatesFor(element: SecureElement, slot: number, signer: Signer | undefined): Promise<Found> {
  const stored = await certificateAt(element, CERTIFICATE_INDEX.device);
  const isFor = (certificate: Certificate) =>
    signer === undefined || equal(signer.publicKey, certificate.publicKey.der);
  if (stored && isFor(stored)) {
    const issuer = await certificateAt(element, CERTIFICATE_INDEX.issuer);
    return { certificate: stored, issuer, isForAnother: false };
  }
  const index = bornCertificateOf(slot);
  const born = index === undefined ? undefined : await certificateAt(element, index);
  if (born && isFor(born)) return { certificate: born, issuer: undefined, isForAnother: false };
  return { certificate: stored ?? born, issuer: undefined, isForAnother: true };
}

async function certificateAt(element: SecureElement, index: number): Promise<Certificate | undefined> {
  const der = await element.readCertificate(index);
  return der && parseCertificate(der);
}

/** A chip refuses to show the public key of a slot that has none. */
async function signerIn(element: SecureElement, slot: number): Promise<Signer | undefined> {
  try {
    return await element.signer(slot);
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
}

function slotText(slot: number): string {
  return slot > 0xff ? `0x${slot.toString(16)}` : String(slot);
}
