import { HawserError } from "../codec/index.ts";
import type { SignatureVerifier } from "../crypto/index.ts";
import type { Certificate } from "./certificate.ts";
import type { Conformance } from "./conformance.ts";
import { readCrl, type Revocation, type UnverifiedCrl } from "./crl-content.ts";
import { isInScope } from "./crl-scope.ts";
import { verifiedCrl, type RevocationList } from "./crl.ts";
import { CertificateError } from "./errors.ts";
import { sameName } from "./name.ts";
import { checkOcspResponse } from "./ocsp/index.ts";
import type { RuleFault } from "./path-rules.ts";

/**
 * Whether it is asked if a certificate of the path was revoked. `if-present`: what is there about a certificate must be
 * good and say so, nothing need be there. `required`: each certificate but the anchor must be spoken for.
 */
export type RevocationMode = "off" | "if-present" | "required";

/** Revocation lists that were read once, for many paths. Throws `DecodeError` for one that is malformed. RFC 5280, section 5 */
export class CrlSet {
  readonly lists: readonly UnverifiedCrl[];

  constructor(ders: readonly Uint8Array[]) {
    this.lists = ders.map(readCrl);
  }
}

/** What the certificates of one path are checked with. */
export type RevocationContext = {
  readonly mode: RevocationMode;
  readonly crls: CrlSet;
  readonly time: number;
  readonly verifier: SignatureVerifier;
  readonly conformance: Conformance;
  /** Other validated certificates of a CA's name that may sign its lists. */
  signersFor(certificate: Certificate): Promise<readonly Certificate[]>;
};

/** A certificate of a path, the one that issued it, and the OCSP response that came with it. */
export type RevocationSubject = {
  readonly certificate: Certificate;
  readonly issuer: Certificate;
  readonly staple: Uint8Array | undefined;
  /** Whether the certificate forbids to leave the response out. */
  readonly isDemanded: boolean;
};

/** Why a certificate cannot be relied on, by OCSP response and lists; undefined where it can. RFC 5280, section 6.3 */
export async function revocationFault(
  subject: RevocationSubject,
  context: RevocationContext,
): Promise<RuleFault | undefined> {
  const lists = context.crls.lists.filter(
    (list) => sameName(list.issuer, subject.certificate.issuer) && isInScope(list.scope, subject.certificate),
  );
  const byStaple = subject.staple
    ? await stapleFault(subject, subject.staple, context)
    : subject.isDemanded
      ? MISSING_STAPLE
      : undefined;
  const fault = byStaple ?? (lists.length > 0 ? await listsFault(lists, subject, context) : undefined);
  if (fault || subject.staple || lists.length > 0 || context.mode !== "required") return fault;
  return {
    code: "revocation-unknown",
    field: "cRLDistributionPoints",
    message: "neither an OCSP response nor a list says whether it is revoked",
    rule: "revocation required: every certificate but the anchor is spoken for",
  };
}

const MISSING_STAPLE: RuleFault = {
  code: "stapled-response",
  field: "tlsFeature",
  message: "the certificate says that a response comes with it, and none came",
  rule: "RFC 7633, section 4.2.3.1: status_request",
};

const REVOKED_RULE = "RFC 5280, section 6.3.3: status is unrevoked";

function revokedFault({ time, reason }: Revocation, by: string): RuleFault {
  const message = `revoked at ${new Date(time).toISOString()} by ${by}: ${reason}`;
  return { code: "revoked", field: "serialNumber", message, rule: REVOKED_RULE, reason };
}

async function stapleFault(
  { certificate, issuer }: RevocationSubject,
  staple: Uint8Array,
  { time, verifier }: RevocationContext,
): Promise<RuleFault | undefined> {
  const rule = "RFC 6960, section 3.2: conditions before a response is accepted as valid";
  try {
    const answer = await checkOcspResponse(staple, { certificate, issuer, time, verifier });
    if (answer.status === "good") return undefined;
    if (answer.status === "revoked") return revokedFault(answer.revocation, answer.responder.subject.text);
    const message = `${answer.responder.subject.text} does not know it`;
    return { code: "revocation-unknown", field: "certStatus", message, rule: "RFC 6960, section 2.2: unknown" };
  } catch (cause) {
    if (!(cause instanceof HawserError)) throw cause;
    return { code: "stapled-response", field: "OCSPResponse", message: cause.message, rule, cause };
  }
}

