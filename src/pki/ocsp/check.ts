import { DecodeError, equal, toHex } from "../../codec/index.ts";
import type { SignatureVerifier } from "../../crypto/index.ts";
import { parseCertificate, type Certificate } from "../certificate.ts";
import { TAG, parseDer } from "../der.ts";
import { CertificateError } from "../errors.ts";
import { duplicateOf, type RawExtension } from "../extensions.ts";
import { sameName } from "../name.ts";
import { KEY_PURPOSE } from "../oids.ts";
import { keyWeakness } from "../public-key.ts";
import { signatureHolds, signedBy } from "../signature-check.ts";
import { isCertIdOf, keyHash, type CertificateAndIssuer } from "./cert-id.ts";
import { OcspError } from "./errors.ts";
import { NONCE_OID } from "./request.ts";
import {
  parseResponse,
  type BasicResponse,
  type CertificateStatus,
  type ResponderId,
  type SingleResponse,
} from "./response.ts";

/** A response and what it must be about. The issuer's certificate has been validated by the caller. */
export type OcspCheck = CertificateAndIssuer & {
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly verifier: SignatureVerifier;
  /** The nonce of the request, where the response must repeat it. */
  readonly nonce?: Uint8Array;
  /** How far clocks may differ, five minutes unless told otherwise. */
  readonly maxSkewMs?: number;
  /** How old a response without nextUpdate may be, one day unless told otherwise. */
  readonly maxAgeMs?: number;
};

/** What an authorised responder says about the certificate, within the time for which it says so. */
export type OcspAnswer = CertificateStatus & {
  readonly thisUpdate: number;
  readonly nextUpdate: number | undefined;
  /** Whose key signed: the issuer itself, or whom it delegated to. */
  readonly responder: Certificate;
};

/**
 * Checks a response about a certificate: that it is about this one, that its issuer or a responder whom the issuer
 * authorised signed it, that it is fresh, that it repeats the nonce where there was one.
 *
 * Gives the answer, which may be `revoked` or `unknown`. Throws `DecodeError`, `Refused` `ocsp-status`, or `OcspError`.
 * RFC 6960, section 3.2
 */
export async function checkOcspResponse(der: Uint8Array, check: OcspCheck): Promise<OcspAnswer> {
  const response = parseResponse(der);
  const single = answerAbout(response, check);
  refuseCritical(response.extensions, new Set([NONCE_OID]));
  refuseCritical(single.extensions, new Set());
  if (check.nonce) checkNonce(response.extensions, check.nonce);
  checkFreshness(response, single, check);
  const responder = await signerOf(response, check);
  const { answer, thisUpdate, nextUpdate } = single;
  return { ...answer, thisUpdate, nextUpdate, responder };
}

/** Several answers about one certificate should not be; the worst of them counts. */
function answerAbout({ responses }: BasicResponse, check: OcspCheck): SingleResponse {
  const related = responses.filter(({ certId }) => isCertIdOf(certId, check));
  const worst = (["revoked", "unknown", "good"] as const).flatMap((status) =>
    related.filter(({ answer }) => answer.status === status),
  );
  const [found] = worst;
  if (found) return found;
  const { subject, serialNumber } = check.certificate;
  throw new OcspError("ocsp-unrelated", `nothing about ${subject.text} with serial number ${serialNumber}`);
}

function refuseCritical(extensions: readonly RawExtension[], known: ReadonlySet<string>): void {
  const unknown = extensions.find(({ oid, critical }) => critical && !known.has(oid));
  const fault = unknown?.oid ?? duplicateOf(extensions);
  if (fault === undefined) return;
  const why = unknown ? "is critical and not processed" : "occurs twice";
  throw new OcspError("ocsp-critical-extension", `extension ${fault} ${why}`);
}

function checkNonce(extensions: readonly RawExtension[], wanted: Uint8Array): void {
  const found = extensions.find(({ oid }) => oid === NONCE_OID);
  if (!found) throw new OcspError("ocsp-nonce", "the response has no nonce");
  const element = parseDer(found.value);
  if (element.tag === TAG.octetString && equal(element.content, wanted)) return;
  throw new OcspError("ocsp-nonce", `the nonce is ${toHex(found.value.subarray(0, 34))}, another one`);
}

