import { Denied, equal, Refused, UsageError } from "../../codec/index.ts";
import type { Clock, Entropy, PlainKeyPair, SecureElement, SignatureVerifier, Signer } from "../../crypto/index.ts";
import { type Certificate, createCsr, type DistinguishedName, parseCertificate } from "../../pki/index.ts";
import type { Trace } from "../../trace/index.ts";
import { untrusted, verifyBirthCertificate } from "./births.ts";
import type { LineErrorCode } from "./errors.ts";
import type { LineIssuer } from "./issuer.ts";
import type { LineEntry, PartIdentity, PartState } from "./journal.ts";
import type { LineModel } from "./models.ts";
import { CERTIFICATE_INDEX, type LinePlaces } from "./places.ts";

/** What it takes to make one part ready, besides the part. */
export type PartTools = {
  readonly model: LineModel;
  readonly places: LinePlaces;
  /** Issues where the model has certificates issued. */
  readonly issuer: LineIssuer | undefined;
  /** The roots of the makers whose births are trusted. */
  readonly anchors: readonly Certificate[];
  /** The facility's generator of keys to inject. */
  readonly newKeyPair: () => Promise<PlainKeyPair>;
  readonly subjectOf: (part: { readonly number: number; readonly uniqueId: string }) => DistinguishedName;
  /** The certificate that was issued for a key before, if any: asked about where a part was begun before. */
  readonly issuedFor: (publicKey: Uint8Array) => Promise<Certificate | undefined>;
  readonly verifier: SignatureVerifier;
  readonly entropy: Entropy;
  readonly clock: Clock;
  readonly trace: Trace;
  readonly note: (entry: LineEntry) => Promise<void>;
};

/** A part in a socket. */
export type PartInSocket = { readonly element: SecureElement; readonly uniqueId: string; readonly before: PartState };

/**
 * Makes one part ready, or goes on with it where it was left. What was done is seen in the part, the journal and the CA;
 * each step is repeated without harm. Throws `Denied` or `Refused` where the part cannot be made ready.
 */
export async function makeReady(part: PartInSocket, tools: PartTools): Promise<void> {
  const identities = tools.model.key === "born" ? await bornIdentities(part, tools) : await newIdentity(part, tools);
  await tools.note({ step: "done", part: part.before.part, uniqueId: part.uniqueId, identities });
}

/** Takes a preconfigured part in: each key must be there, certified under the maker's root, and answer for itself. */
async function bornIdentities({ element, uniqueId }: PartInSocket, tools: PartTools): Promise<PartIdentity[]> {
  const { places, anchors, verifier, clock, entropy } = tools;
  if (places.born.length === 0) throw denied("part-not-born", `part ${uniqueId} is delivered without keys`);
  const identities: PartIdentity[] = [];
  for (const { name, slot, certificate: index } of places.born) {
    const signer = await signerIn(element, slot);
    const der = signer && (await element.readCertificate(index));
    if (!signer || !der) throw denied("part-not-born", `part ${uniqueId} has no ${name} key with a certificate`);
    const certificate = parseCertificate(der);
    await verifyBirthCertificate(uniqueId, [certificate], { anchors, verifier, time: clock.now() });
    if (!equal(signer.publicKey, certificate.publicKey.der)) {
      throw untrusted(`the ${name} certificate of part ${uniqueId} is for another key`);
    }
    await demandPossession({ signer, uniqueId, content: entropy.bytes(32), verifier });
    identities.push({ name, slot, certificate });
  }
  return identities;
}

/** A certificate proves nothing by lying in a memory: the key must sign what nobody could have signed before. */
async function demandPossession(proof: {
  readonly signer: Signer;
  readonly uniqueId: string;
  readonly content: Uint8Array;
  readonly verifier: SignatureVerifier;
}): Promise<void> {
  const { signer, uniqueId, content, verifier } = proof;
  const [algorithm] = signer.algorithms;
  if (algorithm === undefined) throw untrusted(`a key of part ${uniqueId} cannot sign`);
  const signature = await signer.sign(algorithm, content);
  if (await verifier.verify({ publicKey: signer.publicKey, algorithm, content, signature })) return;
  throw untrusted(`a key of part ${uniqueId} does not sign what its certificate says`);
}

