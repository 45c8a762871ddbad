/** A self-made certificate for a key that is in a chip, for the tests of this room. */
import { generateKeyPairSync } from "node:crypto";

import type { Clock } from "../crypto/index.ts";
import { nodeEntropy, nodeSigner } from "../crypto/node.ts";
import { issueCertificate, issueRootCertificate, nameFromText } from "../pki/index.ts";

const DAY = 86_400_000;

/** DER of a device certificate for this SubjectPublicKeyInfo. */
export async function newCertificateFor(publicKey: Uint8Array, clock: Clock): Promise<Uint8Array> {
  const signer = nodeSigner(generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey);
  const order = { validity: { notBefore: clock.now(), notAfter: clock.now() + DAY }, entropy: nodeEntropy };
  const certificate = await issueRootCertificate({ ...order, subject: nameFromText("CN=root"), signer });
  const issuer = { certificate, signer };
  const subject = nameFromText("CN=device");
  return (await issueCertificate({ ...order, profile: "device", subject, publicKey, issuer })).der;
}