/** What the newest list says that somebody signed who may; a list of a CA that nobody may rely on is a fault. */
async function listsFault(
  lists: readonly UnverifiedCrl[],
  subject: RevocationSubject,
  context: RevocationContext,
): Promise<RuleFault | undefined> {
  const verified: RevocationList[] = [];
  let first: RuleFault | undefined;
  for (const list of lists) {
    const outcome = await signedList(list, subject, context);
    const fault = "code" in outcome ? outcome : timeFault(outcome, context.time);
    if (fault) first ??= fault;
    else if (!("code" in outcome)) verified.push(outcome);
  }
  const newest = verified.toSorted((a, b) => b.thisUpdate - a.thisUpdate)[0];
  if (!newest) return first;
  const revocation = newest.revoked.get(subject.certificate.serialNumber);
  if (revocation) return revokedFault(revocation, `list of ${newest.issuer.text}`);
  return staleFault(newest, context.time) ?? (context.conformance === "deployed" ? undefined : profileFault(newest));
}

/** The list, if the issuer of the certificate signed it, or another validated certificate of its name that may. */
async function signedList(
  list: UnverifiedCrl,
  { certificate, issuer }: RevocationSubject,
  context: RevocationContext,
): Promise<RevocationList | RuleFault> {
  const own = await attempt(list, issuer, context);
  if (!("code" in own) || list.fault) return own;
  for (const signer of await context.signersFor(certificate)) {
    // RFC 5280, section 6.3.3 (f): a certificate that was not made for issuing must say that it signs lists.
    if (!signer.extensions.keyUsage?.has("cRLSign")) continue;
    const other = await attempt(list, signer, context);
    if (!("code" in other)) return other;
  }
  return own;
}

async function attempt(
  list: UnverifiedCrl,
  signer: Certificate,
  { verifier }: RevocationContext,
): Promise<RevocationList | RuleFault> {
  try {
    return await verifiedCrl(list, signer, verifier);
  } catch (cause) {
    if (!(cause instanceof CertificateError) || cause.code === "too-much-work") throw cause;
    const { code, field, rule, message } = cause;
    return { code, field, rule, message, cause };
  }
}

/** Lists count in whole seconds, as certificates do. */
function timeFault({ issuer, thisUpdate }: RevocationList, time: number): RuleFault | undefined {
  if (thisUpdate <= time) return undefined;
  const message = `list of ${issuer.text} is of ${new Date(thisUpdate).toISOString()}, in the future`;
  return { code: "crl-stale", field: "thisUpdate", message, rule: "RFC 5280, section 5.1.2.4" };
}

function staleFault({ issuer, nextUpdate }: RevocationList, time: number): RuleFault | undefined {
  if (nextUpdate !== undefined && Math.floor(time / 1000) * 1000 <= nextUpdate) return undefined;
  const until =
    nextUpdate === undefined ? "does not say until when it counts" : `counted until ${dateText(nextUpdate)}`;
  const message = `list of ${issuer.text} ${until}, now is ${dateText(time)}`;
  return { code: "crl-stale", field: "nextUpdate", message, rule: "RFC 5280, section 6.3.3 (a): a current list" };
}

function dateText(time: number): string {
  return new Date(time).toISOString();
}

function profileFault({ issuer, number }: RevocationList): RuleFault | undefined {
  if (number !== undefined) return undefined;
  const message = `list of ${issuer.text} has none`;
  return { code: "profile", field: "cRLNumber", message, rule: "RFC 5280, section 5.2.3: MUST be in all CRLs" };
}
