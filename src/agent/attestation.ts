import {
  type Attestation,
  type ObjectAttributes,
  objectAttributes,
  type PolicyEntry,
  policyEntries,
  SE05X_OBJECT,
  SE05X_ORIGIN,
  SE05X_SIGNATURE,
  typeOffCurve,
} from "../apdu/se05x/index.ts";
import { decode, DecodeError, encode, equal, ProtocolError, toHex } from "../codec/index.ts";
import type { Hash, SignatureAlgorithm, SignatureVerifier } from "../crypto/index.ts";
import {
  askAttested,
  type AttestedQuestion,
  type AttestedRequest,
  edwardsHalves,
  questionContent,
  readCertificates,
  type Se05x,
} from "../host/se05x/index.ts";
import { type Certificate, CertificateError, nameValues, validatePath } from "../pki/index.ts";
import type { AgentErrorCode } from "./errors.ts";

/** What a chip says about an object, signed, with the certificates that say whose signature it is. */
export type AttestationEvidence = {
  readonly answer: Attestation;
  readonly algorithm: number;
  /** DER: the attestation key's certificate first, then what may lead to the maker's root. */
  readonly chain: readonly Uint8Array[];
};

/** What makes an attestation key's certificate believable. */
export type MakerDemands = {
  /** The maker's roots. */
  readonly anchors: readonly Certificate[];
  /** Identifiers (`certificateId`) of certificates that are believed no more, roots among them. */
  readonly distrusted?: ReadonlySet<string>;
  readonly crls?: readonly Uint8Array[];
  /** Whether a certificate is for an attestation key of this chip: other keys of the maker's sign whatever they are given. */
  readonly isForAttestation?: (certificate: Certificate, chipId: string) => boolean;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly verifier: SignatureVerifier;
};

/** What makes a statement of a chip believable. */
export type AttestationDemands = MakerDemands & {
  readonly objectId: number;
  /**
   * What was asked of it; the whole of it where absent. Applets before 7 do not sign which part or number was asked for:
   * there `data` alone tells them apart.
   */
  readonly question?: AttestedQuestion;
  /** The 16 bytes that were asked with, by whoever demands: never those that the chip's host reports. */
  readonly freshness: Uint8Array;
  readonly attestationId?: number;
  /** 36 hex digits; any chip of the maker's where absent. */
  readonly chipId?: string;
  /** Made in the chip, where absent. */
  readonly origins?: readonly number[];
  readonly type?: number;
  readonly policy?: readonly PolicyEntry[];
  /** An EC key's point, or a file's bytes. */
  readonly data?: Uint8Array;
  readonly hash: Hash;
};

/** Why a statement is not believed. */
export type AttestationFinding =
  | "certificate"
  | "other-certificate"
  | "signature"
  | "stale"
  | "other-chip"
  | "other-object"
  | "origin"
  | "type"
  | "policy"
  | "data"
  | "malformed";

/** What was attested. */
export type AttestedObject = {
  readonly chipId: string;
  readonly attributes: ObjectAttributes;
  readonly data: Uint8Array | undefined;
};

/** @table Attestation algorithms: keys of RSA and Ed25519 attest as well. SE05x command table, tiers b and f */
const ALGORITHMS: Readonly<Record<number, SignatureAlgorithm>> = {
  [SE05X_SIGNATURE.sha256]: "ecdsa_sha256",
  [SE05X_SIGNATURE.sha384]: "ecdsa_sha384",
  [SE05X_SIGNATURE.sha512]: "ecdsa_sha512",
  [SE05X_SIGNATURE.ed25519]: "ed25519",
  0x28: "rsa_pkcs1_sha256",
  0x29: "rsa_pkcs1_sha384",
  0x2a: "rsa_pkcs1_sha512",
  0x2c: "rsa_pss_sha256",
  0x2d: "rsa_pss_sha384",
  0x2e: "rsa_pss_sha512",
};
const FRESHNESS_LENGTH = 16;

/** Asks a chip for an object with its signature, and for its certificate. Throws `Refused` where the chip says no. */
export async function readEvidence(
  chip: Se05x,
  order: Pick<AttestedRequest, "objectId" | "freshness"> & {
    readonly question?: AttestedQuestion;
    readonly attestationId?: number;
    /** ECDSA with SHA-256 where absent. */
    readonly algorithm?: number;
    /** Where the attestation key's certificate is; beside the key of a part's birth where absent. */
    readonly certificateId?: number;
  },
): Promise<AttestationEvidence> {
  const { objectId, freshness, question = "object", algorithm = SE05X_SIGNATURE.sha256 } = order;
  const { attestationId = SE05X_OBJECT.attestationKey, certificateId = SE05X_OBJECT.attestationCertificate } = order;
  const answer = await askAttested(chip, question, { objectId, attestationId, algorithm, freshness });
  return { answer, algorithm, chain: await readCertificates(chip, [certificateId]) };
}

/** The bytes that an answer's signature covers, for whoever checks it elsewhere. SE05x command table, tier f */
export function attestedContent(
  { answer, algorithm }: AttestationEvidence,
  demands: Pick<AttestationDemands, "objectId" | "question" | "freshness" | "attestationId" | "hash">,
): Uint8Array {
  const { objectId, freshness, attestationId = SE05X_OBJECT.attestationKey, question = "object", hash } = demands;
  return questionContent(hash, question, { objectId, attestationId, algorithm, freshness }, answer);
}

