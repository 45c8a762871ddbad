import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import { AlgorithmIdentifier, Extension } from "@peculiar/asn1-x509";

import { Writer } from "../codec/index.ts";
import type { SignatureAlgorithm, Signer } from "../crypto/index.ts";
import { TAG } from "./der.ts";
import type { RawExtension } from "./extensions.ts";
import { SIGNATURE_OID } from "./oids.ts";

/** One DER element around parts that are DER already: signed bytes go out exactly as they were signed. X.690, section 8.1 */
export function derElement(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const writer = new Writer(length + 6).u8(tag);
  if (length < 0x80) writer.u8(length);
  else if (length < 0x100) writer.u8(0x81).u8(length);
  else if (length < 0x1_0000) writer.u8(0x82).u16(length);
  else writer.u8(0x83).u24(length);
  for (const part of parts) writer.bytes(part);
  return writer.finish();
}

/** DER of one of the ASN.1 structures of @peculiar/asn1-*. */
export function derOf(structure: unknown): Uint8Array {
  return new Uint8Array(AsnConvert.serialize(structure));
}

/** Bytes as the ASN.1 structures want them. */
export function arrayBufferOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

/** An extension as an ASN.1 structure. */
export function extensionStructure({ oid, critical, value }: RawExtension): Extension {
  return new Extension({ extnID: oid, critical, extnValue: new OctetString(arrayBufferOf(value)) });
}

/** An algorithm that signs structures of this room. RFC 5758, section 3.2; RFC 8410, section 3; RFC 4055, section 5: RSA takes NULL */
export function algorithmStructure(algorithm: RequestAlgorithm): AlgorithmIdentifier {
  const parameters = algorithm === "rsa_pkcs1_sha256" ? { parameters: arrayBufferOf(Uint8Array.of(TAG.null, 0)) } : {};
  return new AlgorithmIdentifier({ algorithm: SIGNATURE_OID[algorithm], ...parameters });
}

/** What certificates and lists are signed with here. */
export type IssuingAlgorithm = "ecdsa_sha256" | "ecdsa_sha384" | "ed25519";

/** What requests are signed with here: by the keys of devices, some of which are RSA keys. */
export type RequestAlgorithm = IssuingAlgorithm | "rsa_pkcs1_sha256";

/** Whether an algorithm is one that this room issues with. */
export function isIssuingAlgorithm(algorithm: SignatureAlgorithm): algorithm is IssuingAlgorithm {
  return algorithm === "ecdsa_sha256" || algorithm === "ecdsa_sha384" || algorithm === "ed25519";
}

/** SEQUENCE { toBeSigned, algorithm, signature }: the form of all signed structures. RFC 5280, section 4.1 */
export async function signStructure(
  toBeSigned: Uint8Array,
  signer: Signer,
  algorithm: RequestAlgorithm,
): Promise<Uint8Array> {
  return signedStructure(toBeSigned, algorithm, await signer.sign(algorithm, toBeSigned));
}

/** The same under a signature that was made already. */
export function signedStructure(
  toBeSigned: Uint8Array,
  algorithm: RequestAlgorithm,
  signature: Uint8Array,
): Uint8Array {
  const bitString = derElement(TAG.bitString, Uint8Array.of(0), signature);
  return derElement(TAG.sequence, toBeSigned, derOf(algorithmStructure(algorithm)), bitString);
}
