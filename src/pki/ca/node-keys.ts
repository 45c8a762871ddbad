import { createCipheriv, generateKeyPairSync, pbkdf2Sync, type KeyObject } from "node:crypto";

import { EncryptedData, EncryptedPrivateKeyInfo } from "@peculiar/asn1-pkcs8";
import { AlgorithmIdentifier } from "@peculiar/asn1-x509";

import { fromHex, toPem, UsageError } from "../../codec/index.ts";
import type { Entropy, Signer } from "../../crypto/index.ts";
import { nodeSigner, privateKeyFromPem } from "../../crypto/node.ts";
import { TAG } from "../der.ts";
import { arrayBufferOf, derElement, derOf } from "../der-write.ts";
import type { CaErrorCode } from "./errors.ts";

/** Curves of keys that issue certificates. */
export type IssuingCurve = "P-256" | "P-384";

/** A new key for an issuer, in this process's memory. */
export function generateIssuingKey(curve: IssuingCurve): KeyObject {
  return generateKeyPairSync("ec", { namedCurve: curve }).privateKey;
}

/**
 * A private key as PKCS#8 PEM, encrypted where there is a passphrase: PBES2 with AES-256-CBC and PBKDF2 over
 * HMAC-SHA-256. Throws `UsageError` `passphrase-needed` for an empty one. RFC 5208, section 6; RFC 8018, section 6.2
 */
export function keyToPem(key: KeyObject, entropy: Entropy, passphrase?: string): string {
  if (passphrase === undefined) return key.export({ format: "pem", type: "pkcs8" });
  if (passphrase === "") throw new UsageError<CaErrorCode>("passphrase-needed", "the passphrase is empty");
  const [salt, iv] = [entropy.bytes(16), entropy.bytes(16)];
  const derived = pbkdf2Sync(passphrase, salt, ITERATIONS, 32, "sha256");
  const cipher = createCipheriv("aes-256-cbc", derived, iv);
  const plaintext = key.export({ format: "der", type: "pkcs8" });
  const encrypted = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  plaintext.fill(0);
  derived.fill(0);
  const info = new EncryptedPrivateKeyInfo({
    encryptionAlgorithm: pbes2(salt, iv),
    encryptedData: new EncryptedData(arrayBufferOf(encrypted)),
  });
  return toPem("ENCRYPTED PRIVATE KEY", derOf(info));
}

/** The signer of a key that `keyToPem` wrote. Throws `UsageError` `passphrase-needed`, or `bad-key` for a wrong passphrase. */
export function signerFromPem(pem: string, passphrase?: string): Signer {
  if (passphrase === undefined && pem.includes("ENCRYPTED")) {
    throw new UsageError<CaErrorCode>("passphrase-needed", "the private key is encrypted");
  }
  return nodeSigner(privateKeyFromPem(pem, passphrase));
}

/** What guessing a passphrase costs an attacker who has the file; OpenSSL's own default is 2048. */
const ITERATIONS = 600_000;

const OID = {
  pbes2: "1.2.840.113549.1.5.13",
  pbkdf2: "1.2.840.113549.1.5.12",
  hmacWithSHA256: "1.2.840.113549.2.9",
  aes256CbcPad: "2.16.840.1.101.3.4.1.42",
} as const;

/** PBES2-params. RFC 8018, appendix A.4 */
function pbes2(salt: Uint8Array, iv: Uint8Array): AlgorithmIdentifier {
  const prf = algorithm(OID.hmacWithSHA256, fromHex("0500"));
  const iterations = derElement(
    TAG.integer,
    Uint8Array.of(ITERATIONS >> 16, (ITERATIONS >> 8) & 0xff, ITERATIONS & 0xff),
  );
  const derivation = derElement(TAG.sequence, derElement(TAG.octetString, salt), iterations, derOf(prf));
  const scheme = algorithm(OID.aes256CbcPad, derElement(TAG.octetString, iv));
  return algorithm(OID.pbes2, derElement(TAG.sequence, derOf(algorithm(OID.pbkdf2, derivation)), derOf(scheme)));
}

function algorithm(oid: string, parameters: Uint8Array): AlgorithmIdentifier {
  return new AlgorithmIdentifier({ algorithm: oid, parameters: arrayBufferOf(parameters) });
}