const SKEW_MS = 5 * 60_000;
const AGE_MS = 24 * 3_600_000;

/** RFC 6960, section 4.2.2.1: a thisUpdate in the future and a nextUpdate in the past are both unreliable. */
function checkFreshness(
  { producedAt }: BasicResponse,
  { thisUpdate, nextUpdate }: SingleResponse,
  check: OcspCheck,
): void {
  const { time, maxSkewMs = SKEW_MS, maxAgeMs = AGE_MS } = check;
  const start = Math.max(thisUpdate, producedAt);
  if (start > time + maxSkewMs) {
    throw new OcspError("ocsp-not-yet-valid", `of ${dateText(start)}, now is ${dateText(time)}`);
  }
  const end = nextUpdate ?? thisUpdate + maxAgeMs;
  if (end < time - maxSkewMs) {
    throw new OcspError("ocsp-stale", `relied on until ${dateText(end)}, now is ${dateText(time)}`);
  }
}

function dateText(time: number): string {
  return new Date(time).toISOString();
}

/** The one who signed, if the issuer authorised it. RFC 6960, section 4.2.2.2 */
async function signerOf(response: BasicResponse, check: OcspCheck): Promise<Certificate> {
  const algorithm = response.algorithm.accepted;
  if (!algorithm) throw new OcspError("ocsp-signature", `${response.algorithm.name} is not accepted`);
  const responder = isNamed(check.issuer, response.responder) ? check.issuer : await delegateOf(response, check);
  const publicKey = responder.publicKey.der;
  const { tbs: content, signature } = response;
  if (await signatureHolds(check.verifier, { publicKey, algorithm, content, signature })) return responder;
  throw new OcspError("ocsp-signature", `not signed by the key of ${responder.subject.text}`);
}

function isNamed(certificate: Certificate, id: ResponderId): boolean {
  return id.by === "name" ? sameName(certificate.subject, id.name) : equal(keyHash(certificate), id.keyHash);
}

async function delegateOf({ certificates, responder }: BasicResponse, check: OcspCheck): Promise<Certificate> {
  let why = "no certificate of the responder is there";
  for (const der of certificates) {
    const candidate = certificateOrNothing(der);
    if (!candidate || !isNamed(candidate, responder)) continue;
    const fault = await delegateFault(candidate, check);
    if (fault === undefined) return candidate;
    why = `${candidate.subject.text}: ${fault}`;
  }
  throw new OcspError("ocsp-responder", why);
}

/** A certificate that nobody can read is not the one that signed; whatever else is there may be. */
function certificateOrNothing(der: Uint8Array): Certificate | undefined {
  try {
    return parseCertificate(der);
  } catch (error) {
    if (error instanceof DecodeError || error instanceof CertificateError) return undefined;
    throw error;
  }
}

/**
 * "Systems relying on OCSP responses MUST recognize a delegation certificate as being issued by the CA that issued the
 * certificate in question only if the delegation certificate and the certificate being checked for revocation were
 * signed by the same key." Whether the delegate was revoked is not asked: it is expected to be short-lived.
 */
async function delegateFault(
  delegate: Certificate,
  { issuer, time, verifier }: OcspCheck,
): Promise<string | undefined> {
  const { extendedKeyUsage, keyUsage, unknownCritical } = delegate.extensions;
  const { notBefore, notAfter } = delegate.validity;
  const now = Math.floor(time / 1000) * 1000;
  // anyExtendedKeyUsage does not count: this authority is granted by name.
  if (!extendedKeyUsage?.includes(KEY_PURPOSE.OCSPSigning)) return "its extKeyUsage does not hold OCSPSigning";
  if (keyUsage && !keyUsage.has("digitalSignature") && !keyUsage.has("nonRepudiation")) return "its key may not sign";
  if (now < notBefore || now > notAfter) return "it is not valid at this time";
  if (unknownCritical[0] !== undefined) return `critical extension ${unknownCritical[0]} is not processed`;
  return (
    keyWeakness(delegate.publicKey) ??
    ((await signedBy(delegate, issuer, verifier)) ? undefined : "not issued by the same CA")
  );
}
