/** What the tests of this room share: keys, a clock time, and a small hierarchy of CAs. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";

import { nodeEntropy, nodeSigner } from "../crypto/node.ts";
import type { Signer } from "../crypto/index.ts";
import {
  issueCertificate,
  issueRootCertificate,
  nameFromText,
  type Certificate,
  type CertificateOrder,
  type Issuer,
  type ProfileName,
} from "./index.ts";

export const NOW = Date.UTC(2026, 5, 1);
export const DAY = 86_400_000;
export const VALIDITY = { notBefore: NOW - DAY, notAfter: NOW + 365 * DAY };

export function newKey(curve = "prime256v1"): KeyObject {
  return generateKeyPairSync("ec", { namedCurve: curve }).privateKey;
}

export function newSigner(curve = "prime256v1"): Signer {
  return nodeSigner(newKey(curve));
}

type More = Partial<CertificateOrder>;

export async function newRoot(subject = "CN=Root", more: More = {}, signer = newSigner()): Promise<Issuer> {
  const order = { subject: nameFromText(subject), validity: VALIDITY, entropy: nodeEntropy, signer, ...more };
  return { certificate: await issueRootCertificate(order), signer };
}

export async function newCa(issuer: Issuer, subject: string, more: More = {}, signer = newSigner()): Promise<Issuer> {
  return { certificate: await newLeaf(issuer, "intermediateCa", subject, more, signer), signer };
}

export async function newLeaf(
  issuer: Issuer,
  profile: ProfileName,
  subject: string,
  more: More = {},
  signer = newSigner(),
): Promise<Certificate> {
  return issueCertificate({
    profile,
    subject: nameFromText(subject),
    publicKey: signer.publicKey,
    issuer,
    validity: VALIDITY,
    entropy: nodeEntropy,
    ...more,
  });
}
