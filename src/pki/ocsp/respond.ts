import { DecodeError, fromHex, utf8Bytes } from "../../codec/index.ts";
import { REVOCATION_REASONS } from "../crl-reasons.ts";
import { contextTag, parseDer, TAG } from "../der.ts";
import { derElement, derOf, extensionStructure, signStructure } from "../der-write.ts";
import type { Certificate } from "../certificate.ts";
import type { Issuer } from "../issue.ts";
import { issuingAlgorithm } from "../issuing-key.ts";
import { keyHash, type CertId } from "./cert-id.ts";
import { parseOcspRequest, type OcspRequest } from "./request-read.ts";
import type { CertificateStatus } from "./response.ts";

/** Who answers, with what, and for how long an answer holds. */
export type OcspResponder = {
  /** The CA itself, or whom it delegated to. */
  readonly signer: Issuer;
  /** Whether `signer` is a delegate, whose certificate then goes along. */
  readonly isDelegate: boolean;
  /** What is known of a certificate; undefined where its CA is none of ours. */
  readonly statusOf: (id: CertId) => Promise<CertificateStatus | undefined>;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly validForMs: number;
};

/** What a responder says instead of an answer. RFC 6960, section 4.2.1 */
const FAILURES = { malformedRequest: 1, internalError: 2, tryLater: 3, unauthorized: 6 } as const;

/** DER of a response that says why there is no answer. It is not signed. RFC 6960, section 2.3 */
export function ocspFailure(status: keyof typeof FAILURES): Uint8Array {
  return derElement(TAG.sequence, derElement(TAG.enumerated, Uint8Array.of(FAILURES[status])));
}

/**
 * Answers a request, DER for DER: `malformedRequest` to what is none, `unauthorized` where none of the certificates is of
 * a CA that we answer for, else a signed response about each of them. RFC 6960, section 4.2; RFC 5019, section 2.2.3
 */
export async function answerOcsp(request: Uint8Array, responder: OcspResponder): Promise<Uint8Array> {
  const question = readable(request);
  if (!question) return ocspFailure("malformedRequest");
  const answers: Uint8Array[] = [];
  let isOurs = false;
  for (const certId of question.certIds) {
    const status = await responder.statusOf(certId);
    isOurs ||= status !== undefined;
    answers.push(singleResponse(certId.der, status ?? { status: "unknown" }, responder));
  }
  return isOurs ? signedResponse(answers, question, responder) : ocspFailure("unauthorized");
}

function readable(request: Uint8Array): OcspRequest | undefined {
  try {
    return parseOcspRequest(request);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

function singleResponse(certId: Uint8Array, status: CertificateStatus, { now, validForMs }: OcspResponder): Uint8Array {
  const nextUpdate = explicit(0, generalizedTime(now + validForMs));
  return derElement(TAG.sequence, certId, statusDer(status), generalizedTime(now), nextUpdate);
}

function statusDer(answer: CertificateStatus): Uint8Array {
  if (answer.status === "good") return derElement(contextTag(0, "primitive"));
  if (answer.status === "unknown") return derElement(contextTag(2, "primitive"));
  const { time, reason } = answer.revocation;
  const code = derElement(TAG.enumerated, Uint8Array.of(REVOCATION_REASONS[reason]));
  // As in lists: absent rather than unspecified. RFC 5280, section 5.3.1
  return explicit(1, generalizedTime(time), ...(reason === "unspecified" ? [] : [explicit(0, code)]));
}

async function signedResponse(
  answers: readonly Uint8Array[],
  { nonce }: OcspRequest,
  { signer, isDelegate, now }: OcspResponder,
): Promise<Uint8Array> {
  const { certificate } = signer;
  const algorithm = issuingAlgorithm(signer.signer);
  const data = derElement(
    TAG.sequence,
    explicit(2, derElement(TAG.octetString, keyHash(certificate))),
    generalizedTime(now),
    derElement(TAG.sequence, ...answers),
    ...(nonce ? [explicit(1, derElement(TAG.sequence, derOf(extensionStructure({ ...nonce, critical: false }))))] : []),
  );
  const signed = await signStructure(data, signer.signer, algorithm);
  const basic = isDelegate ? withCertificate(signed, certificate) : signed;
  const bytes = derElement(TAG.sequence, fromHex(BASIC), derElement(TAG.octetString, basic));
  return derElement(TAG.sequence, derElement(TAG.enumerated, Uint8Array.of(0)), explicit(0, bytes));
}

/** id-pkix-ocsp-basic, as DER. RFC 6960, section 4.2.1 */
const BASIC = "06092b0601050507300101";

/** BasicOCSPResponse is a signed structure with, at its end, certificates that help to verify it. */
function withCertificate(signed: Uint8Array, { der }: Certificate): Uint8Array {
  const { children } = parseDer(signed);
  return derElement(TAG.sequence, ...children.map(({ raw }) => raw), explicit(0, derElement(TAG.sequence, der)));
}

function explicit(number: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return derElement(contextTag(number, "constructed"), ...parts);
}

/** Whole seconds in UTC, as DER wants them. RFC 5280, section 4.1.2.5.2 */
function generalizedTime(at: number): Uint8Array {
  const text = new Date(at).toISOString().replaceAll(/[-T:]|\.\d+/g, "");
  return derElement(TAG.generalizedTime, utf8Bytes(text));
}