/**
 * Checks what a chip says about an object: that an attestation key of the maker's signed it, in answer to this very
 * question, on the chip that is meant, and that the object is what it should be.
 *
 * Throws `ProtocolError` `not-attested`, whose `reply` is the `AttestationFinding`. SE05x command table, tier f
 */
export async function verifyAttestation(
  evidence: AttestationEvidence,
  demands: AttestationDemands,
): Promise<AttestedObject> {
  const { answer, algorithm, chain } = evidence;
  const { freshness, verifier } = demands;
  const chipId = toHex(answer.chipId);
  const certificate = await makersCertificate(chain, chipId, demands);
  const scheme = ALGORITHMS[algorithm];
  if (!scheme) throw notAttested("signature", `no attestation by algorithm ${algorithm}`);
  if (freshness.length !== FRESHNESS_LENGTH) throw notAttested("stale", `${freshness.length} bytes of freshness`);
  if (answer.form === 3 && !equal(answer.freshness, freshness)) throw notAttested("stale", "another question's answer");
  const content = attestedContent(evidence, demands);
  const signature = scheme === "ed25519" ? edwardsHalves(answer.signature) : answer.signature;
  const check = { publicKey: certificate.publicKey.der, algorithm: scheme, content, signature };
  if (!(await holds(verifier, check)))
    throw notAttested("signature", "the signature is not of this answer to this question");
  if (demands.chipId !== undefined && demands.chipId !== chipId) throw notAttested("other-chip", `chip ${chipId}`);
  const attributes = attributesIn(answer);
  checkObject({ attributes, data: answer.data }, demands);
  return { chipId, attributes, data: answer.data };
}

/** Whether a certificate is of an attestation key, by the names of parts' birth certificates. AN13501, section 4 */
export function isBornForAttestation({ subject }: Certificate, chipId: string): boolean {
  return nameValues(subject, "CommonName").some((name) => name.endsWith(`-attestation-${chipId}`));
}

/** The attestation key's certificate, which leads to the maker. Throws `ProtocolError` `not-attested`. */
export async function makersCertificate(
  chain: readonly Uint8Array[],
  chipId: string,
  demands: MakerDemands,
): Promise<Certificate> {
  const { anchors, crls, distrusted, time, verifier, isForAttestation = isBornForAttestation } = demands;
  try {
    const path = await validatePath({
      chain,
      anchors: anchors.filter(({ id }) => !distrusted?.has(id)),
      time,
      purpose: "any",
      verifier,
      ...(crls ? { crls, revocation: "if-present" as const } : {}),
    });
    const out = path.certificates.find(({ id }) => distrusted?.has(id));
    if (out) throw notAttested("certificate", `${out.subject.text} is trusted no more`);
    if (!isForAttestation(path.leaf, chipId)) {
      throw notAttested("other-certificate", `${path.leaf.subject.text} is not for attestation by chip ${chipId}`);
    }
    return path.leaf;
  } catch (cause) {
    if (cause instanceof CertificateError || cause instanceof DecodeError) {
      throw notAttested("certificate", "the attestation key is not certified by its maker", cause);
    }
    throw cause;
  }
}

/** Whether a signature holds; a key or a signature without form is none. */
export async function holds(
  verifier: SignatureVerifier,
  check: Parameters<SignatureVerifier["verify"]>[0],
): Promise<boolean> {
  try {
    return await verifier.verify(check);
  } catch {
    return false;
  }
}

function attributesIn({ attributes }: Attestation): ObjectAttributes {
  try {
    return decode(objectAttributes, attributes);
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw notAttested("malformed", "the attributes have another form", cause);
  }
}

function checkObject(
  { attributes, data }: Pick<AttestedObject, "attributes" | "data">,
  demands: AttestationDemands,
): void {
  const { origins = [SE05X_ORIGIN.internal], type, policy, question = "object" } = demands;
  // What applets before 7 sign does not say what was asked; that there are contents does.
  if ((question === "attributes") !== (data === undefined)) throw notAttested("data", "another question's answer");
  if (attributes.objectId !== demands.objectId) throw notAttested("other-object", `object ${attributes.objectId}`);
  if (!origins.includes(attributes.origin)) throw notAttested("origin", `its origin is ${attributes.origin}`);
  // Applets from 7 on name the curve with the type; who asks for a kind of key gets it on any.
  const isAsked = type === undefined || type === attributes.type || type === typeOffCurve(attributes.type);
  if (!isAsked) throw notAttested("type", `its type is ${attributes.type}`);
  if (policy && !equal(encode(policyEntries, policy), encode(policyEntries, attributes.policy))) {
    throw notAttested("policy", "its policy is another one");
  }
  if (demands.data && !(data && equal(data, demands.data))) throw notAttested("data", "its contents are others");
}

/** Why a statement is not believed, as an error. */
export function notAttested(
  finding: AttestationFinding,
  why: string,
  cause?: unknown,
): ProtocolError<AgentErrorCode, AttestationFinding> {
  const details = cause === undefined ? {} : { cause };
  return new ProtocolError<AgentErrorCode, AttestationFinding>(
    "not-attested",
    `not attested: ${why}`,
    finding,
    details,
  );
}
