import { DecodeError, toHex } from "../codec/index.ts";
import { ecPublicPoint, ed25519PublicKey, type CurveName } from "../crypto/index.ts";
import { TAG, contentOffset, parseDer, type DerElement } from "./der.ts";
import { DerFields, octetsOfBitString, oidOf } from "./der-fields.ts";
import { CURVE_OID, KEY_ALGORITHM } from "./oids.ts";

/** A subject's public key. RFC 5280, section 4.1.2.7 */
export type PublicKey = {
  /** DER SubjectPublicKeyInfo as received. */
  readonly der: Uint8Array;
  /** The key without its algorithm: what key identifiers are hashes of. */
  readonly subjectPublicKey: Uint8Array;
} & (
  | { readonly kind: "ec"; readonly curve: CurveName }
  | { readonly kind: "ed25519" }
  | { readonly kind: "rsa"; readonly bits: number; readonly exponent: bigint }
  /** A key that is not used here: another algorithm, a curve given by its parameters, a compressed point. */
  | { readonly kind: "other"; readonly description: string }
);

/** A public key from its SubjectPublicKeyInfo. Throws `DecodeError` where it is malformed. */
export function parsePublicKey(der: Uint8Array): PublicKey {
  return publicKeyOf(parseDer(der));
}

/** A public key from its checked DER. Throws `DecodeError`. */
export function publicKeyOf(element: DerElement): PublicKey {
  const fields = new DerFields(element, TAG.sequence, "SubjectPublicKeyInfo");
  const algorithm = fields.take("algorithm", TAG.sequence);
  const bitString = fields.take("subjectPublicKey", TAG.bitString);
  fields.end();
  const identifier = new DerFields(algorithm, TAG.sequence, "AlgorithmIdentifier");
  const oid = oidOf(identifier.take("algorithm"));
  const parameters = algorithm.children[1];
  const subjectPublicKey = octetsOfBitString(bitString, "subjectPublicKey");
  const common = { der: element.raw, subjectPublicKey };
  if (oid === KEY_ALGORITHM.ecPublicKey) return { ...common, ...ecOf(element, parameters) };
  if (oid === KEY_ALGORITHM.rsaEncryption)
    return { ...common, ...rsaOf(subjectPublicKey, contentOffset(bitString) + 1) };
  if (oid === KEY_ALGORITHM.ed25519) return { ...common, ...ed25519Of(element) };
  return { ...common, kind: "other", description: `key algorithm ${oid}` };
}

/** Why a key is not accepted, or undefined: EC on P-256, P-384 and P-521, Ed25519, RSA of 2048 to 4096 bits. */
export function keyWeakness(key: PublicKey): string | undefined {
  if (key.kind === "other") return key.description;
  if (key.kind === "ec" || key.kind === "ed25519") return undefined;
  if (key.bits < 2048 || key.bits > 4096) return `RSA of ${key.bits} bits`;
  if (key.bits % 8 !== 0) return `RSA of ${key.bits} bits, not whole octets`;
  if (key.exponent < 3n || key.exponent % 2n === 0n) return `RSA exponent ${key.exponent}`;
  // SP 800-56B bounds it at 256 bits; a longer one only makes each check slow.
  return key.exponent >= 1n << 256n ? "RSA exponent of more than 256 bits" : undefined;
}

/** RFC 8410, section 3: no parameters. A key with some is none that anything here can use. */
function ed25519Of(element: DerElement) {
  if (ed25519PublicKey(element.raw)) return { kind: "ed25519" as const };
  return { kind: "other" as const, description: "Ed25519 key of another form" };
}

function ecOf(element: DerElement, parameters: DerElement | undefined) {
  const named = ecPublicPoint(element.raw);
  if (named) return { kind: "ec" as const, curve: named.curve };
  if (!parameters) throw new DecodeError("truncated", "EC parameters are missing", element.at);
  if (parameters.tag !== TAG.oid) return { kind: "other" as const, description: "EC key with explicit parameters" };
  const oid = oidOf(parameters);
  const curve = Object.entries(CURVE_OID).find(([, each]) => each === oid)?.[0];
  const description = curve ? `${curve} key that is not an uncompressed point` : `EC key on curve ${oid}`;
  return { kind: "other" as const, description };
}

/** RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }. RFC 8017, appendix A.1.1 */
function rsaOf(subjectPublicKey: Uint8Array, at: number) {
  const fields = new DerFields(parseDer(subjectPublicKey, undefined, at), TAG.sequence, "RSAPublicKey");
  const modulus = positive(fields.take("modulus", TAG.integer));
  const exponent = positive(fields.take("publicExponent", TAG.integer));
  fields.end();
  return { kind: "rsa" as const, bits: modulus.toString(2).length, exponent };
}

function positive(element: DerElement): bigint {
  const value = BigInt(`0x${toHex(element.content)}`);
  if ((element.content[0] ?? 0) >= 0x80 || value === 0n) {
    throw new DecodeError("value", "an RSA parameter is not positive", element.at);
  }
  return value;
}