/** Key pair, request signed by it, certificate from the CA, certificates into the part. */
async function newIdentity(part: PartInSocket, tools: PartTools): Promise<PartIdentity[]> {
  const { element, uniqueId, before } = part;
  const { slot } = tools.places;
  const present = await signerIn(element, slot);
  if (!isOurs(part)) await demandBlank(part, present);
  if (!isOurs(part) || before.outcome === "refused") await tools.note({ step: "begun", part: before.part, uniqueId });
  const signer = present ?? (await newKey(element, tools));
  const certificate = await certify(part, signer, tools);
  if (!isOurs(part) || before.certificate === undefined)
    await tools.note({ step: "issued", part: before.part, certificate });
  await storeCertificates(element, uniqueId, [certificate, tools.issuer?.chain[0]]);
  return [{ name: "device", slot, certificate }];
}

/** Whether what is in the part may be this line's own work. */
function isOurs({ uniqueId, before }: PartInSocket): boolean {
  return before.isBegun && before.uniqueId === uniqueId;
}

/** Keys and certificates of others are not written over. */
async function demandBlank({ element, uniqueId }: PartInSocket, present: Signer | undefined): Promise<void> {
  if (present) throw denied("part-not-blank", `part ${uniqueId} holds a key pair already`);
  for (const index of Object.values(CERTIFICATE_INDEX)) {
    if ((await element.readCertificate(index)) === undefined) continue;
    throw denied("part-not-blank", `part ${uniqueId} holds a certificate already`);
  }
}

async function newKey(element: SecureElement, { model, places, newKeyPair }: PartTools): Promise<Signer> {
  if (model.key === "generated") await element.generateKeyPair(places.slot);
  else {
    const keyPair = await newKeyPair();
    try {
      await element.injectKeyPair(places.slot, keyPair);
    } finally {
      keyPair.scalar.fill(0);
    }
  }
  return element.signer(places.slot);
}

/** The part's certificate: the one that was issued before, if it got so far, so that no key is ever certified twice. */
async function certify(part: PartInSocket, signer: Signer, tools: PartTools): Promise<Certificate> {
  const { uniqueId, before } = part;
  const { issuer, subjectOf, issuedFor, trace } = tools;
  if (isOurs(part) && before.certificate) {
    if (equal(before.certificate.publicKey.der, signer.publicKey)) return before.certificate;
    throw denied("part-changed", `part ${uniqueId} holds another key than serial ${before.certificate.serialNumber}`);
  }
  const earlier = isOurs(part) ? await issuedFor(signer.publicKey) : undefined;
  if (earlier) return earlier;
  if (!issuer) throw new UsageError<LineErrorCode>("issuer-failed", "this line has no issuer");
  const subject = subjectOf({ number: before.part, uniqueId });
  return issuer.issue(await createCsr({ subject, signer, trace }), subject);
}

/** Writes what is not there yet, and reads it back. */
async function storeCertificates(
  element: SecureElement,
  uniqueId: string,
  [device, issuer]: readonly [Certificate, Certificate | undefined],
): Promise<void> {
  const wanted = [
    [CERTIFICATE_INDEX.device, device],
    [CERTIFICATE_INDEX.issuer, issuer],
  ] as const;
  for (const [index, certificate] of wanted) {
    if (!certificate) continue;
    await element.writeCertificate(index, certificate.der);
    const stored = await element.readCertificate(index);
    if (stored && equal(stored, certificate.der)) continue;
    throw denied("part-memory", `part ${uniqueId} did not keep certificate ${index}`);
  }
}

/** The signer of a slot, or undefined where it is empty: chips refuse to show a key that they do not have. */
async function signerIn(element: SecureElement, slot: number): Promise<Signer | undefined> {
  try {
    return await element.signer(slot);
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
}

function denied(code: LineErrorCode, message: string): Denied<LineErrorCode> {
  return new Denied<LineErrorCode>(code, message);
}
